"""What a run doesn't learn from can't reach its weights, were it poison."""

import math
from dataclasses import replace

import numpy as np
import pytest
from law_problems import (
    EACH_OPTIMIZER,
    KINDS,
    LEARN,
    UNSEEN,
    WATCH,
    assert_same,
    make_data,
    make_run,
    make_settings,
    plain,
)

from goodfit.regularizers import BatchNorm, EarlyStopping, Recipe
from goodfit.regularizers.places import Stops
from goodfit.training import train

BOTH_ENGINES = True

POISONS = pytest.mark.parametrize("poison", [math.nan, math.inf, -1e30, 7.0])


def poisoned(data, rows, poison):
    """The data with poison in inputs, targets and weights of some rows."""
    inputs, targets, weights = data.inputs.clone(), data.targets.clone(), data.weights.clone()
    inputs[:, rows], targets[:, rows], weights[rows] = poison, poison, abs(poison)
    return replace(data, inputs=inputs, targets=targets, weights=weights)


def runs_around(rows):
    """Members whose row sets have other sizes, so that some are padded, and none of which knows the given rows."""
    known = np.setdiff1d(np.arange(96), rows)
    return [make_run(BatchNorm(), train=known[: 30 + 5 * i], validation=known[60 : 62 + i], seed=i) for i in range(4)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not issubclass(kind, Stops)])
@EACH_OPTIMIZER
def test_validation_rows_change_no_weight_where_nothing_watches(kind, optimizer):
    recipe = Recipe((kind(),))
    data, chosen, runs = make_data(), make_settings(optimizer), [make_run(recipe), make_run(recipe, train=LEARN[:50])]
    bad = poisoned(data, list(WATCH), math.nan)
    for clean, other in zip(train(data, runs, chosen), train(bad, runs, chosen), strict=True):
        np.testing.assert_array_equal(plain(clean), plain(other))
        np.testing.assert_array_equal(clean.statistics, other.statistics)
        np.testing.assert_array_equal(clean.history.train, other.history.train)
        assert clean.outcome == other.outcome == "finished"


@POISONS
@pytest.mark.parametrize("rows", [list(UNSEEN), [0], [95]], ids=["many", "first", "last"])
def test_rows_of_no_set_change_nothing(poison, rows):
    data, chosen = make_data(), make_settings()
    runs = [*runs_around(rows), *(replace(run, recipe=Recipe((EarlyStopping(2),))) for run in runs_around(rows))]
    bad = poisoned(data, rows, poison)
    for clean, other in zip(train(data, runs, chosen), train(bad, runs, chosen), strict=True):
        assert_same(clean, other)


def test_rows_of_another_member_change_nothing():
    """A row in the training set of a neighbour alone."""
    data, chosen, runs = make_data(), make_settings(), [*runs_around([0]), make_run(train=range(40))]
    bad = poisoned(data, [0], 2.0)  # a neighbour that diverged would leave, and floats depend on company by rounding
    results, others = train(data, runs, chosen), train(bad, runs, chosen)
    for clean, other in zip(results[:-1], others[:-1], strict=True):
        assert_same(clean, other)
    assert not np.array_equal(results[-1].parameters, others[-1].parameters)


def test_training_rows_do_reach_the_weights():
    """Else the laws above would say nothing."""
    data, run = make_data(), make_run()
    one, other = (train(d, [run], make_settings())[0] for d in (data, poisoned(data, [0], 0.5)))
    assert not np.array_equal(one.parameters, other.parameters)


def test_watched_rows_choose_the_epoch_and_nothing_else():
    """Early stopping looks at validation rows: their poison may end the run elsewhere, on the very same path."""
    data, run = make_data(), make_run(EarlyStopping(2), learning_rate=0.5)
    runs = [run, replace(run, recipe=Recipe())]
    one, other = (train(d, runs, make_settings(max_epochs=20))[0] for d in (data, poisoned(data, list(WATCH), -3.0)))
    common = min(one.epochs, other.epochs)
    np.testing.assert_array_equal(one.history.train[:common], other.history.train[:common])
