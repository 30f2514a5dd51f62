"""Scores on test rows that nothing has seen, with intervals over those rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from goodfit.data.splits import distinct
from goodfit.errors import InputError
from goodfit.metrics import metrics_of
from goodfit.resampled import drawn_scores
from goodfit.statistics import Estimate
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.rating import scores_of

REPLICATES = 400
MOST_DRAWN = 200_000
GROUPS = 100


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
    """Split off test rows, class by class; equal rows stay on one side. Of rows with times the latest are split off.

    Without times, which rows go where depends on the target, the seed and which rows are equal, on no other value in
    the table.

    Raises:
        InputError: rows with times, of one time only, or whose earlier ones are all of one class.
    """
    if problem.times is not None:
        return _latest(problem, *problem.hold_out(np.arange(problem.rows), share, seed))
    kept = distinct(problem.table, problem.target, order="first")
    merged = problem.bare.take(kept.rows)
    _, test = merged.hold_out(np.arange(merged.rows), share, seed)
    side = np.zeros(len(kept.rows), dtype=bool)
    side[test] = True
    return problem.take(np.flatnonzero(~side[kept.inverse])), problem.take(np.flatnonzero(side[kept.inverse]))


def _latest(problem: Problem, earlier: Ints, later: Ints) -> tuple[Problem, Problem]:
    known = problem.target[earlier]
    if problem.task != "regression" and len(np.unique(known)) < 2:
        only = problem.classes[known[0]]
        raise InputError(f"all rows but the latest are of class '{only}': give rows of longer, with both classes early")
    return problem.take(earlier), problem.take(later)


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predictions `(n, C)` for test rows, and the threshold, chosen elsewhere, that balanced accuracy is taken at."""

    predicted: Floats
    threshold: float | None = None


def score_on(problem: Problem, predictions: Sequence[Predictor], seed: int) -> list[Tested]:
    """Score predictors on the same rows, with intervals over rows drawn with replacement.

    Rows are drawn freely: how many of each class there are is as much a matter of chance as which they are. Of more
    than `MOST_DRAWN` rows the intervals come from the spread of the scores over `GROUPS` random groups of them, which
    says the same and takes one pass.
    """
    keys = [metric.key for metric in metrics_of(problem.task)]
    random = np.random.default_rng(seed)
    whole = [scores_of(problem, p.predicted, threshold=p.threshold) for p in predictions]
    estimate: Callable[[float, Floats], Estimate] = _estimate
    if problem.rows > MOST_DRAWN:
        draws, estimate = _grouped(problem, predictions, random), _spread
    else:
        shares = np.full(problem.rows, 1 / problem.rows)
        counts = random.multinomial(problem.rows, shares, size=REPLICATES).astype(np.int64)
        draws = [_drawn(problem, p, counts) for p in predictions]
    return [
        Tested(
            {key: estimate(whole[i][key], draws[i][key]) for key in keys},
            {key: estimate(whole[i][key] - whole[0][key], draws[i][key] - draws[0][key]) for key in keys},
        )
        for i in range(len(predictions))
    ]


def _grouped(
    problem: Problem, predictions: Sequence[Predictor], random: np.random.Generator
) -> list[dict[str, Floats]]:
    """Each predictor's scores `(G,)` on random groups of the rows, by key."""
    groups = np.array_split(random.permutation(problem.rows), GROUPS)
    found = [
        [scores_of(problem, p.predicted[rows], rows, threshold=p.threshold) for rows in groups] for p in predictions
    ]
    return [{key: np.array([scores[key] for scores in each]) for key in each[0]} for each in found]


def _spread(value: float, scores: Floats) -> Estimate:
    """A score, and its interval by that of groups of its rows: the standard error is their deviation over sqrt(G).

    Source:
        Random groups: Wolter, Introduction to Variance Estimation (2007), chapter 2.
    """
    told = scores[np.isfinite(scores)]
    if len(told) < 2:
        return Estimate(float(value), np.nan, np.nan)
    reach = float(stats.t.ppf(0.975, len(told) - 1) * told.std(ddof=1) / np.sqrt(len(told)))
    return Estimate(float(value), float(value) - reach, float(value) + reach)


def _drawn(problem: Problem, predictor: Predictor, counts: Ints) -> dict[str, Floats]:
    if not np.isfinite(predictor.predicted).all():
        return {metric.key: np.full(len(counts), np.nan) for metric in metrics_of(problem.task)}
    return drawn_scores(
        problem.task,
        problem.target,
        predictor.predicted,
        counts,
        weights=problem.weights,
        positive=problem.positive,
        threshold=predictor.threshold,
    )


def _estimate(value: float, draws: Floats) -> Estimate:
    low, high = np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else (np.nan, np.nan)
    return Estimate(float(value), float(low), float(high))
