"""The bias and variance of each dose: of several predictions a row, by networks that did not learn from it."""

from dataclasses import replace

import numpy as np
import pytest
from study_problems import LINEAR, TASKS, predicted_by_hand, problem_of

from goodfit.regularizers import Recipe
from goodfit.studies import diagnosing
from goodfit.studies.diagnosing import Diagnosed, diagnose_problem
from goodfit.studies.fitting import Plan
from goodfit.studies.parts import dose_parts
from goodfit.studies.subject import Subject
from goodfit.studies.trials import FOLDS


@pytest.fixture(scope="module", params=TASKS)
def found(request) -> Diagnosed:
    subject = Subject(Recipe(), replace(LINEAR, max_epochs=3), Plan(learning_rate=0.02))
    return diagnose_problem(problem_of(request.param, copies=20), subject)


def all_predictions(found: Diagnosed, trial) -> np.ndarray:
    """Of each row by the networks that did not learn from it, `(R, n, C)`, by numpy alone."""
    prepared, problem = found.prepared, found.prepared.problem
    each = np.full((len(trial.results) // FOLDS, problem.rows, max(len(problem.classes), 1)), np.nan)
    for place, result in enumerate(trial.results):
        view = result.run.view
        rows = np.setdiff1d(np.arange(problem.rows), result.run.train)
        scale = (prepared.scales[view].center, prepared.scales[view].scale) if prepared.scales else (0.0, 1.0)
        inputs = prepared.data.inputs[view, rows].numpy()
        each[place // FOLDS, rows] = predicted_by_hand(result, inputs, problem.task, scale)
    return each


def test_there_is_one_for_the_network_as_it_is_and_for_each_dose(found):
    names = [trial.name for trial in found.evidence.trials if trial.kind == "dose"]
    assert [parts.name for parts in dose_parts(found)] == names
    assert names[0] == "none"


def test_variance_is_what_the_predictions_of_a_row_differ_by(found):
    problem = found.prepared.problem
    each = all_predictions(found, found.evidence.asked)
    assert np.isfinite(each).all()
    differ = np.average(each.var(0, ddof=1).sum(1), weights=problem.weights)
    if problem.task == "regression":
        assert dose_parts(found)[0].variance == pytest.approx(differ, rel=1e-4)
    else:
        assert (differ > 0) == (dose_parts(found)[0].variance > 0)


def test_the_parts_sum_to_the_mean_loss_of_all_networks(found):
    problem = found.prepared.problem
    for parts, trial in zip(dose_parts(found), [t for t in found.evidence.trials if t.kind == "dose"], strict=True):
        each = all_predictions(found, trial)
        losses = (
            (each[..., 0] - problem.target) ** 2
            if problem.task == "regression"
            else -np.log(each[:, np.arange(problem.rows), problem.target])
        )
        expected = np.average(losses.mean(0), weights=problem.weights)
        assert parts.bias + parts.variance == pytest.approx(expected, rel=1e-4)
        assert parts.variance >= 0


def test_rows_held_out_once_have_no_parts_and_networks_that_diverged_neither(found, monkeypatch):
    evidence = found.evidence
    assert dose_parts(replace(found, evidence=None)) == []
    gone = replace(evidence.asked, losses=np.full_like(evidence.asked.losses, np.nan))
    some = dose_parts(replace(found, evidence=replace(evidence, trials=(gone, *evidence.trials[1:]))))
    assert [parts.name for parts in some] == [parts.name for parts in dose_parts(found)][1:]
    monkeypatch.setattr(diagnosing, "REPEATS", ())
    once = diagnose_problem(problem_of("binary", rows=60), Subject(Recipe(), replace(LINEAR, max_epochs=1)))
    assert dose_parts(once) == []
