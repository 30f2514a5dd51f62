"""Each check fires when it must, is silent when it must, and says why it can't be asked."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from verdict_evidence import FOLD, FOLDS, evidence, network, networks

from goodfit.diagnosis import CHECKS, Diagnosis, Verdict, accuracy_misleads, collapsed, diagnose, diverged, overfitting
from goodfit.regularizers import Recipe
from goodfit.saving import json_text
from goodfit.statistics import paired_interval
from goodfit.studies.findings import gather_evidence
from goodfit.studies.fitting import Plan, fit
from goodfit.studies.problem import read_problem
from goodfit.training import Settings

NAMES = ("overfitting", "collapsed", "diverged", "accuracy_misleads")
RECIPES = ("none", "l2=0.001", "early_stopping=10")
NONE = [0.50, 0.55, 0.45, 0.52, 0.48]


def diagnosed(X, y, *texts: str, plan: Plan | None = None, **chosen) -> Diagnosis:
    """The verdicts on a real training."""
    settings = Settings(**({"hidden": (32,), "batch_size": 16, "max_epochs": 40} | chosen))
    plan = plan or Plan(learning_rate=0.01)
    return diagnose(
        gather_evidence(fit(read_problem(X, y), [Recipe.parse(t) for t in texts], plan=plan, settings=settings))
    )


def rows_of(count: int, columns: int = 5, seed: int = 0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, columns)), random


# -- overfitting ------------------------------------------------------------------------------------------------------


def test_a_dose_that_lowers_the_held_out_loss_beyond_chance_is_overfitting():
    losses = [NONE, [x - 0.20 for x in NONE], [x - 0.1 + 0.01 * i for i, x in enumerate(NONE)]]
    verdict = overfitting.check(evidence(recipes=RECIPES, losses=losses))
    assert verdict.outcome == "fired"
    assert verdict.evidence["best dose"] == "l2=0.001"
    assert verdict.advice == "train with l2=0.001"
    assert verdict.evidence["held-out loss without regularization"] == pytest.approx(0.5)
    assert verdict.evidence["held-out loss of the best dose"] == pytest.approx(0.3)
    assert verdict.evidence["lower by"] == pytest.approx(1 - np.exp(np.mean(np.log(losses[1]) - np.log(NONE))))
    assert verdict.evidence["training loss without regularization"] == pytest.approx(0.3)


@settings(deadline=None)
@given(st.lists(st.floats(-0.3, 0.3), min_size=5, max_size=5), st.integers(1, 6))
def test_it_fires_by_the_paired_interval_corrected_for_folds_and_doses(gains, tried):
    """Held-out rows over training rows are 1/4; the level is shared out among the doses tried."""
    others = [[x - gain for x, gain in zip(NONE, gains, strict=True)], *[[0.9] * 5] * (tried - 1)]
    texts = ("none", *(f"l2={i}" for i in range(1, tried + 1)))
    verdict = overfitting.check(evidence(recipes=texts, losses=[NONE, *others]))
    if np.mean(gains) < -0.39:
        return
    expected = paired_interval(np.log(NONE), np.log(others[0]), test_share=0.25, level=1 - 0.05 / tried)
    assert verdict.evidence["lower by, low"] == pytest.approx(1 - np.exp(-expected.low))
    assert verdict.evidence["lower by, high"] == pytest.approx(1 - np.exp(-expected.high))
    assert verdict.fired == (expected.low > 0 and 1 - np.exp(-expected.value) > verdict.threshold)


def test_a_dose_that_does_no_better_passes():
    for other in (NONE, [x + 0.1 for x in NONE], [0.1, 0.9, 0.2, 0.8, 0.4]):
        assert overfitting.check(evidence(recipes=RECIPES[:2], losses=[NONE, other])).outcome == "passed"


def test_rounding_is_no_gain():
    """A dose at which nothing happens trains the same networks in another company: their floats differ by rounding."""
    losses = [NONE, [x - (1 + i) * 1e-9 for i, x in enumerate(NONE)]]
    assert overfitting.check(evidence(recipes=("none", "early_stopping=10"), losses=losses)).outcome == "passed"


def test_noise_alone_seldom_fires_however_many_doses_are_tried():
    random, fired = np.random.default_rng(0), 0
    for _ in range(400):
        folds = random.normal(0.5, 0.1, FOLDS)
        losses = [folds + random.normal(0, 0.02, FOLDS) for _ in range(6)]
        fired += overfitting.check(evidence(recipes=("none", *"abcde"), losses=losses)).fired
    assert fired <= stats.binom.ppf(0.999, 400, 0.05)


def test_a_dose_of_which_a_network_diverged_is_not_counted():
    losses = [NONE, [x - 0.3 for x in NONE[:4]] + [math.nan], [x - 0.2 for x in NONE]]
    verdict = overfitting.check(evidence(recipes=RECIPES, losses=losses))
    assert verdict.evidence["best dose"] == "early_stopping=10"
    expected = paired_interval(np.log(NONE), np.log(losses[2]), test_share=0.25)
    assert verdict.evidence["lower by, low"] == pytest.approx(1 - np.exp(-expected.low))


@pytest.mark.parametrize(
    "losses",
    [
        [[math.nan, *NONE[1:]], NONE],
        [NONE, [math.nan, *NONE[1:]]],
        [[0.5], [0.4]],
        [[math.nan] * 5, [math.nan] * 5],
    ],
)
def test_too_few_losses_are_not_applicable(losses):
    verdict = overfitting.check(evidence(recipes=RECIPES[:2], losses=losses))
    assert (verdict.outcome, verdict.reason) == ("not applicable", "too few networks with a held-out loss")


def test_a_regularized_recipe_alone_tells_nothing():
    verdict = overfitting.check(evidence(recipes=("l2=0.1",)))
    assert (verdict.outcome, verdict.fired) == ("not applicable", False)
    assert verdict.reason == "no network was trained without regularization"


def test_no_regularization_alone_is_asked_whether_its_loss_turns():
    risen = networks(train=(0.5, 0.4, 0.3, 0.2), validation=(0.5, 0.3, 0.4, 0.6))
    verdict = overfitting.check(evidence(results=(risen,)))
    assert (verdict.outcome, verdict.advice) == ("fired", "train with early_stopping=10")
    assert verdict.evidence["validation turns at epoch"] == 2
    assert verdict.evidence["rise since"] == pytest.approx(0.3)
    assert verdict.evidence["fall of the training loss since"] == pytest.approx(0.2)
    assert overfitting.check(evidence()).outcome == "passed"
    hardly = networks(train=(0.5, 0.4, 0.3, 0.2), validation=(0.5, 0.3, 0.3, 0.3002))
    assert overfitting.check(evidence(results=(hardly,))).outcome == "passed"


@pytest.mark.parametrize("runs", [networks(1), networks(validation=(math.nan,) * 3), networks(outcome="diverged")])
def test_a_turn_without_an_interval_is_not_applicable(runs):
    verdict = overfitting.check(evidence(results=(runs,)))
    assert (verdict.outcome, verdict.reason) == ("not applicable", "no validation losses of several networks")


@pytest.mark.parametrize("seed", [0, 1])
def test_labels_of_pure_noise_are_memorized(seed):
    X, random = rows_of(60, 8, seed)
    y, plan = random.integers(0, 2, 60), Plan(learning_rate=0.02, members=10)
    verdict = diagnosed(X, y, "none", "early_stopping=5", max_epochs=60, plan=plan)["overfitting"]
    assert verdict.fired
    assert verdict.advice == "train with early_stopping=5"
    assert verdict.evidence["training loss without regularization"] < 0.3
    assert verdict.evidence["held-out loss without regularization"] > 2 * math.log(2)
    alone = diagnosed(X, y, "none", max_epochs=60, plan=plan)["overfitting"]
    assert alone.fired
    assert alone.evidence["fall of the training loss since"] > 0.1


@pytest.mark.parametrize("texts", [("none",), ("none", "early_stopping=5", "l2=0.01")])
def test_a_line_through_many_rows_is_not(texts):
    X, random = rows_of(400)
    y = X @ [1.0, -1.0, 0.5, 0.0, 2.0] + 0.5 * random.normal(size=400)
    verdict = diagnosed(X, y, *texts, hidden=(), max_epochs=30)["overfitting"]
    assert verdict.outcome == "passed"


# -- collapsed --------------------------------------------------------------------------------------------------------


def constant_by_fold(values) -> np.ndarray:
    column = np.resize(np.asarray(values, dtype=float), FOLDS * FOLD)[:, None]
    return np.hstack([1 - column, column])


def test_predictions_that_differ_between_rows_are_no_collapse():
    assert collapsed.check(evidence()).outcome == "passed"
    rare = constant_by_fold([0.1]) + np.linspace(-0.05, 0.05, FOLDS * FOLD)[:, None] * [1, -1]
    assert collapsed.check(evidence(predicted=rare)).outcome == "passed"


@pytest.mark.parametrize("constants", [[0.4], [0.40, 0.41, 0.42, 0.39, 0.45]])
def test_one_prediction_a_network_is_collapse(constants):
    """Networks of other folds have other constants: the share of a class among their own training rows."""
    verdict = collapsed.check(evidence(predicted=constant_by_fold(constants)))
    assert verdict.outcome == "fired"
    assert verdict.evidence["deviation of the predictions between rows"] == pytest.approx(0, abs=1e-12)


def test_one_network_that_tells_rows_apart_is_enough():
    predicted = constant_by_fold([0.4])
    predicted[::FOLDS, 0] = np.linspace(0, 1, FOLD)
    assert collapsed.check(evidence(predicted=predicted)).outcome == "passed"


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("spread", "outcome"), [(1e-4, "fired"), (0.5, "passed")])
def test_in_regression_the_targets_own_spread_is_the_measure(unit, spread, outcome):
    found = evidence("regression", predicted=unit * spread * np.linspace(-1, 1, FOLDS * FOLD)[:, None])
    assert collapsed.check(replace(found, target=unit * found.target)).outcome == outcome


def test_collapse_of_networks_that_diverged_is_not_asked():
    results = ((*networks(4), network(4, outcome="diverged")),)
    kept = np.arange(FOLDS * FOLD) % FOLDS < 4
    for predicted, outcome in ((constant_by_fold([0.3]), "fired"), (evidence().predicted, "passed")):
        found = evidence(results=results, predicted=predicted[kept])
        assert collapsed.check(replace(found, target=found.target[kept])).outcome == outcome


@pytest.mark.parametrize("held", [0, 1])
def test_without_two_rows_held_out_by_a_network_collapse_is_not_applicable(held):
    run = network().run
    results = tuple(
        replace(network(m), run=replace(run, validation=np.arange(m, m + held), train=np.arange(8))) for m in range(5)
    )
    found = replace(evidence(results=(results,), predicted=np.full((5 * held, 2), 0.5)), target=np.zeros(5 * held))
    verdict = collapsed.check(found)
    assert (verdict.outcome, verdict.reason) == ("not applicable", "no network held out two rows")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_penalty_that_leaves_no_weight_collapses_a_network(task):
    X, random = rows_of(91)
    signal = X[:, 0] + 0.3 * random.normal(size=91)
    y = {"binary": signal > 0.6, "multiclass": np.digitize(signal, [-0.5, 0.8]), "regression": signal}[task]
    assert diagnosed(X, y, "l1=100", max_epochs=10)["collapsed"].outcome == "fired"
    assert diagnosed(X, y, "none", max_epochs=10)["collapsed"].outcome == "passed"


# -- diverged ---------------------------------------------------------------------------------------------------------


def test_every_network_that_diverged_is_counted():
    gone = [network(m, train=[1.0] * epochs, outcome="diverged") for m, epochs in ((2, 7), (3, 4))]
    results = (networks(), (*networks(3), *gone))
    verdict = diverged.check(evidence(recipes=RECIPES[:2], results=results))
    assert verdict.outcome == "fired"
    assert verdict.evidence == {"networks that diverged": 2.0, "networks": 10.0, "first at epoch": 4.0}


def test_networks_that_ended_in_any_other_way_did_not_diverge():
    results = (tuple(network(m, outcome=o) for m, o in enumerate(["finished", "stopped", "out of time"])),)
    verdict = diverged.check(evidence(results=results))
    assert (verdict.outcome, verdict.evidence["networks that diverged"]) == ("passed", 0.0)


def test_a_learning_rate_that_is_far_too_high_diverges():
    X, random = rows_of(60)
    y = X[:, 0] + random.normal(size=60)
    high = diagnosed(X, y, "none", optimizer="sgd", max_epochs=15, plan=Plan(learning_rate=1e6))
    assert "diverged" in high.fired
    assert high["diverged"].evidence["networks that diverged"] == 5.0
    assert "diverged" not in diagnosed(X, y, "none", max_epochs=2).fired
    assert high["collapsed"].outcome == high["overfitting"].outcome == "not applicable"


# -- accuracy_misleads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("majority", "outcome"), [(0.95, "fired"), (0.8, "fired"), (0.79, "passed"), (0.5, "passed")])
def test_accuracy_misleads_where_a_class_holds_four_rows_of_five(majority, outcome):
    verdict = accuracy_misleads.check(evidence(baseline={"accuracy": majority, "log_loss": 0.2}))
    assert (verdict.outcome, verdict.severity, verdict.threshold) == (outcome, "tip", 0.8)
    assert verdict.evidence["accuracy of the commonest class"] == majority
    assert verdict.evidence["accuracy"] == 0.9


def test_accuracy_is_not_asked_of_numbers_nor_without_rows_held_out():
    numbers = accuracy_misleads.check(evidence("regression"))
    none = accuracy_misleads.check(evidence(scores={}, baseline={}))
    assert (numbers.outcome, numbers.reason) == ("not applicable", "the target is a number")
    assert (none.outcome, none.reason) == ("not applicable", "no rows were held out")


@pytest.mark.parametrize(("share", "outcome"), [(0.1, "fired"), (0.4, "passed")])
def test_a_rare_class_makes_accuracy_mislead(share, outcome):
    X, _ = rows_of(100)
    verdict = diagnosed(X, np.arange(100) < 100 * share, "none", max_epochs=3)["accuracy_misleads"]
    assert verdict.outcome == outcome
    assert verdict.evidence["accuracy of the commonest class"] == pytest.approx(1 - share)


# -- verdicts ---------------------------------------------------------------------------------------------------------


def test_every_question_is_answered_in_order_with_an_outcome():
    diagnosis = diagnose(evidence())
    assert tuple(verdict.name for verdict in diagnosis.verdicts) == NAMES
    assert len(CHECKS) == 4
    assert {verdict.outcome for verdict in diagnosis.verdicts} == {"passed"}
    assert diagnosis.fired == ()
    assert repr(diagnosis) == f"Diagnosis(fired=[], verdicts={list(NAMES)})"


@pytest.mark.parametrize(
    "found",
    [
        evidence(),
        evidence("regression", ("l2=0.1",), scores={}, baseline={}),
        evidence(recipes=RECIPES, losses=[NONE, [0.1] * 5, [math.nan] * 5]),
        evidence(
            results=(networks(train=(1, 0.5, 0.1), validation=(1.0, 0.1, 2.0)),), predicted=constant_by_fold([0.5])
        ),
        evidence(results=(networks(outcome="diverged"),), predicted=np.zeros((0, 2)), scores={}, baseline={}),
    ],
    ids=["sane", "regularized alone", "doses", "turned and collapsed", "all diverged"],
)
def test_verdicts_are_plain_data_with_a_reason_where_they_can_not_be_asked(found):
    for verdict in diagnose(found).verdicts:
        plain = verdict.to_dict()
        assert json.loads(json_text(plain), parse_constant=pytest.fail)["name"] == verdict.name
        assert list(plain) == ["name", "title", "severity", "outcome", "evidence", "threshold", "advice", "reason"]
        assert plain["severity"] in {"issue", "tip"}
        assert plain["outcome"] in {"fired", "passed", "not applicable"}
        assert bool(verdict.reason) == (verdict.outcome == "not applicable")
        assert verdict.fired == (verdict.outcome == "fired")
        assert verdict.title
        if verdict.outcome == "not applicable":
            assert verdict.threshold is None
        else:
            assert verdict.advice
            assert verdict.threshold >= 0
            assert all(isinstance(value, float | str) for value in verdict.evidence.values())


def test_a_verdict_is_found_by_its_name():
    one, two = Verdict("a", "A", "tip", "fired"), Verdict("b", "B", "issue", "passed", evidence={"x": 1.0})
    diagnosis = Diagnosis((one, two))
    assert diagnosis["b"] is two
    assert diagnosis.fired == ("a",)
    assert two.to_dict()["evidence"] == {"x": 1.0}
    with pytest.raises(KeyError):
        diagnosis["c"]
