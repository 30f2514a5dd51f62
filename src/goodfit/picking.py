"""Greedy picks for a blend, by what each prediction says of the truth: its probability, or the error in regression."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from goodfit.metrics import Task
from goodfit.tempering import SMALLEST

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LEAST_GAIN = 1e-6
"""A pick lowers the loss by at least this share of it."""
TIED = 1e-12
"""Losses that differ by a smaller share are rounding apart."""
PICKS = 4
"""As many picks at most as there may be different candidates, times this."""
PATIENCE = 3
"""Picks in a row that need not have made a blend better."""
BLOCK = 1_500
"""Rows at a time, so that they stay in the cache."""


def parts_of(predictions: Floats, target: Floats | Counts, task: Task) -> Floats:
    """What losses depend on, `(..., n)` of predictions `(..., n, C)`: the true class's probability, or the error.

    Example:
        >>> parts_of(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1]), "binary")
        array([0.8, 0.4])
    """
    if task == "regression":
        return np.asarray(predictions[..., 0] - target, dtype=np.float64)
    return np.asarray(predictions[..., np.arange(len(target)), target], dtype=np.float64)


def row_losses(predicted: Floats, target: Floats | Counts, task: Task) -> Floats:
    """The loss `(n,)` of each row for predictions `(n, C)`: log loss, or the squared error.

    Example:
        >>> row_losses(np.array([[3.0], [1.0]]), np.array([1.0, 1.0]), "regression")
        array([4., 0.])
    """
    parts = parts_of(predicted, target, task)
    return np.square(parts) if task == "regression" else -np.log(np.maximum(parts, SMALLEST))


def picked(parts: Floats, share: Floats, task: Task, most: int) -> Counts:
    """How often each of T candidates is picked: always the one that makes the loss of the mean prediction least.

    A pick may be worse than none, for the next ones give it less weight. So it ends after three in a row that did not
    lower the loss by a millionth, or after 4 `most` in all; what counts are the picks up to the last one that did.

    Args:
        parts: `(T, n)` of `parts_of`.
        share: `(n,)` of the rows, of sum 1.
        task: whose loss it is.
        most: different candidates at most.

    Example:
        >>> picked(np.array([[-1.0, 1.0], [4.0, 4.0], [1.0, -1.0]]), np.array([0.5, 0.5]), "regression", 2)
        array([1, 0, 1])

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models, ICML 2004.
    """
    counts, total = np.zeros(len(parts), np.int64), np.zeros(parts.shape[1])
    best, loss, since = counts, math.inf, 0
    allowed, pool = np.arange(len(parts)), parts
    for picks in range(1, PICKS * most + 1):
        losses = _mean_losses(pool, total, picks, share, task)
        lowest = float(losses.min())
        place = allowed[int((losses <= lowest * (1 + TIED)).argmax())]
        counts[place] += 1
        total = total + parts[place]
        if lowest < loss * (1 - LEAST_GAIN):
            best, loss, since = counts.copy(), lowest, picks
        if len(allowed) > most and np.count_nonzero(counts) == most:
            allowed = np.flatnonzero(counts)
            pool = parts[allowed]
        if len(allowed) == 1 or picks - since == PATIENCE:
            break
    return best


def _mean_losses(parts: Floats, total: Floats, picks: int, share: Floats, task: Task) -> Floats:
    """The mean losses `(T,)` of blends of `picks` parts: each candidate's beside a total `(n,)` of the others."""
    losses = np.zeros(len(parts))
    for start in range(0, len(share), BLOCK):
        own = slice(start, start + BLOCK)
        sums = parts[:, own] + total[own]
        if task == "regression":
            losses += np.square(sums, out=sums) @ share[own] / picks**2
        else:
            np.maximum(sums, SMALLEST * picks, out=sums)
            losses += (math.log(picks) - np.log(sums, out=sums)) @ share[own]
    return losses
