"""Scores on test rows that nothing has seen, with intervals over those rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goodfit.data.splits import distinct, holdout
from goodfit.metrics import metrics_of
from goodfit.statistics import Estimate
from goodfit.studies.fitting import scores_of
from goodfit.studies.problem import Floats, Ints, Problem

REPLICATES = 200


@dataclass(frozen=True)
class Tested:
    """Scores of one predictor on test rows, and how they differ from the first predictor's.

    Args:
        scores: by metric key, with 95 % intervals over resampled test rows.
        differences: from the first predictor's, paired on the same resampled rows.
    """

    scores: dict[str, Estimate]
    differences: dict[str, Estimate]


def split_test(problem: Problem, share: float, seed: int) -> tuple[Problem, Problem]:
    """Split off test rows, class by class; equal rows stay on one side.

    Which rows go where depends on the target, the seed and which rows are equal, on no other value in the table.
    """
    kept = distinct(problem.table, problem.target, order="first")
    _, test = holdout(problem.take(kept.rows).strata, share, seed)
    side = np.zeros(len(kept.rows), dtype=bool)
    side[test] = True
    return problem.take(np.flatnonzero(~side[kept.inverse])), problem.take(np.flatnonzero(side[kept.inverse]))


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predictions `(n, C)` for test rows, and the threshold, chosen elsewhere, that balanced accuracy is taken at."""

    predicted: Floats
    threshold: float | None = None


def score_on(problem: Problem, predictions: Sequence[Predictor], seed: int) -> list[Tested]:
    """Score predictors on the same rows, with intervals over rows drawn with replacement, class by class."""
    keys = [metric.key for metric in metrics_of(problem.task)]
    whole = [_values(problem, p, np.arange(problem.rows), keys) for p in predictions]
    draws = np.array([[_values(problem, p, rows, keys) for p in predictions] for rows in _resampled(problem, seed)])
    return [
        Tested(
            {key: _estimate(whole[i][k], draws[:, i, k]) for k, key in enumerate(keys)},
            {key: _estimate(whole[i][k] - whole[0][k], draws[:, i, k] - draws[:, 0, k]) for k, key in enumerate(keys)},
        )
        for i in range(len(predictions))
    ]


def _resampled(problem: Problem, seed: int) -> list[Ints]:
    random = np.random.default_rng(seed)
    strata = problem.target if problem.task != "regression" else np.zeros(problem.rows, dtype=np.int64)
    groups = [np.flatnonzero(strata == code) for code in np.unique(strata)]
    return [np.concatenate([random.choice(group, len(group)) for group in groups]) for _ in range(REPLICATES)]


def _values(problem: Problem, predictor: Predictor, rows: Ints, keys: Sequence[str]) -> Floats:
    scores = scores_of(problem, predictor.predicted[rows], rows, threshold=predictor.threshold)
    return np.array([scores[key] for key in keys])


def _estimate(value: float, draws: Floats) -> Estimate:
    low, high = np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else (np.nan, np.nan)
    return Estimate(float(value), float(low), float(high))
