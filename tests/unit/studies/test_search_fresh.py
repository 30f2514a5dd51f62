"""Why a search's model does otherwise on fresh rows than its networks did on those that they held out."""

from dataclasses import replace

import numpy as np
import pytest
from study_problems import SETTINGS, TASKS, problem_of

from goodfit import blending
from goodfit.blending import Corrected
from goodfit.picking import row_losses
from goodfit.regularizers.ranges import Space
from goodfit.statistics import Estimate
from goodfit.studies.fitting import Plan, splits_of
from goodfit.studies.flattery import flattery
from goodfit.studies.searching import choosing, fresh
from goodfit.studies.searching.asking import Proposer
from goodfit.studies.searching.batch import train_batch
from goodfit.studies.searching.choices import Choices
from goodfit.studies.searching.choosing import choose
from goodfit.studies.searching.fresh import averaged, gain_of, stopped
from goodfit.studies.searching.rooms import Rooms
from goodfit.training import Execution

SPACE = Space.parse("l2=off|1e-5..0.1, dropout=0..0.4, early_stopping=3")
CHOICES = Choices(SPACE, ((8,),), (0,), (False,), (16,), (1e-3, 1e-2), SETTINGS)
FOLDS = 5


@pytest.fixture(scope="module", params=TASKS)
def found(request):
    problem = problem_of(request.param, 120, noise=2.0).merged()
    problem = replace(problem, weights=np.random.default_rng(0).uniform(0.5, 2.0, problem.rows))
    rooms = Rooms(problem, splits_of(problem, Plan()), True, 0)
    asked = Proposer(CHOICES, 0).ask(4)
    settings = asked[0].draft.shape.settings(SETTINGS, 40)
    prepared = rooms.of(asked[0].draft.shape)
    return rooms, train_batch(prepared, rooms.splits, asked, settings, seed=0, execution=Execution(), halve=False)


# -- averaging --------------------------------------------------------------------------------------------------------


def test_squared_errors_differ_by_the_variance_whatever_the_target_is():
    random = np.random.default_rng(0)
    each, target, weights = random.normal(size=(4, 30, 1)), 5 * random.normal(size=30), random.uniform(size=30)
    losses = [row_losses(own, target, "regression") for own in (*each, each.mean(0))]
    *single, mean = np.average(losses, axis=1, weights=weights)
    known = np.ones((4, 30), bool)
    assert gain_of(each, known, weights, task="regression", networks=4) == pytest.approx(np.mean(single) - mean)


def test_log_losses_differ_by_what_they_do_if_the_mean_is_the_truth():
    random = np.random.default_rng(0)
    each = random.dirichlet([2.0, 1.0, 1.0], size=(3, 20))
    mean = each.mean(0)
    expected = sum(
        mean[:, c]
        * (np.mean([row_losses(own, np.full(20, c), "multiclass") for own in each], axis=0) + np.log(mean[:, c]))
        for c in range(3)
    )
    found = gain_of(each, np.ones((3, 20), bool), np.ones(20), task="multiclass", networks=3)
    assert found == pytest.approx(expected.mean())
    assert found > 0.05


@pytest.mark.parametrize("networks", [2, 5, 50])
def test_networks_that_learned_from_a_row_tell_what_all_bring_on_fresh_ones(networks):
    """What those know of a row, and the one that held it out doesn't, is not taken for a difference by chance."""
    random, rows = np.random.default_rng(1), 4000
    knows = np.arange(FOLDS)[:, None] != np.arange(rows) % FOLDS
    each = random.normal(size=(FOLDS, rows, 1)) + 10.0 * knows[..., None] * random.normal(size=(rows, 1))
    found = gain_of(each, knows, np.ones(rows), task="regression", networks=networks)
    assert found == pytest.approx(1 - 1 / networks, abs=0.04)


def test_one_network_is_no_mean_and_rows_that_one_knows_tell_nothing():
    each, known = np.random.default_rng(0).normal(size=(3, 6, 1)), np.ones((3, 6), bool)
    assert gain_of(each, known, np.ones(6), task="regression", networks=1) == 0.0
    alone = known & (np.arange(3)[:, None] == 0)
    assert gain_of(each, alone, np.ones(6), task="regression", networks=3) == 0.0
    assert gain_of(each, known, np.zeros(6), task="regression", networks=3) == 0.0
    some = np.where(np.arange(6) < 3, alone, known)
    of_others = gain_of(each[:, 3:], known[:, 3:], np.ones(3), task="regression", networks=3)
    assert gain_of(each, some, np.ones(6), task="regression", networks=3) == pytest.approx(of_others)


def test_a_model_is_asked_for_each_fold_and_averaged_over_its_trials(found):
    rooms, batch = found
    problem, chosen = rooms.problem, choose(rooms, [batch])
    model, trials = chosen.model, [pick.trial for pick in chosen.picks]
    by_fold = [
        replace(model, models=tuple(own.part([fold]) for own in model.models)).predict(problem.table)
        for fold in range(FOLDS)
    ]
    knows = np.array([np.isin(np.arange(problem.rows), train) for train, _ in rooms.splits])
    expected = gain_of(np.stack(by_fold), knows, problem.weights, task=problem.task, networks=FOLDS)
    assert averaged(model, trials, problem, seed=0) == pytest.approx(expected)
    assert expected > 0
    assert averaged(choose(rooms, [batch], 1).model, trials[:1], problem, seed=0) == 0.0
    timed = replace(problem, times=np.arange(problem.rows, dtype=float))
    assert averaged(model, trials, timed, seed=0) == 0.0


# -- early stopping ---------------------------------------------------------------------------------------------------


def test_the_flattery_of_trials_is_the_mean_over_trials_and_rows(found):
    rooms, batch = found
    problem, told = rooms.problem, []
    for trial in batch.trials:
        own = np.zeros((2, problem.rows))
        for place, result in enumerate(trial.results):
            unit = trial.model.scales[place].scale ** 2 if problem.task == "regression" else 1.0
            own[0, result.run.validation] = flattery(result, trial.results) * unit
            own[1, result.run.validation] = result.history.validation[result.best_epoch - 1] * unit
        told.append(np.average(own, axis=1, weights=problem.weights))
    share, error = stopped(batch.trials, problem.weights)
    assert share == pytest.approx(np.divide(*np.sum(told, axis=0)))
    assert 0 < share < 1
    assert error > 0


def test_the_error_of_a_flattery_is_that_of_a_mean_over_folds(found, monkeypatch):
    told = iter(np.tile([1.0, 2.0, 3.0, 4.0, 10.0], 4))
    monkeypatch.setattr(fresh, "flattery", lambda *_: next(told))
    rooms, batch = found
    even = np.zeros(rooms.problem.rows)
    for _, held in rooms.splits:
        even[held] = 1 / len(held)
    units = [own.scale**2 for own in batch.trials[0].model.scales] or [1.0] * FOLDS
    curves = [[r.history.validation[r.best_epoch - 1] for r in trial.results] for trial in batch.trials]
    loss = np.mean(curves * np.array(units))
    assert stopped(batch.trials, even) == pytest.approx(
        (4 / loss, np.std([1, 2, 3, 4, 10], ddof=1) / np.sqrt(5) / loss)
    )


def test_poor_trials_beside_a_good_one_do_not_make_it_worse_than_it_is(found):
    """A trial with ten times the loss has ten times the flattery: what counts is the share."""
    rooms, batch = found
    share, error = stopped(batch.trials, rooms.problem.weights)
    poor = [_times(trial, 10.0) for trial in batch.trials]
    assert stopped([*batch.trials, *poor], rooms.problem.weights) == pytest.approx((share, error))
    assert stopped([_times(trial, 0.0) for trial in poor], rooms.problem.weights) == (0.0, 0.0)


def _times(trial, factor):
    results = tuple(
        replace(result, history=replace(result.history, validation=factor * result.history.validation))
        for result in trial.results
    )
    return replace(trial, results=results)


# -- both -------------------------------------------------------------------------------------------------------------


def test_the_reported_loss_is_free_of_all_three(found):
    rooms, batch = found
    problem, chosen = rooms.problem, choose(rooms, [batch])
    every = np.stack([trial.predicted for trial in batch.trials]).astype(np.float64)
    ranked = every[np.argsort([trial.loss for trial in batch.trials])]
    was = blending.corrected(ranked, problem.target, weights=problem.weights, task=problem.task, most=6, seed=0)
    rise, error = (share * was.naive for share in stopped(batch.trials, problem.weights))
    rise -= averaged(chosen.model, [pick.trial for pick in chosen.picks], problem, 0)
    told = chosen.corrected
    assert rise != 0
    assert told.naive == was.naive
    assert told.estimate.value == pytest.approx(max(was.estimate.value + rise, was.naive))
    reach = np.hypot(np.log(was.estimate.high / was.estimate.value), 1.96 * error / told.estimate.value)
    assert np.log(told.estimate.high / told.estimate.value) == pytest.approx(reach)
    assert np.log(told.estimate.value / told.estimate.low) == pytest.approx(reach)
    assert told.optimism == pytest.approx(1 - told.naive / told.estimate.value)


def test_it_is_not_below_the_naive_loss(found, monkeypatch):
    monkeypatch.setattr(choosing, "averaged", lambda *_: 1e9)
    rooms, batch = found
    told = choose(rooms, [batch]).corrected
    assert (told.estimate.value, told.optimism) == (told.naive, 0.0)


def test_a_loss_of_nothing_stays_what_was_said_of_it():
    said = Corrected(0.0, Estimate(0.1, 0.05, 0.2), 1.0)
    assert choosing._risen(said, -0.5, 0.0) == said
