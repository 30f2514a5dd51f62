"""Rows with times: whatever splits them, nobody learns from a row that is later than one that is held out."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from goodfit.regularizers import Recipe
from goodfit.studies.comparison import Repeats, compare
from goodfit.studies.diagnosing import split_rows
from goodfit.studies.fitting import Plan, fit, splits_of
from goodfit.studies.leaks import _halves
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.samples import Sample
from goodfit.studies.scoring import watching
from goodfit.studies.testing import split_test
from goodfit.training import Settings

ROWS = 120
QUICK = Settings(hidden=(4,), batch_size=32, max_epochs=2)


def problem_of(ties: int, seed: int = 0, task: str = "binary") -> Problem:
    """Rows in no order, `ties` of each time, with copies whose times differ."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(ROWS, 2))
    X[ROWS // 2 :: 7] = X[3]
    y = X[:, 0] + random.normal(size=ROWS)
    times = random.permutation(np.arange(ROWS) // ties).astype(float)
    return read_problem(pl.DataFrame(X, schema=["a", "b"]), y if task == "regression" else y > 0, times=times)


def of_fit(problem, seed):
    return splits_of(problem, Plan(seed=seed))


def of_a_single_network(problem, seed):
    return splits_of(problem, Plan(seed=seed, members=1))


def of_the_test(problem, seed):
    parts = split_test(problem, 0.2, seed)
    return [tuple(np.flatnonzero(np.isin(problem.times, part.times)) for part in parts)]


def of_a_diagnosis(problem, seed):
    """What is learned from, before what is watched, before what is asked about."""
    split = split_rows(problem, 2, seed=seed)
    watched = [(sample.train, sample.held_out) for sample in split.samples]
    return watched + [(sample.held_out, own) for sample, own in zip(split.samples, split.scored, strict=True)]


def of_a_comparison(problem, seed):
    found = compare(problem, [Recipe()], repeats=Repeats(3, seed=seed), settings=QUICK)
    assert len({len(split.test) + len(split.train) for split in found.splits}) > 1
    return [
        pair for split in found.splits for pair in ((split.train, split.validation), (split.validation, split.test))
    ]


def of_the_watched(problem, seed):
    recipes = [Recipe.parse("early_stopping=3")]
    return [(s.train, s.held_out) for s in watching(problem, [Sample(np.arange(50), np.arange(9), seed)], recipes, 0.2)]


def of_leaks(problem, seed):
    return [_halves(problem, seed)]


SPLITS = [
    of_fit,
    of_a_single_network,
    of_the_test,
    of_a_diagnosis,
    of_a_comparison,
    of_the_watched,
    of_leaks,
]


@pytest.mark.parametrize("ties", [1, 4])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("splits", SPLITS, ids=lambda function: function.__name__)
def test_no_training_row_is_as_late_as_a_row_held_out(splits, seed, ties):
    problem = problem_of(ties, seed).merged()
    pairs = splits(problem, seed)
    assert pairs
    for learned, held in pairs:
        assert len(learned)
        assert len(held)
        assert problem.times[learned].max() < problem.times[held].min()


def test_a_fit_holds_out_each_row_of_the_later_half_once():
    problem = problem_of(1)
    held = np.concatenate([held for _, held in splits_of(problem, Plan())])
    np.testing.assert_array_equal(np.sort(problem.times[held]), np.arange(ROWS // 2, ROWS))


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("poison", [1e6, -7.0])
def test_later_rows_reach_no_encoder_and_no_weight(task, poison):
    """Inputs and targets are others from a moment on: networks that learned from earlier ones stay as they are."""
    problem = problem_of(2, task=task)
    since = np.sort(problem.times)[int(0.8 * ROWS)]
    late = problem.times >= since
    columns = [
        replace(c, values=np.where(late, poison * np.arange(1, ROWS + 1), c.values)) for c in problem.table.columns
    ]
    target = np.where(late, problem.target[::-1], problem.target)
    bad = replace(problem, table=replace(problem.table, columns=tuple(columns)), target=target)
    one, other = (
        fit(p, [Recipe.parse("l2=0.01")], plan=Plan(learning_rate=0.01, use=0), settings=QUICK) for p in (problem, bad)
    )
    same = 0
    for place, (clean, poisoned) in enumerate(zip(one.best.results, other.best.results, strict=True)):
        known = one.prepared.problem.times[clean.run.train]
        equal = np.array_equal(clean.parameters, poisoned.parameters)
        if known.max() < since:
            assert equal
            inputs = [found.prepared.encoders[place].transform(problem.table) for found in (one, other)]
            np.testing.assert_array_equal(*inputs)
            same += 1
        else:
            assert not equal
    assert 0 < same < len(one.best.results)
