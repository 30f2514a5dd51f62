"""Several at once: whether the best of many is better at all, and by how much, and p-values of many questions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from goodfit.errors import InputError
from goodfit.statistics import Estimate

Floats = npt.NDArray[np.float64]

LEVEL = 0.05
DRAWS, DRAWS_OF_ROWS = 2000, 200
SMALLEST = 1e-12
"""A mean loss of 0 counts as this."""


@dataclass(frozen=True)
class Fall:
    """How much the best of several alternatives lowers a mean loss.

    Args:
        best: its place among the alternatives: the one of the lowest mean loss among those beyond chance, or of all.
        fall: 1 - its mean loss over the reference's, with a 95 % interval for an alternative that was picked.
        p: how often the best of so many would look as good as this one if none were better than the reference.
        most: no alternative's true fall is larger than this, with 95 % confidence for all of them together.
    """

    best: int
    fall: Estimate
    p: float
    most: float


def largest_fall(
    reference: npt.ArrayLike,
    losses: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    least: float = 0.0,
    seed: int = 0,
) -> Fall:
    """Test whether any of C alternatives has a lower mean loss than a reference, from losses on the same n rows.

    Each alternative's studentized fall is held against the largest of C such falls; its law when none is better comes
    from the multiplier bootstrap of the rows, which knows how much the alternatives resemble each other: C near-copies
    cost no more than one. Alternatives that are clearly worse than the reference don't count against the others.

    The lowest mean loss may be luck while a smaller fall of another alternative is not. So the best is the one that
    falls most among those whose own p is below 5 % and that fall by `least` or more; where there is none, among all.
    The fall and p are of that one.

    Rows must be independent of each other given the networks, and no row may have taught the network that it is scored
    by: losses of rows held out in cross-validation are fine.

    Args:
        reference: `(n,)` losses, 0 or more.
        losses: `(C, n)` losses of the alternatives for the same rows.
        weights: `(n,)` of the rows; None is 1 each.
        least: share of the reference's mean loss, 0 to 1; a smaller fall isn't preferred for being beyond chance.
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
    falls = (base - others) @ share / before  # exactly 0 for the same losses
    if len(base) < 2:
        best = int(falls.argmax())
        return Fall(best, Estimate(float(falls[best]), math.nan, math.nan), math.nan, math.nan)
    # the influence of each row on 1 - mean(other) / mean(reference)
    influence = ((1 - falls[:, None]) * base - others) / before * share
    errors = _errors(influence)
    normal = _multiplied(influence / errors[:, None], seed)
    # the test takes the influence on plain differences: with skewed losses that on ratios fires more than it should
    plain = ((base - others) / before - falls[:, None]) * share
    spreads = _errors(plain)
    equal = _multiplied(plain / spreads[:, None], seed)
    heavier = float(stdtrit(len(base) - 1, 0.975) / ndtri(0.975))
    slack = math.sqrt(2 * math.log(math.log(max(len(base), 16))))
    p = _p_of_the_largest(falls / spreads, equal[:, falls >= -slack * spreads] * heavier)
    sure = (p < LEVEL) & (falls >= least)
    best = int(np.where(sure, falls, -math.inf).argmax() if sure.any() else falls.argmax())
    most = float((falls + np.quantile(normal.max(1), 0.95) * heavier * errors).max())
    return Fall(best, _picked(best, falls, errors, normal * heavier, influence, slack), float(p[best]), most)


def _p_of_the_largest(scores: Floats, draws: Floats) -> Floats:
    """For each of C scores the share of draws `(B, K)` whose largest is as large; 1 where there is none to draw."""
    if not draws.shape[1]:
        return np.ones(len(scores))
    highest = np.sort(draws.max(1))
    return np.asarray((1 + len(draws) - np.searchsorted(highest, scores)) / (1 + len(draws)))


def _errors(influence: Floats) -> Floats:
    """The standard errors `(C,)` of means of which these `(C, n)` are the rows' parts."""
    rows = influence.shape[1]
    return np.asarray(np.maximum(np.sqrt((influence**2).sum(1) * rows / (rows - 1)), SMALLEST))


def _multiplied(scaled: Floats, seed: int) -> Floats:
    """Draws `(B, C)` of the studentized means: rows times independent normal multipliers."""
    covariance = np.clip(scaled @ scaled.T, -1, 1)
    values, vectors = np.linalg.eigh(covariance)
    # the symmetric root: that of eigenvectors alone turns with the last bits of the losses
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(np.random.default_rng(seed).standard_normal((DRAWS, len(scaled))) @ root)


def _picked(best: int, falls: Floats, errors: Floats, normal: Floats, influence: Floats, slack: float) -> Estimate:
    """The best one's fall; the interval holds for every alternative that might as well have been picked."""
    apart = np.sqrt(((influence - influence[best]) ** 2).sum(1))
    rivals = falls[best] - falls <= slack * apart
    reach = float(np.quantile(np.abs(normal[:, rivals]).max(1), 0.95))
    half = reach * errors[best]
    return Estimate(float(falls[best]), float(falls[best] - half), float(falls[best] + half))


def optimism(losses: npt.ArrayLike, *, weights: npt.ArrayLike | None = None, seed: int = 0) -> Estimate:
    """By how much of itself the lowest of C mean losses is too low, since it was chosen for being the lowest.

    Rows are drawn with replacement; the alternative that is best on them is scored on the rows not drawn. The mean of
    that over 200 draws, less the lowest mean loss, over the former.

    Args:
        losses: `(C, n)` losses of the alternatives for the same rows.
        weights: `(n,)` of the rows; None is 1 each.
        seed: of the draws.

    Returns:
        The share, 0 or more, and the middle 95 % of the draws around it (not an interval of the mean).

    Example:
        >>> optimism(np.random.default_rng(0).exponential(size=(50, 30))).value > 0.05
        True

    Source: Tsamardinos, Greasidou and Borboudakis, Bootstrapping the out-of-sample predictions for efficient and
    accurate cross-validation, Machine Learning 107 (2018).
    """
    every = np.asarray(losses, dtype=np.float64)
    share = np.ones(every.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    random = np.random.default_rng(seed)
    rows, best = every.shape[1], int((every @ share).argmin())
    lowest = float(every[best] @ share / share.sum())
    outside = np.empty(DRAWS_OF_ROWS)
    for b in range(DRAWS_OF_ROWS):  # one by one: all at once would be gigabytes for a million rows
        counts = np.bincount(random.integers(rows, size=rows), minlength=rows)
        winner, left = int((every @ (counts * share)).argmin()), (counts == 0) * share
        # draws whose left rows are harder say nothing of choosing: what the best one loses on them is taken out
        outside[b] = lowest + left @ (every[winner] - every[best]) / max(float(left.sum()), SMALLEST)
    shares = 1 - lowest / np.maximum(outside, SMALLEST)
    value = 1 - lowest / max(float(outside.mean()), SMALLEST)
    low, high = np.quantile(shares, [0.025, 0.975])
    return Estimate(max(value, 0.0), float(low), float(high))


def holm(p: npt.ArrayLike) -> Floats:
    """p-values of k questions, adjusted so that with all of them asked at once a false alarm is as rare as promised.

    With p₍₁₎ ≤ ... ≤ p₍ₘ₎ the m values that are not nan:

        adjusted₍ᵢ₎ = min(1, max over j ≤ i of (m - j + 1) p₍ⱼ₎)

    Whatever the questions have to do with each other, the chance that an adjusted p of any true null lies at or below
    a level is at most that level. Bonferroni's m p is never smaller.

    Args:
        p: `(k,)` in [0, 1], in any order; nan where a question couldn't be asked: it counts for nothing and stays nan.

    Returns:
        The adjusted values `(k,)` in the order given.

    Raises:
        InputError: a value outside [0, 1], or not one number a question.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
        [0.03, 0.06, 0.06]

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    values = np.asarray(p, dtype=np.float64)
    told = np.flatnonzero(~np.isnan(values))
    if values.ndim != 1 or ((values < 0) | (values > 1)).any():
        raise InputError(f"p is {values.tolist()}: give one number from 0 to 1 for each question")
    order = told[np.argsort(values[told], kind="stable")]
    adjusted = values.copy()
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)), 1.0)
    return adjusted
