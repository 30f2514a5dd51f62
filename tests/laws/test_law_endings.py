"""A member that has ended, stopped or diverged, is frozen: nothing reaches it any more, and it reaches no other."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from law_problems import EACH_OPTIMIZER, assert_close, assert_same, make_data, make_run, make_settings

from goodfit.regularizers import L1, BatchNorm, Dropout, EarlyStopping, Recipe, WeightAveraging
from goodfit.training import Execution, train

BOTH_ENGINES = True

WATCHED = EarlyStopping(patience=3)
RECIPES = {
    "plain": Recipe((WATCHED,)),
    "batch norm": Recipe((BatchNorm(), Dropout(), WATCHED)),
    "averaged": Recipe((BatchNorm(), L1(1e-3), WeightAveraging(0.8), WATCHED)),
}
EACH_RECIPE = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
ONE_THREAD = Execution(threads=1)


def stopping_population(recipe):
    """Five that overfit and are watched, two that nothing stops."""
    runs = [make_run(recipe, seed=seed, learning_rate=0.1 * (1 + seed)) for seed in range(5)]
    return [*runs, make_run(seed=8), make_run(L1(1e-3), seed=9)]


@EACH_RECIPE
@EACH_OPTIMIZER
def test_a_stopped_member_does_not_depend_on_how_long_others_go_on(recipe, optimizer):
    data, runs = make_data(), stopping_population(recipe)
    short, long = (train(data, runs, make_settings(optimizer, max_epochs=epochs)) for epochs in (25, 60))
    stopped = [(one, other) for one, other in zip(short, long, strict=True) if one.outcome == "stopped"]
    assert len(stopped) >= 2
    for one, other in stopped:
        assert_same(one, other)
        assert one.epochs == one.best_epoch + WATCHED.patience
    assert [result.epochs for result in long[5:]] == [60, 60]


@EACH_RECIPE
@EACH_OPTIMIZER
def test_the_best_weights_are_those_of_the_best_epoch(recipe, optimizer):
    """Against a training that ends there: the same company in it, and nothing watched."""
    data, (first, *_, other, last) = make_data(), stopping_population(recipe)
    stopped = train(data, [other, first, last], make_settings(optimizer, max_epochs=60))[1]
    assert stopped.outcome == "stopped"
    assert 1 <= stopped.best_epoch < stopped.epochs
    unwatched = replace(first, recipe=Recipe((*recipe.without(EarlyStopping), EarlyStopping.neutral())))
    ended = train(data, [other, unwatched, last], make_settings(optimizer, max_epochs=stopped.best_epoch))[1]
    np.testing.assert_array_equal(stopped.parameters, ended.parameters)
    np.testing.assert_array_equal(stopped.statistics, ended.statistics)
    assert np.nanargmin(stopped.history.validation) + 1 == stopped.best_epoch


def test_results_are_copies():
    results = train(make_data(), stopping_population(RECIPES["averaged"]), make_settings(max_epochs=10))
    arrays = [array for r in results for array in (r.parameters, r.statistics, r.history.train, r.history.validation)]
    assert not any(np.shares_memory(one, other) for one, other in combinations(arrays, 2))
    before = results[1].parameters.copy()
    results[0].parameters[:] = np.nan
    np.testing.assert_array_equal(results[1].parameters, before)


def linear(max_epochs=30):
    return make_settings(hidden=(), max_epochs=max_epochs)


def diverging_population(learning_rate):
    """A linear model on a squared error, the second member's steps too large: the larger, the sooner it is over."""
    data = make_data("regression")
    tame = [make_run(Dropout(), seed=1), make_run(WATCHED, seed=2), make_run(BatchNorm(), seed=3)]
    return data, [*tame[:1], make_run(learning_rate=learning_rate), *tame[1:]]


@pytest.mark.parametrize("learning_rate", [1e6, 1e3, 10.0, 2.0])
def test_a_diverging_member_is_marked_with_its_epoch(learning_rate):
    data, runs = diverging_population(learning_rate)
    bad = train(data, runs, linear())[1]
    assert bad.outcome == "diverged"
    assert np.isfinite(bad.history.train[:-1]).all()
    assert not np.isfinite(bad.history.train[-1])
    assert bad.best_epoch == bad.epochs - 1
    assert np.isfinite(bad.parameters).all()
    at_its_epoch = train(data, runs, linear(bad.epochs))[1]
    assert_same(at_its_epoch, bad)


@pytest.mark.parametrize("learning_rate", [1e3, 10.0, 2.0])
def test_the_last_finite_weights_of_a_diverged_member_are_kept(learning_rate):
    data, runs = diverging_population(learning_rate)
    bad = train(data, runs, linear())[1]
    before = train(data, runs, linear(bad.epochs - 1))[1]
    assert before.outcome == "finished"
    np.testing.assert_array_equal(bad.parameters, before.parameters)


@pytest.mark.parametrize("learning_rate", [1e6, 2.0])
def test_a_diverging_member_changes_no_other(learning_rate):
    """Bit for bit up to its end; then the company is one fewer, and floats are those of a smaller company."""
    data, runs = diverging_population(learning_rate)
    _, tame = diverging_population(0.01)
    end = train(data, runs, linear())[1].epochs
    beside, without = (train(data, r, linear(end), execution=ONE_THREAD) for r in (runs, tame))
    for place in (0, 2, 3):
        assert_same(beside[place], without[place])
    beside, without = (train(data, r, linear(), execution=ONE_THREAD) for r in (runs, tame))
    for place in (0, 2, 3):
        assert_close(beside[place], without[place], 1e-5)


def test_two_ways_of_diverging_at_once_leave_the_others_alike():
    (data, one), (_, other) = diverging_population(1e6), diverging_population(1e7)
    results, twins = (
        train(data, one, linear()),
        train(data, other, linear()),
    )
    assert results[1].outcome == twins[1].outcome == "diverged"
    assert results[1].epochs == twins[1].epochs
    for place in (0, 2, 3):
        assert_same(results[place], twins[place])
