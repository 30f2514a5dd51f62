"""Greedy picks against plain loops, where they end, and which of equals they take."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.picking import BLOCK, PATIENCE, PICKS, SMALLEST, parts_of, picked, row_losses

seeds = st.integers(0, 10_000)
TASKS = ["binary", "multiclass", "regression"]


def library(seed: int, task: str, candidates: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions `(T, n, C)` that are better than chance, some of them nought, and their target."""
    random = np.random.default_rng(seed)
    if task == "regression":
        target = random.standard_normal(rows)
        noise = random.uniform(0.3, 2, candidates)[:, None] * random.standard_normal((candidates, rows))
        return (target + noise)[..., None], target
    classes = 2 if task == "binary" else 4
    target = random.integers(classes, size=rows)
    aim = 0.5 + 2 * np.eye(classes)[target]
    predictions = np.stack([random.dirichlet(np.ones(classes), rows) * aim for _ in range(candidates)]) / 2.5
    return predictions * (random.random(predictions.shape) > 0.3), target


def shares(seed: int, rows: int) -> np.ndarray:
    weights = np.random.default_rng([seed, 1]).exponential(size=rows)
    return weights / weights.sum()


def mean_loss(predictions, target, share, task, picks: list[int]) -> float:
    """Of the mean prediction of picks, row by row."""
    mean, total = predictions[picks].mean(0), 0.0
    for row, code in enumerate(target):
        paid = (mean[row, 0] - code) ** 2 if task == "regression" else -np.log(max(mean[row, code], SMALLEST))
        total += share[row] * paid
    return total


def by_plain_loops(predictions, target, share, task, most: int) -> np.ndarray:
    picks: list[int] = []
    best: tuple[float, list[int]] = (np.inf, [])
    while len(picks) < PICKS * most and len(picks) - len(best[1]) < PATIENCE:
        may = range(len(predictions)) if len(set(picks)) < most else sorted(set(picks))
        losses = {one: mean_loss(predictions, target, share, task, [*picks, one]) for one in may}
        lowest = min(losses.values())
        picks.append(next(one for one in may if losses[one] <= lowest * (1 + 1e-12)))
        if lowest < best[0] * (1 - 1e-6):
            best = (lowest, list(picks))
    return np.bincount(best[1], minlength=len(predictions))


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=15)
@given(seed=seeds, candidates=st.integers(1, 6), rows=st.integers(2, 25), most=st.integers(1, 4))
def test_picks_are_those_of_plain_loops(task, seed, candidates, rows, most):
    predictions, target = library(seed, task, candidates, rows)
    share = shares(seed, rows)
    found = picked(parts_of(predictions, target, task), share, task, most)
    assert found.tolist() == by_plain_loops(predictions, target, share, task, most).tolist()


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=25)
@given(seed=seeds, candidates=st.integers(1, 12), most=st.integers(1, 5))
def test_a_blend_is_no_worse_than_the_best_alone_and_no_larger_than_allowed(task, seed, candidates, most):
    predictions, target = library(seed, task, candidates, 60)
    share = shares(seed, 60)
    counts = picked(parts_of(predictions, target, task), share, task, most)
    alone = [mean_loss(predictions, target, share, task, [one]) for one in range(candidates)]
    blend = mean_loss(predictions, target, share, task, np.repeat(np.arange(candidates), counts).tolist())
    assert blend <= min(alone) * (1 + 1e-12)
    assert 1 <= np.count_nonzero(counts) <= most
    assert counts.sum() <= PICKS * most
    if most == 1:
        assert counts.tolist() == [int(one == np.argmin(alone)) for one in range(candidates)]


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=15)
@given(seed=seeds, candidates=st.integers(2, 6))
def test_of_copies_the_first_is_picked(task, seed, candidates):
    predictions, target = library(seed, task, candidates, 41)
    parts, share = parts_of(predictions, target, task), shares(seed, 41)
    once = picked(parts, share, task, 3)
    twice = picked(np.concatenate([parts, parts]), share, task, 3)
    assert twice.tolist() == [*once, *np.zeros(candidates)]


def test_candidates_that_err_apart_are_halved():
    random = np.random.default_rng(0)
    errors = random.standard_normal((3, 4000)) * [[1], [1], [5]]
    counts = picked(errors, np.full(4000, 1 / 4000), "regression", 3)
    assert counts[0] == pytest.approx(counts[1], abs=1)
    assert counts[2] <= 1


def test_a_pick_that_is_worse_at_first_pays_later():
    """Errors 1 and -5: half of each is worse, five of the former to one of the latter are without error."""
    errors = np.array([[1.0, 1.0], [-5.0, -5.0]])
    assert picked(errors, np.array([0.5, 0.5]), "regression", 2).tolist() == [5, 1]


def test_it_gives_up_after_a_few_picks_that_are_none_better():
    errors = np.array([[1.0, 1.0], [-50.0, -50.0]])
    assert picked(errors, np.array([0.5, 0.5]), "regression", 100).tolist() == [1, 0]


def test_rows_beyond_a_block_count():
    """The same where the rows are taken in one piece and in several."""
    predictions, target = library(3, "multiclass", 4, 20)
    times = BLOCK // 10
    parts = parts_of(predictions, target, "multiclass")
    few = picked(parts, np.full(20, 1 / 20), "multiclass", 3)
    many = picked(np.tile(parts, times), np.full(20 * times, 1 / 20 / times), "multiclass", 3)
    assert few.tolist() == many.tolist()


def test_losses_of_rows():
    assert row_losses(np.array([[0.2, 0.8], [1.0, 0.0]]), np.array([1, 1]), "binary") == pytest.approx(
        [-np.log(0.8), -np.log(SMALLEST)]
    )
