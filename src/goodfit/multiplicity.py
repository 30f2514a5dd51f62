"""The best of several alternatives: whether it is better at all, and by how much, though picked for its looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from goodfit.errors import InputError
from goodfit.statistics import Estimate

Floats = npt.NDArray[np.float64]

DRAWS = 2000
SMALLEST = 1e-12
"""A mean loss of 0 counts as this."""


@dataclass(frozen=True)
class Fall:
    """How much the best of several alternatives lowers a mean loss.

    Args:
        best: its place among the alternatives: the one of the lowest mean loss.
        fall: 1 - its mean loss over the reference's, with a 95 % interval for an alternative that was picked.
        p: how often the best of so many would look as good if none were better than the reference.
    """

    best: int
    fall: Estimate
    p: float


def largest_fall(
    reference: npt.ArrayLike, losses: npt.ArrayLike, *, weights: npt.ArrayLike | None = None, seed: int = 0
) -> Fall:
    """Test whether any of C alternatives has a lower mean loss than a reference, from losses on the same n rows.

    The statistic is the largest of the C studentized falls; its law when none is better comes from the multiplier
    bootstrap of the rows, which knows how much the alternatives resemble each other: C near-copies cost no more than
    one. Alternatives that are clearly worse than the reference don't count against the others.

    Rows must be independent of each other given the networks, and no row may have taught the network that it is scored
    by: losses of rows held out in cross-validation are fine.

    Args:
        reference: `(n,)` losses, 0 or more.
        losses: `(C, n)` losses of the alternatives for the same rows.
        weights: `(n,)` of the rows; None is 1 each.
        seed: of the bootstrap.

    Returns:
        Which one is best, its fall with its interval (nan with fewer than 2 rows), and p.

    Raises:
        InputError: shapes differ, or there is no alternative.

    Example:
        >>> rows = np.random.default_rng(0).exponential(size=(2, 400))
        >>> found = largest_fall(rows[0] + 0.5, rows)
        >>> found.fall.low > 0, found.p < 0.05
        (True, True)

    Source: Chernozhukov, Chetverikov and Kato, Gaussian approximations and multiplier bootstrap for maxima of sums,
    Annals of Statistics 41 (2013); Hansen, A test for superior predictive ability, JBES 23 (2005); for losses of
    cross-validation Bayle, Bayle, Janson and Mackey, Cross-validation confidence intervals for test error (2020).
    """
    base, others = np.asarray(reference, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if base.ndim != 1 or others.ndim != 2 or not len(others) or others.shape[1] != len(base):
        raise InputError(f"losses has shape {others.shape}, reference {base.shape}: give (C, n) and (n,) for n rows")
    share = np.ones(len(base)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    before = max(float(share @ base), SMALLEST)
    falls = 1 - others @ share / before
    best = int(falls.argmax())
    if len(base) < 2:
        return Fall(best, Estimate(float(falls[best]), math.nan, math.nan), math.nan)
    # the influence of each row on 1 - mean(other) / mean(reference)
    influence = ((1 - falls[:, None]) * base - others) / before * share
    errors = np.sqrt((influence**2).sum(1) * len(base) / (len(base) - 1))
    errors = np.maximum(errors, SMALLEST)
    normal = _multiplied(influence / errors[:, None], seed)
    heavier = float(stdtrit(len(base) - 1, 0.975) / ndtri(0.975))
    slack = math.sqrt(2 * math.log(math.log(max(len(base), 16))))
    contenders = falls >= -slack * errors
    peak = float((falls / errors).max())
    highest = normal[:, contenders].max(1) * heavier if contenders.any() else np.full(DRAWS, -math.inf)
    p = float((1 + (highest >= peak).sum()) / (1 + DRAWS)) if contenders.any() else 1.0
    return Fall(best, _picked(falls, errors, normal * heavier, influence, slack), p)


def _multiplied(scaled: Floats, seed: int) -> Floats:
    """Draws `(B, C)` of the studentized means: rows times independent normal multipliers."""
    covariance = np.clip(scaled @ scaled.T, -1, 1)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.asarray(np.random.default_rng(seed).standard_normal((DRAWS, len(scaled))) @ root.T)


def _picked(falls: Floats, errors: Floats, normal: Floats, influence: Floats, slack: float) -> Estimate:
    """The best one's fall; the interval holds for every alternative that might as well have been picked."""
    best = int(falls.argmax())
    apart = np.sqrt(((influence - influence[best]) ** 2).sum(1))
    rivals = falls[best] - falls <= slack * apart
    reach = float(np.quantile(np.abs(normal[:, rivals]).max(1), 0.95))
    half = reach * errors[best]
    return Estimate(float(falls[best]), float(falls[best] - half), float(falls[best] + half))
