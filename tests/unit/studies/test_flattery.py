"""What early stopping flatters, where the truth is known."""

import math

import numpy as np
import pytest

from goodfit.networks import Layout
from goodfit.regularizers import Recipe
from goodfit.studies.flattery import flattery
from goodfit.training import History, Run, RunResult

FOLDS, FOLD = 5, 10


def network(fold: int, curve, *, recipe: str = "early_stopping=5", outcome: str = "stopped", held=None) -> RunResult:
    """A network with this validation curve, whose lowest loss it hands out."""
    rows, curve = np.arange(FOLDS * FOLD), np.asarray(curve, dtype=float)
    held = rows % FOLDS == fold if held is None else np.isin(rows, held)
    run, empty = Run(Recipe.parse(recipe), 0, rows[~held], rows[held]), np.zeros(0, np.float32)
    return RunResult(run, empty, empty, Layout((1, 1)), History(curve, curve), int(curve.argmin()) + 1, outcome)


def biases(true: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """Of chosen losses, as they look `(K, E)` and corrected, from what they are `(E,)`: means over folds."""
    results = [network(fold, curve) for fold, curve in enumerate(seen)]
    naive = seen.min(1) - true[[result.best_epoch - 1 for result in results]]
    return naive.mean(), (naive + [flattery(result, results) for result in results]).mean()


def test_where_rows_alone_set_the_epochs_apart_the_corrected_loss_is_the_true_one():
    random, true = np.random.default_rng(0), np.full(40, 0.5)
    told = [biases(true, true + 0.02 * random.standard_normal((FOLDS, 40))) for _ in range(300)]
    naive, corrected = np.mean(told, axis=0)
    error = np.std(told, axis=0)[1] / math.sqrt(len(told))
    assert naive < -0.04
    assert abs(corrected) < 3 * error < 0.003


def test_where_folds_pull_the_best_epoch_aside_it_is_five_eighths_of_the_flattery():
    """Curves x² + s x, s of a fold with deviation d: they flatter by d²/2, and rise by d²/4 + d²/16 at the mean of the
    four others."""
    random, x = np.random.default_rng(0), np.linspace(-1, 1, 401)
    told = [biases(x**2, x**2 + 0.3 * random.standard_normal((FOLDS, 1)) * x) for _ in range(1000)]
    naive, corrected = np.mean(told, axis=0)
    assert naive == pytest.approx(-(0.3**2) / 2, rel=0.1)
    assert corrected / naive == pytest.approx(3 / 8, abs=0.05)


def test_it_is_what_the_loss_rises_by_at_the_epoch_that_is_best_for_the_others():
    results = [network(0, [5.0, 3.0, 4.0, 7.0]), network(1, [9.0, 9.0, 9.0, 1.0]), network(2, [6.0, 6.0, 2.0, 5.0])]
    assert [flattery(result, results) for result in results] == [7.0 - 3.0, 9.0 - 1.0, 5.0 - 2.0]
    assert flattery(results[0], results, 3.0) == 4.0 * 9


def test_a_network_that_stopped_keeps_its_last_loss():
    results = [network(0, [3.0, 4.0]), network(1, [9.0, 8.0, 7.0, 6.0]), network(2, [9.0, 8.0])]
    assert flattery(results[0], results) == 4.0 - 3.0
    assert flattery(results[2], results) == 8.0 - 8.0


def test_networks_that_failed_or_held_out_the_same_rows_choose_nothing():
    own = network(0, [2.0, 1.0, 3.0])
    failed = network(1, [math.nan, 0.0, 0.0], outcome="diverged")
    same, some, other = (network(0, [1.0, 2.0, 0.0], held=held) for held in (None, [5, 6], [6, 7]))
    assert flattery(own, [own, failed, same]) == 0.0
    assert flattery(own, [own, some]) == 0.0
    assert flattery(own, [own, failed, some, other]) == 3.0 - 1.0


def test_without_early_stopping_no_epoch_was_chosen():
    results = [network(fold, [1.0, 2.0, 3.0 - fold], recipe="l2=0.1") for fold in range(3)]
    assert [flattery(result, results) for result in results] == [0.0, 0.0, 0.0]
