"""Estimates with their uncertainty: of a mean over repeats, of a score over rows, of a proportion."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from goodfit.errors import InputError


@dataclass(frozen=True)
class Estimate:
    """A number and the interval that holds the truth with the stated confidence.

    Args:
        value: the estimate; nan where it is undefined.
        low: lower end of the interval; nan where the data can't tell.
        high: upper end of the interval; nan where the data can't tell.

    Example:
        >>> Estimate(0.9, 0.8, 0.95).to_dict()
        {'value': 0.9, 'low': 0.8, 'high': 0.95}
    """

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """The three numbers by name."""
        return asdict(self)


def mean_interval(values: npt.ArrayLike, *, test_share: float = 0.0, level: float = 0.95) -> Estimate:
    """Mean over k repeats with Student's t interval, corrected where the repeats share training rows.

    mean ± t(k-1) * sqrt(s² * (1/k + test_share)), where s² is the sample variance (divisor k-1).

    Args:
        values: shape (k,), one number a repeat. One repeat alone has no interval: low = high = nan. A value that is
            not finite (a score undefined on that repeat, a loss that diverged) is not dropped, which would flatter:
            the mean becomes nan or infinite, as arithmetic has it, and the interval nan.
        test_share: test rows over training rows of each split, in [0, inf). 0: the repeats are independent (new seeds
            on the same rows, or new data each time). 3/7: repeated random splits of 70 % and 30 %.
        level: confidence in (0, 1). Towards 0 the interval shrinks to the mean, towards 1 it grows without bound.

    Returns:
        The mean and its interval.

    Raises:
        InputError: no values, a negative test_share, or a level outside (0, 1).

    Example:
        >>> estimate = mean_interval([0.75, 1.0, 1.25])
        >>> estimate.value, round(estimate.low, 4), round(estimate.high, 4)
        (1.0, 0.379, 1.621)

    Source: Nadeau and Bengio, Inference for the generalization error, Machine Learning 52 (2003).

    Note: the usual standard error of cross-validation is test_share 0, which is too narrow as its folds overlap.
    """
    repeats = _vector(values, "values")
    _check_level(level)
    if not test_share >= 0:
        raise InputError(f"test_share is {test_share}: it is test rows over training rows; give 0 or more")
    count = len(repeats)
    with np.errstate(all="ignore"):
        mean = float(repeats.mean())
        if count == 1 or not np.isfinite(repeats).all():
            return Estimate(mean, math.nan, math.nan)
        half = float(stdtrit(count - 1, (1 + level) / 2) * np.sqrt(repeats.var(ddof=1) * (1 / count + test_share)))
    return Estimate(mean, mean - half, mean + half)


def paired_interval(
    values: npt.ArrayLike, reference: npt.ArrayLike, *, test_share: float = 0.0, level: float = 0.95
) -> Estimate:
    """Mean difference between two methods measured on the same repeats, with its interval.

    The mean_interval of values - reference: what the repeats have in common cancels.

    Args:
        values: shape (k,), one number a repeat.
        reference: shape (k,), the other method's number on the same repeat, in the same order.
        test_share: as in mean_interval.
        level: as in mean_interval.

    Returns:
        The mean difference (positive: values are larger) and its interval.

    Raises:
        InputError: lengths differ, or as in mean_interval.

    Example:
        >>> paired_interval([3.0, 5.0, 8.0], [1.0, 3.0, 6.0]).to_dict()
        {'value': 2.0, 'low': 2.0, 'high': 2.0}
    """
    ours, theirs = _vector(values, "values"), _vector(reference, "reference")
    if len(ours) != len(theirs):
        raise InputError(f"values has {len(ours)} repeats, reference {len(theirs)}: pair them on the same repeats")
    with np.errstate(invalid="ignore"):
        return mean_interval(ours - theirs, test_share=test_share, level=level)


def bootstrap(
    score: Callable[..., float],
    *arrays: npt.NDArray[Any],
    seed: int,
    replicates: int = 400,
    strata: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """Score of all rows, with the percentile interval of the score over resampled rows.

    Args:
        score: takes the arrays, each with the same rows in the same order, and returns a number.
        arrays: one or more, each with n rows along its first axis.
        seed: of the random draw; the same seed gives the same interval.
        replicates: how many resamples, at least 1; few make the ends of the interval noisy.
        strata: shape (n,), a label a row: each label keeps its number of rows in every resample, so that a rare class
            is never lost. None: rows are drawn freely.
        level: confidence in (0, 1).

    Returns:
        The score of the rows as they are, and the interval. Replicates whose score is nan are left out; with none
        left the ends are nan.

    Raises:
        InputError: no array, no rows, row numbers that differ, replicates below 1, or a level outside (0, 1).

    Example:
        >>> estimate = bootstrap(np.mean, np.arange(100.0), seed=0)
        >>> estimate.value, estimate.low < 49.5 < estimate.high
        (49.5, True)

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    _check_level(level)
    lengths = {len(array) for array in arrays} | ({np.size(strata)} if strata is not None else set())
    if len(lengths) != 1 or lengths == {0}:
        raise InputError(
            f"bootstrap got arrays of {sorted(lengths)} rows: give one or more of the same positive length"
        )
    if replicates < 1:
        raise InputError(f"replicates is {replicates}: give 1 or more")
    rows = lengths.pop()
    groups = np.zeros(rows, np.int64) if strata is None else np.unique(np.asarray(strata), return_inverse=True)[1]
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    size = np.repeat(counts, counts)
    start = np.repeat(np.cumsum(counts) - counts, counts)
    rng = np.random.default_rng(seed)
    scores = np.empty(replicates)
    for replicate in range(replicates):
        drawn = order[start + rng.integers(size)]
        scores[replicate] = score(*(array[drawn] for array in arrays))
    defined = scores[~np.isnan(scores)]
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]) if len(defined) else (math.nan, math.nan)
    return Estimate(float(score(*arrays)), float(low), float(high))


def wilson(successes: float, n: float, level: float = 0.95) -> Estimate:
    """Proportion with Wilson's score interval, which holds for rare events and few rows too.

    (p + z²/2n ± z * sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), where p = successes/n.

    Args:
        successes: in [0, n]; at 0 the interval begins at 0, at n it ends at 1.
        n: trials, 0 or more. 0: the proportion is nan and the interval [0, 1].
        level: confidence in (0, 1).

    Returns:
        The proportion and its interval within [0, 1].

    Raises:
        InputError: successes outside [0, n], or a level outside (0, 1).

    Example:
        >>> estimate = wilson(0, 100)
        >>> estimate.value, estimate.low, round(estimate.high, 4)
        (0.0, 0.0, 0.037)

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    _check_level(level)
    if not 0 <= successes <= n:
        raise InputError(f"wilson got {successes} successes of {n}: give a number from 0 to {n}")
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0)
    share, z = successes / n, float(ndtri((1 + level) / 2))
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (middle - half) / scale
    high = 1.0 if successes == n else (middle + half) / scale
    return Estimate(share, max(0.0, low), min(1.0, high))


def _vector(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or len(vector) == 0:
        raise InputError(f"{name} has shape {vector.shape}: give one number for each repeat, at least one")
    return vector


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level is {level}: give a confidence between 0 and 1, such as 0.95")
