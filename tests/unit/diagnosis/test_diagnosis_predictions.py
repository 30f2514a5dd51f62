"""What networks tell of themselves: collapse, divergence, an accuracy that misleads."""

from dataclasses import replace

import numpy as np
import pytest
from verdict_evidence import FOLD, FOLDS, ROWS, diagnosed, evidence, network, networks, rows_of, trial

from goodfit.diagnosis import accuracy_misleads, collapsed, diverged
from goodfit.studies.fitting import Plan

# -- collapsed --------------------------------------------------------------------------------------------------------


def constant_by_fold(values) -> np.ndarray:
    column = np.resize(np.asarray(values, dtype=float), ROWS)[:, None]
    return np.hstack([1 - column, column])


def test_predictions_that_differ_between_rows_are_no_collapse():
    assert collapsed.check(evidence()).outcome == "passed"
    rare = constant_by_fold([0.1]) + np.linspace(-0.05, 0.05, ROWS)[:, None] * [1, -1]
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
@pytest.mark.parametrize(
    ("spread", "outcome"), [(collapsed.LEAST_SPREAD / 10, "fired"), (collapsed.LEAST_SPREAD * 100, "passed")]
)
def test_in_regression_the_targets_own_spread_is_the_measure(unit, spread, outcome):
    found = evidence(task="regression", predicted=unit * spread * np.linspace(-1, 1, ROWS)[:, None])
    assert collapsed.check(replace(found, target=unit * found.target)).outcome == outcome


def test_collapse_of_networks_that_diverged_is_not_asked():
    asked = trial(results=(*networks(4), network(4, outcome="diverged")))
    gone = np.arange(ROWS) % FOLDS == 4
    for predicted, outcome in ((constant_by_fold([0.3]), "fired"), (evidence().predicted.copy(), "passed")):
        predicted[gone] = np.nan
        assert collapsed.check(evidence(asked, predicted=predicted)).outcome == outcome
    every = trial(results=networks(outcome="diverged"))
    assert collapsed.check(evidence(every, predicted=np.full((ROWS, 2), np.nan))).outcome == "not applicable"


def test_networks_are_asked_on_rows_that_they_neither_learned_nor_watched():
    """Of a diagnosis each network watches half of its fold and is asked about other rows."""
    rows = np.arange(1, ROWS, 2)
    held = tuple(rows[rows // 2 % FOLDS == fold] for fold in range(FOLDS))
    constants = np.empty((len(rows), 2))
    for fold, own in enumerate(held):
        constants[np.searchsorted(rows, own)] = 0.4 + fold / 50
    assert collapsed.check(evidence(rows=rows, held=held, predicted=constants)).outcome == "fired"
    constants[np.searchsorted(rows, held[2])] += np.linspace(0, 0.1, len(held[2]))[:, None]
    assert collapsed.check(evidence(rows=rows, held=held, predicted=constants)).outcome == "passed"


@pytest.mark.parametrize("held", [0, 1])
def test_without_two_rows_held_out_by_a_network_collapse_is_not_applicable(held):
    run = network().run
    results = tuple(
        replace(network(m), run=replace(run, validation=np.arange(m, m + held), train=np.arange(8))) for m in range(5)
    )
    rows = np.arange(5 * held)
    found = evidence(
        trial(results=results), predicted=np.full((5 * held, 2), 0.5), rows=rows, target=np.zeros(len(rows))
    )
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
    verdict = diverged.check(evidence(trial(), trial("l2=0.001", results=(*networks(3), *gone))))
    assert verdict.outcome == "fired"
    assert verdict.evidence == {"networks that diverged": 2.0, "networks": 10.0, "first at epoch": 4.0}


def test_networks_that_only_the_diagnosis_tried_do_not_count():
    gone = networks(outcome="diverged")
    tried = [trial(kind, kind=kind, results=gone) for kind in ("training", "capacity", "relaxed", "patience")]
    verdict = diverged.check(evidence(trial(), *tried))
    assert (verdict.outcome, verdict.evidence) == ("passed", {"networks that diverged": 0.0, "networks": 5.0})


def test_networks_that_ended_in_any_other_way_did_not_diverge():
    results = tuple(network(m, outcome=o) for m, o in enumerate(["finished", "stopped", "out of time"]))
    verdict = diverged.check(evidence(trial(results=results)))
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

MAJORITY = accuracy_misleads.MAJORITY


@pytest.mark.parametrize(
    ("majority", "outcome"), [(0.95, "fired"), (MAJORITY, "fired"), (MAJORITY - 0.01, "passed"), (0.5, "passed")]
)
def test_accuracy_misleads_where_nearly_all_rows_are_of_one_class(majority, outcome):
    verdict = accuracy_misleads.check(evidence(baseline={"accuracy": majority, "log_loss": 0.2}))
    assert (verdict.outcome, verdict.severity, verdict.threshold) == (outcome, "tip", MAJORITY)
    assert verdict.evidence["accuracy of the commonest class"] == majority
    assert verdict.evidence["accuracy"] == 0.8


def test_accuracy_is_not_asked_of_numbers_nor_without_rows_held_out():
    numbers = accuracy_misleads.check(evidence(task="regression"))
    none = accuracy_misleads.check(evidence(scores={}, baseline={}))
    assert (numbers.outcome, numbers.reason) == ("not applicable", "the target is a number")
    assert (none.outcome, none.reason) == ("not applicable", "no rows were held out")


@pytest.mark.parametrize(("share", "outcome"), [(0.1, "fired"), (0.4, "passed")])
def test_a_rare_class_makes_accuracy_mislead(share, outcome):
    X, _ = rows_of(100)
    verdict = diagnosed(X, np.arange(100) < 100 * share, "none", max_epochs=3)["accuracy_misleads"]
    assert verdict.outcome == outcome
    assert verdict.evidence["accuracy of the commonest class"] == pytest.approx(1 - share)
