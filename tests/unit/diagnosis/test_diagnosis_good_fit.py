"""What is well: a gap that does no harm, a good fit; and whether more rows would make it better."""

import numpy as np
import pytest
from verdict_evidence import (
    FOLDS,
    ROWS,
    diverging,
    evidence,
    growth,
    network,
    networks,
    row_losses,
    times,
    trial,
    with_train_loss,
)

from goodfit.diagnosis import benign_gap, good_fit, more_rows_help, overfitting, underfitting
from goodfit.diagnosis.changes import BLIND, LEAST
from goodfit.multiplicity import LEVEL
from goodfit.statistics import mean_interval

DOSE = trial("l2=0.001", times(1.1))

# -- benign_gap and good_fit ------------------------------------------------------------------------------------------


def with_gap(gap: float) -> tuple:
    """Networks whose training loss lies below the held-out loss by about this share of it."""
    own = [1 - gap * (1 + 0.05 * (member - 2)) for member in range(FOLDS)]
    return tuple(network(m, train=(0.9, 0.9, 0.4 * share), validation=(0.5, 0.45, 0.4)) for m, share in enumerate(own))


def test_a_gap_that_no_dose_mends_is_benign():
    verdict = benign_gap.check(evidence(trial(results=with_gap(0.4)), DOSE))
    expected = mean_interval([0.4 * (1 + 0.05 * (m - 2)) for m in range(FOLDS)], test_share=1 / (FOLDS - 1))
    assert (verdict.outcome, verdict.severity) == ("fired", "tip")
    assert verdict.evidence["gap"] == pytest.approx(0.4)
    assert verdict.evidence["gap, low"] == pytest.approx(expected.low)
    assert verdict.evidence["gap, high"] == pytest.approx(expected.high)


def test_a_gap_that_a_dose_mends_or_that_is_none_is_not_benign():
    wide, narrow = trial(results=with_gap(0.4)), trial(results=with_gap(BLIND / 2))
    for asked, losses, outcome in (
        (wide, times(0.5), "passed"),
        (narrow, times(1.1), "passed"),
        (wide, row_losses(0.49, seed=1), "undecided"),
        (narrow, row_losses(0.49, seed=1), "passed"),
    ):
        verdict = benign_gap.check(evidence(asked, trial("l2=0.001", losses)))
        assert (verdict.outcome, bool(verdict.reason)) == (outcome, outcome == "undecided")


def test_a_gap_is_not_asked_about_where_overfitting_is_not():
    for trials in ((trial("l2=0.1"),), (diverging(trial()), DOSE), (trial(results=networks(1)), DOSE)):
        verdict = benign_gap.check(evidence(*trials))
        assert verdict.outcome == "not applicable"
        assert verdict.reason


def asked_fully(dose=1.1, stronger=1.1, **other):
    """Evidence with a dose and a stronger network, at these shares of the loss."""
    doses = [trial("l2=0.001", dose if isinstance(dose, np.ndarray) else times(dose))]
    learned = with_train_loss(0.3)
    return evidence(trial(), *doses, trial("hidden=(8,)", times(stronger), kind="capacity", results=learned), **other)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_where_nothing_helps_and_it_beats_the_constant_it_is_a_good_fit(task):
    verdict = good_fit.check(asked_fully(task=task))
    assert (verdict.outcome, verdict.severity) == ("fired", "good")
    assert verdict.evidence["better than the constant prediction by"] == pytest.approx(
        1 - 0.3 / 0.58 if task == "regression" else 1 - 0.5 / 0.7
    )


def test_what_overfits_underfits_or_beats_nothing_is_no_good_fit():
    poor = {"accuracy": 0.5, "balanced_accuracy": 0.5, "log_loss": 0.71}
    flat = np.full((ROWS, 2), 0.5)
    for found in (
        asked_fully(dose=0.5),
        asked_fully(stronger=0.5),
        asked_fully(scores=poor),
        asked_fully(predicted=flat),
        evidence(trial(), diverging(DOSE), *asked_fully().trials[1:]),
    ):
        assert good_fit.check(found).outcome == "passed"
    unsure = good_fit.check(asked_fully(dose=row_losses(0.49, seed=1)))
    assert (unsure.outcome, unsure.reason) == ("undecided", "whether it suffers from overfitting can't be told")


def test_a_good_fit_is_not_called_one_unless_both_were_asked():
    for found, word in (
        (evidence(trial(), DOSE), "underfitting was not asked"),
        (evidence(trial("l2=0.1")), "overfitting was not asked"),
        (asked_fully(scores={}, baseline={}), "no row was held out"),
    ):
        verdict = good_fit.check(found)
        assert verdict.outcome == "not applicable"
        assert verdict.reason.startswith(word)


# -- more_rows_help ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gain", "outcome"),
    [
        ((0.1, 0.05, 0.15), "fired"),
        ((0.1, -0.05, 0.25), "undecided"),
        ((LEAST / 4, 0.001, LEAST / 2), "passed"),
        ((0.0, -0.001, LEAST / 2), "passed"),
        ((LEAST / 1.5, -0.001, LEAST / 1.2), "passed"),
    ],
)
def test_more_rows_help_where_the_learning_curve_still_falls(gain, outcome):
    verdict = more_rows_help.check(evidence(growth=growth(gain=gain, loss=0.5)))
    assert (verdict.outcome, bool(verdict.reason)) == (outcome, outcome == "undecided")
    now = 0.5 + gain[0]
    assert verdict.evidence["held-out loss now"] == pytest.approx(now)
    assert verdict.evidence["predicted at twice the rows"] == pytest.approx(0.5)
    assert [verdict.evidence[f"lower by{end}"] for end in ("", ", low", ", high")] == pytest.approx(
        [end / now for end in gain]
    )


def test_a_learning_curve_that_was_not_drawn_or_that_no_law_describes_predicts_nothing():
    assert more_rows_help.check(evidence()).outcome == "not applicable"
    verdict = more_rows_help.check(evidence(growth=growth(reliable=False)))
    assert (verdict.outcome, bool(verdict.reason)) == ("undecided", True)


def test_thresholds_lie_in_order():
    assert 0 < LEAST < BLIND
    assert 0 < LEVEL < 0.5
    assert overfitting.LEAST == underfitting.LEAST == LEAST
