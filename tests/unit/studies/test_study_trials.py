"""From trained networks to evidence: a loss for each held-out row, and the predictions and scores of the chosen."""

from dataclasses import replace

import numpy as np
import pytest
from study_problems import SETTINGS, TASKS, predicted_by_hand, problem_of, recipes

from goodfit.metrics import majority_scores, mean_scores
from goodfit.studies.fitting import Fit, Plan, fit
from goodfit.studies.predicting import held_out_predictions
from goodfit.studies.rating import scores_of
from goodfit.studies.trials import gather_evidence, trial_of

TEXTS = ("none", "l1=0.02", "early_stopping=1")


@pytest.fixture(scope="module", params=TASKS)
def fitted(request) -> Fit:
    settings = replace(SETTINGS, max_epochs=12)
    return fit(problem_of(request.param, copies=30), recipes(*TEXTS), plan=Plan(learning_rate=0.02), settings=settings)


def losses_by_hand(prepared, result, rows: np.ndarray) -> np.ndarray:
    """The loss of each row by a network, by numpy alone; squared errors in the target's own unit."""
    problem, view = prepared.problem, result.run.view
    scale = (prepared.scales[view].center, prepared.scales[view].scale) if prepared.scales else (0.0, 1.0)
    predicted = predicted_by_hand(result, prepared.data.inputs[view, rows].numpy(), problem.task, scale)
    if problem.task == "regression":
        return (predicted[:, 0] - problem.target[rows]) ** 2
    return -np.log(predicted[np.arange(len(rows)), problem.target[rows]])


# -- trials -----------------------------------------------------------------------------------------------------------


def test_a_row_has_the_loss_of_the_network_that_held_it_out(fitted):
    evidence = gather_evidence(fitted)
    assert [trial.recipe for trial in evidence.trials] == [trial.name for trial in evidence.trials] == list(TEXTS)
    assert {trial.kind for trial in evidence.trials} == {"dose"}
    for trial, candidate in zip(evidence.trials[:2], fitted.candidates[:2], strict=True):
        assert trial.results == candidate.results
        assert len(trial.losses) == fitted.prepared.problem.rows
        for result in trial.results:
            held = result.run.validation
            expected = losses_by_hand(fitted.prepared, result, held)
            np.testing.assert_allclose(trial.losses[held], expected, rtol=1e-4, atol=1e-6)


def test_the_mean_over_a_networks_rows_is_its_held_out_loss_where_no_epoch_was_chosen(fitted):
    trial = gather_evidence(fitted).trials[0]
    for result in trial.results:
        unit = fitted.prepared.scales[result.run.view].scale ** 2 if fitted.prepared.scales else 1.0
        held = result.run.validation
        mean = np.average(trial.losses[held], weights=fitted.prepared.problem.weights[held])
        assert mean == pytest.approx(unit * result.history.validation[-1], rel=1e-4)


def test_an_epoch_that_was_chosen_on_the_rows_scored_is_charged_for_it(fitted):
    """Each row's loss is raised by what the network's own epoch is better than the epoch best for the others."""
    trial = gather_evidence(fitted).trials[2]
    charged = []
    for result in trial.results:
        held = result.run.validation
        extra = trial.losses[held] - losses_by_hand(fitted.prepared, result, held)
        np.testing.assert_allclose(extra, extra[0], rtol=1e-3, atol=1e-5 * np.abs(trial.losses).max())
        others = [other.history.validation for other in trial.results if other is not result]
        longest = max(map(len, others))
        stretched = [np.r_[curve, np.full(longest - len(curve), curve[-1])] for curve in others]
        own, epoch = result.history.validation, int(np.mean(stretched, axis=0).argmin())
        unit = fitted.prepared.scales[result.run.view].scale ** 2 if fitted.prepared.scales else 1.0
        expected = unit * (own[min(epoch, len(own) - 1)] - own[result.best_epoch - 1])
        assert extra[0] == pytest.approx(expected, rel=1e-2, abs=1e-5 * np.abs(trial.losses).max())
        assert expected >= 0
        charged.append(expected)
    assert max(charged) > 0


def test_networks_that_are_asked_about_other_rows_are_not_charged(fitted):
    results = fitted.candidates[2].results
    halves = [result.run.validation[::2] for result in results]
    trial = trial_of(fitted.prepared, results, "dose", "name", scored=halves)
    rows = np.unique(np.concatenate(halves))
    assert len(trial.losses) == len(rows)
    for result, half in zip(results, halves, strict=True):
        expected = losses_by_hand(fitted.prepared, result, half)
        np.testing.assert_allclose(trial.losses[np.searchsorted(rows, half)], expected, rtol=1e-4, atol=1e-6)


def test_a_row_held_out_twice_has_the_mean_of_both_losses(fitted):
    own = fitted.candidates[0].results
    results = [own[0], own[1]]
    rows = np.arange(5)
    trial = trial_of(fitted.prepared, results, "dose", "name", scored=[rows, rows])
    each = [losses_by_hand(fitted.prepared, result, rows) for result in results]
    np.testing.assert_allclose(trial.losses, np.mean(each, axis=0), rtol=1e-4)


def test_rows_of_a_network_that_diverged_have_no_loss(fitted):
    results = list(fitted.candidates[0].results)
    results[1] = replace(results[1], outcome="diverged")
    trial = trial_of(fitted.prepared, results, "dose", "name")
    assert np.flatnonzero(np.isnan(trial.losses)).tolist() == results[1].run.validation.tolist()
    assert not trial.usable
    assert np.isnan(trial.train_losses).tolist() == [False, True, False, False, False]


def test_training_losses_are_those_of_the_epoch_that_is_kept(fitted):
    trial = gather_evidence(fitted).trials[2]
    expected = [result.history.train[result.best_epoch - 1] for result in trial.results]
    units = 1.0 if trial.units is None else trial.units
    assert trial.train_losses.tolist() == (np.array(expected) * units).tolist()
    assert any(result.best_epoch < result.epochs for result in trial.results)


# -- evidence ---------------------------------------------------------------------------------------------------------


def test_evidence_is_of_the_chosen_candidates_rows_held_out(fitted):
    evidence, problem = gather_evidence(fitted), fitted.prepared.problem
    assert (evidence.task, evidence.chosen, evidence.reference) == (problem.task, fitted.chosen, 0)
    assert evidence.classes == len(problem.classes)
    rows, predicted = held_out_predictions(fitted.prepared, fitted.best.results)
    np.testing.assert_array_equal(evidence.rows, rows)
    np.testing.assert_array_equal(evidence.predicted, predicted)
    np.testing.assert_array_equal(evidence.target, problem.target[rows])
    np.testing.assert_array_equal(evidence.weights, problem.weights[rows])
    assert [held.tolist() for held in evidence.held] == [r.run.validation.tolist() for r in fitted.best.results]
    assert evidence.scores == scores_of(problem, predicted, rows)
    assert (evidence.leaks, evidence.growth) == (None, None)


def test_the_best_predictions_are_those_of_the_dose_of_lowest_loss(fitted):
    evidence = gather_evidence(fitted)
    means = [np.average(trial.losses, weights=evidence.weights) for trial in evidence.trials]
    best = fitted.candidates[int(np.argmin(means))].results
    np.testing.assert_array_equal(evidence.best, held_out_predictions(fitted.prepared, best)[1])


class Counting:
    """Encoded rows that count how many of them were asked for."""

    def __init__(self, views) -> None:
        self.views, self.read = views, 0

    def __getitem__(self, view):
        counting, inputs = self, self.views[view]

        class One:
            def __getitem__(self, rows):
                counting.read += len(rows)
                return inputs[rows]

        return One()


def test_held_out_rows_are_read_once_for_all_networks_of_a_split():
    """Ten networks on one split of many rows, and all that is told of a fit on them."""
    plan = Plan(members=5, validation=0.2, learning_rate=0.02)
    found = fit(problem_of("binary", copies=30), recipes("none", "l1=0.02"), plan=plan, settings=SETTINGS)
    held = found.candidates[0].results[0].run.validation
    same = [
        replace(c, results=tuple(replace(r, run=replace(r.run, view=0, validation=held)) for r in c.results))
        for c in found.candidates
    ]
    counting = Counting(found.prepared.data.inputs)
    prepared = replace(found.prepared, data=replace(found.prepared.data, inputs=counting))
    one = Fit(prepared, tuple(same), found.chosen, found.settings, found.plan)
    gather_evidence(one)
    assert counting.read == len(one.candidates) * len(held)
    for place in range(len(one.candidates)):
        assert one.held_out(place)[0].tolist() == held.tolist()
    assert counting.read == len(one.candidates) * len(held)


def test_no_regularization_is_asked_about_wherever_it_stands_and_else_the_chosen_one():
    for texts, reference in ((("l2=0.1", "none"), 1), (("none", "l2=0.1"), 0), (("l2=0.1",), 0)):
        found = fit(problem_of("binary"), recipes(*texts), plan=Plan(use=0), settings=SETTINGS)
        assert gather_evidence(found).reference == reference


def test_where_networks_diverged_rows_stay_and_predictions_are_missing(fitted):
    """Of the chosen recipe: what others lost on these rows can still be told."""
    gone = replace(fitted.best.results[2], outcome="diverged")
    candidates = list(fitted.candidates)
    candidates[fitted.chosen] = replace(fitted.best, results=(*fitted.best.results[:2], gone, *fitted.best.results[3:]))
    evidence = gather_evidence(replace(fitted, candidates=tuple(candidates)))
    problem = fitted.prepared.problem
    assert evidence.rows.tolist() == list(range(problem.rows))
    assert np.flatnonzero(np.isnan(evidence.predicted).any(1)).tolist() == gone.run.validation.tolist()
    assert np.isfinite(evidence.best).all()
    kept = np.setdiff1d(evidence.rows, gone.run.validation)
    assert evidence.scores == scores_of(problem, evidence.predicted[kept], kept)
    assert len(evidence.weights) == len(evidence.changes("dose")[0].losses)


def test_the_baseline_is_the_constant_that_the_weighted_rows_suggest(fitted):
    evidence, problem = gather_evidence(fitted), fitted.prepared.problem
    if problem.task == "regression":
        mean = np.average(problem.target, weights=problem.weights)
        assert evidence.baseline == pytest.approx(mean_scores(problem.target, mean, weights=problem.weights))
        return
    shares = [problem.weights[problem.target == code].sum() for code in range(len(problem.classes))]
    expected = majority_scores(
        problem.target,
        np.array(shares) / np.sum(shares),
        positive=problem.positive,
        weights=problem.weights,
    )
    assert evidence.baseline == pytest.approx(expected)
    assert evidence.baseline["accuracy"] == pytest.approx(max(shares) / np.sum(shares))


def test_without_rows_held_out_there_is_no_evidence_of_scores():
    plan = Plan(validation=0, members=1)
    evidence = gather_evidence(fit(problem_of("binary"), recipes("none"), plan=plan, settings=SETTINGS))
    assert len(evidence.predicted) == len(evidence.target) == len(evidence.asked.losses) == 0
    assert evidence.scores == evidence.baseline == {}
    assert not evidence.asked.usable


def test_training_losses_have_the_unit_of_the_held_out_losses(fitted):
    """In regression networks learn a standardized target; the evidence is in the target's own unit, squared."""
    asked, prepared = gather_evidence(fitted).asked, fitted.prepared
    weights = prepared.problem.weights
    by_hand = [
        np.average(losses_by_hand(prepared, result, result.run.train), weights=weights[result.run.train])
        for result in asked.results
    ]
    np.testing.assert_allclose(asked.train_losses, by_hand, rtol=1e-3)
