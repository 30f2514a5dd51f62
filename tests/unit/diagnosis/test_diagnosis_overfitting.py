"""overfitting: a dose lowers the held-out loss beyond chance, or the loss of a lone network turns."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from verdict_evidence import (
    ROWS,
    diagnosed,
    diverging,
    evidence,
    networks,
    row_losses,
    rows_of,
    times,
    trial,
    with_train_loss,
)

from goodfit.diagnosis import overfitting
from goodfit.diagnosis.changes import BLIND, LEAST
from goodfit.multiplicity import LEVEL, largest_fall
from goodfit.studies.fitting import Plan

DIVERGED = "networks diverged, so there is no loss to compare with"
NOTHING_HELD = "no row was held out, or a network diverged for every change"


def check(*trials, **other):
    return overfitting.check(evidence(*trials, **other))


def test_a_dose_that_lowers_the_held_out_loss_beyond_chance_is_overfitting():
    asked = trial(results=with_train_loss(0.07))
    verdict = check(asked, trial("l2=0.001", times(0.6)), trial("l1=0.01", times(0.9)))
    assert (verdict.outcome, verdict.severity, verdict.threshold) == ("fired", "issue", LEAST)
    assert verdict.advice == "train with l2=0.001"
    assert verdict.evidence["best change"] == "l2=0.001"
    assert verdict.evidence["held-out loss as it is"] == pytest.approx(0.5)
    assert verdict.evidence["held-out loss after the best change"] == pytest.approx(0.3)
    assert verdict.evidence["lower by"] == pytest.approx(0.4)
    assert verdict.evidence["p"] < LEVEL
    assert verdict.evidence["training loss as it is"] == pytest.approx(0.07)


def test_a_dose_that_leaves_a_constant_is_not_advised():
    flat = np.full((ROWS, 2), 0.5)
    trials = trial(), trial("l1=0.05", times(0.6))
    assert check(*trials, chosen=1).advice == "train with l1=0.05"
    verdict = check(*trials, chosen=1, predicted=flat)
    assert verdict.fired
    assert verdict.advice == "try smaller doses than l1=0.05"
    assert verdict.evidence["predictions after the best change"] == "nearly the same for every row"
    assert "predictions after the best change" not in check(*trials, chosen=0, predicted=flat).evidence
    assert check(*trials, chosen=0, predicted=flat).advice == "train with l1=0.05"


def test_rows_count_by_their_weight():
    """A dose that helps only the heavy rows."""
    weights = np.where(np.arange(ROWS) % 3 == 0, 5.0, 1.0)
    helped = np.where(weights > 1, 0.3, 1.1) * row_losses()
    verdict = check(trial(), trial("l2=0.001", helped), weights=weights)
    expected = 1 - np.average(helped, weights=weights) / np.average(row_losses(), weights=weights)
    assert verdict.evidence["lower by"] == pytest.approx(expected)
    assert verdict.evidence["held-out loss after the best change"] == pytest.approx(np.average(helped, weights=weights))
    assert verdict.fired
    assert check(trial(), trial("l2=0.001", helped), weights=1 / weights).outcome != "fired"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.8, 1.2), min_size=1, max_size=4), st.floats(0, 1), st.integers(0, 9))
def test_it_follows_the_test_of_the_best_of_several(shares, noise, seed):
    doses = [times(share, noise=noise, seed=seed + place) for place, share in enumerate(shares)]
    verdict = check(trial(), *(trial(f"l2={i + 1}", losses) for i, losses in enumerate(doses)))
    fall = largest_fall(row_losses(), doses, least=LEAST)
    assert verdict.evidence["lower by"] == pytest.approx(fall.fall.value)
    assert verdict.evidence["lower by, low"] == pytest.approx(fall.fall.low)
    assert verdict.evidence["lower by, high"] == pytest.approx(fall.fall.high)
    assert verdict.evidence["at most lower by"] == pytest.approx(fall.most)
    assert verdict.evidence["best change"] == f"l2={fall.best + 1}"
    if fall.p < LEVEL and fall.fall.value >= LEAST:
        assert verdict.outcome == "fired"
    else:
        assert verdict.outcome == ("passed" if fall.most < BLIND else "undecided")
    assert bool(verdict.reason) == (verdict.outcome == "undecided")


def test_one_dose_that_is_sure_and_another_that_is_large_make_no_verdict():
    """It fires for a dose that is both, and says that dose's own fall and p."""
    small, lucky = times(1 - 0.9 * LEAST, noise=0.01), row_losses(0.48, seed=1)
    verdict = check(trial(), trial("l1=0.001", small), trial("l2=0.001", lucky))
    assert (verdict.outcome, verdict.evidence["best change"]) == ("undecided", "l2=0.001")
    assert verdict.evidence["p"] > LEVEL
    assert verdict.evidence["lower by"] == pytest.approx(0.04)
    sure = times(1 - 1.5 * LEAST, noise=0.01)
    verdict = check(trial(), trial("l1=0.001", sure), trial("l2=0.001", lucky))
    assert (verdict.outcome, verdict.advice) == ("fired", "train with l1=0.001")
    assert verdict.evidence["p"] < LEVEL
    assert verdict.evidence["lower by"] == pytest.approx(1.5 * LEAST, abs=0.002)
    assert verdict.evidence["lower by, low"] > 0


def test_a_dose_that_surely_does_no_better_passes():
    for other in (times(1.0), times(1.1), times(1 - LEAST / 2)):
        assert check(trial(), trial("l2=0.001", other)).outcome == "passed"


def test_rounding_is_no_gain():
    """A dose at which nothing happens trains the same networks in another company: their floats differ by rounding."""
    verdict = check(trial(), trial("early_stopping=10", row_losses() - 1e-9))
    assert verdict.evidence["lower by"] > 0
    assert verdict.outcome == "passed"


def test_where_a_gain_may_hide_in_the_noise_it_is_undecided():
    verdict = check(trial(), trial("l2=0.001", row_losses(0.49, seed=1)))
    assert (verdict.outcome, verdict.reason) == ("undecided", overfitting.UNSURE)
    assert verdict.evidence["at most lower by"] > BLIND


@pytest.mark.parametrize("doses", [1, 4, 12])
def test_noise_alone_seldom_fires_however_many_doses_are_tried(doses):
    random, fired = np.random.default_rng(doses), 0
    for _ in range(200):
        hardness = random.exponential(size=(1, 100))
        losses = hardness * np.exp(0.5 * random.standard_normal((doses + 1, 100)))
        others = [trial(f"l2={i + 1}", own, results=()) for i, own in enumerate(losses[1:])]
        asked = trial("none", losses[0])
        fired += overfitting.check(evidence(asked, *others)).fired
    assert fired <= stats.binom.ppf(0.999, 200, LEVEL)


def test_a_dose_of_which_a_network_diverged_is_not_counted():
    verdict = check(trial(), diverging(trial("l2=0.001", times(0.2))), trial("l1=0.01", times(0.6)))
    assert verdict.evidence["best change"] == "l1=0.01"
    assert verdict.evidence["lower by"] == pytest.approx(0.4)


def test_less_regularization_longer_training_and_larger_networks_are_no_doses():
    others = [trial(kind, times(0.5), kind=kind) for kind in ("relaxed", "training", "capacity", "patience")]
    assert check(trial(), *others).outcome == "not applicable"
    assert check(trial(), trial("l2=0.001", times(1.0)), *others).outcome == "passed"


def test_without_losses_to_compare_it_is_not_applicable():
    dose = trial("l2=0.001", times(0.5))
    for trials, reason in (
        ((diverging(trial()), dose), DIVERGED),
        ((trial(), diverging(dose)), NOTHING_HELD),
        ((trial(losses=[]), trial("l2=0.001", [])), NOTHING_HELD),
        ((trial(losses=[0.5]), trial("l2=0.001", [0.1])), NOTHING_HELD),
    ):
        verdict = check(*trials)
        assert (verdict.outcome, verdict.reason) == ("not applicable", reason)


def test_a_regularized_recipe_alone_tells_nothing():
    verdict = check(trial("l2=0.1", results=networks(train=(0.5, 0.4, 0.3, 0.2), validation=(0.5, 0.3, 0.4, 0.6))))
    assert (verdict.outcome, verdict.fired) == ("not applicable", False)
    assert verdict.reason == "one recipe was trained, and no other dose beside it"


def test_no_regularization_alone_is_asked_whether_its_loss_turns():
    risen = networks(train=(0.5, 0.4, 0.3, 0.2), validation=(0.5, 0.3, 0.4, 0.6))
    verdict = check(trial(results=risen))
    assert (verdict.outcome, verdict.advice) == ("fired", "train with early_stopping=10")
    assert verdict.evidence["validation turns at epoch"] == 2
    assert verdict.evidence["rise since"] == pytest.approx(0.3)
    assert verdict.evidence["fall of the training loss since"] == pytest.approx(0.2)
    assert verdict.threshold == pytest.approx(LEAST * 0.3)
    assert check(trial()).outcome == "passed"
    for rise, outcome in ((LEAST / 2, "passed"), (2 * LEAST, "fired")):
        curve = (0.5, 0.3, 0.3, 0.3 * (1 + rise))
        assert check(trial(results=networks(train=(0.5, 0.4, 0.3, 0.2), validation=curve))).outcome == outcome


@pytest.mark.parametrize("runs", [networks(1), networks(validation=(math.nan,) * 3), networks(outcome="diverged")])
def test_a_turn_without_an_interval_is_not_applicable(runs):
    verdict = check(trial(results=runs))
    assert (verdict.outcome, verdict.reason) == ("not applicable", "no validation losses of several networks")


def test_the_network_asked_about_need_not_come_first():
    """A fit that was told which recipe to use asks about no regularization, wherever that stands."""
    found = evidence(trial("l2=0.001", times(0.5)), trial())
    verdict = overfitting.check(replace(found, reference=1))
    assert (verdict.outcome, verdict.evidence["best change"]) == ("fired", "l2=0.001")
    assert overfitting.check(replace(found, reference=0)).outcome == "passed"


# -- known truths -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_labels_of_pure_noise_are_memorized(seed):
    X, random = rows_of(60, 8, seed)
    y, plan = random.integers(0, 2, 60), Plan(learning_rate=0.02, members=10)
    verdict = diagnosed(X, y, "none", "early_stopping=5", max_epochs=60, plan=plan)["overfitting"]
    assert verdict.fired
    assert verdict.advice == "train with early_stopping=5"
    assert verdict.evidence["training loss as it is"] < 0.3
    assert verdict.evidence["held-out loss as it is"] > 2 * math.log(2)
    alone = diagnosed(X, y, "none", max_epochs=60, plan=plan)["overfitting"]
    assert alone.fired
    assert alone.evidence["fall of the training loss since"] > 0.1


@pytest.mark.parametrize("texts", [("none",), ("none", "early_stopping=5", "l2=0.01")])
def test_a_line_through_many_rows_is_not(texts):
    X, random = rows_of(400)
    y = X @ [1.0, -1.0, 0.5, 0.0, 2.0] + 0.5 * random.normal(size=400)
    verdict = diagnosed(X, y, *texts, hidden=(), max_epochs=30)["overfitting"]
    assert verdict.outcome == "passed"
