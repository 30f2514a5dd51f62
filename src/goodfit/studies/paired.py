"""Two predictors on the same rows: the mean difference of their losses, and whether it is more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from goodfit.errors import InputError
from goodfit.multiplicity import LEVEL
from goodfit.statistics import Estimate
from goodfit.studies.problem import Floats, Ints

LEAST = 0.001
"""Of the loss: a smaller difference is none, however sure it is."""


@dataclass(frozen=True)
class Paired:
    """A mean over rows.

    Args:
        mean: with its 95 % interval; nan where a row's number is, the ends alone where one row or group can't tell.
        p: how often chance alone would bring a mean as far from 0; nan where the interval is.
    """

    mean: Estimate
    p: float


def mean_of_rows(
    values: Floats, weights: Floats, groups: Ints | None = None, *, trainings: Ints | None = None
) -> Paired:
    """The weighted mean of numbers by row, such as differences of losses on held-out rows, against 0.

    With shares s = weights / Σ weights and m = Σ s d, each row's part in m is s (d - m), each group's the sum of its
    rows'; over N rows, or groups,

        m ± t(N - 1) · sqrt(N / (N - 1) · Σ part²)

    Rows held out in cross-validation may be taken together though their networks share training rows: this is an
    interval for how these networks do on further rows. Another training would have ended elsewhere; where that makes
    the rows of one training differ in common, the sum over trainings is larger than that over rows, and stands for it.

    Args:
        values: `(n,)` a number a row.
        weights: `(n,)` of the rows, above 0.
        groups: `(n,)` rows of one group are not independent of each other; None: all rows are.
        trainings: `(n,)` by which of several trainings a row was scored; None for one.

    Raises:
        InputError: lengths differ.

    Example:
        >>> found = mean_of_rows(np.array([0.1, 0.3, 0.2, 0.2]), np.ones(4))
        >>> round(found.mean.value, 6), round(found.mean.low, 4), round(found.p, 4)
        (0.2, 0.0701, 0.0163)

    Source: Bayle, Bayle, Janson and Mackey, Cross-validation confidence intervals for test error, NeurIPS (2020).
    """
    count = len(values)
    if {count} != {len(own) for own in (weights, groups, trainings) if own is not None}:
        raise InputError(f"values has {count} rows, weights, groups or trainings have others: give one for every row")
    if not count:
        return Paired(Estimate(math.nan, math.nan, math.nan), math.nan)
    share = weights / weights.sum()
    mean = float(share @ values)
    units = count if groups is None else len(np.unique(groups))
    if units < 2 or not math.isfinite(mean):
        return Paired(Estimate(mean, math.nan, math.nan), math.nan)
    parts = share * (values - mean)
    labels = (np.arange(count) if groups is None else groups, np.zeros(count) if trainings is None else trainings)
    error = max(_error(parts, own) for own in labels)
    half = float(stdtrit(units - 1, 0.975)) * error
    with np.errstate(divide="ignore"):
        p = 2 * float(stdtr(units - 1, -abs(np.divide(mean, error)))) if mean else 1.0
    return Paired(Estimate(mean, mean - half, mean + half), p)


def _error(parts: Floats, labels: NDArray[Any]) -> float:
    """The standard error of a mean that units with these labels have parts in; 0 where there is one unit."""
    sums = np.bincount(np.unique(labels, return_inverse=True)[1], parts)
    return math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums)) if len(sums) > 1 else 0.0


def differs(difference: float, p: float, loss: float) -> bool:
    """Whether a difference of mean losses is beyond chance and, against the loss, worth a word; False where nan."""
    return p < LEVEL and abs(difference) >= LEAST * abs(loss)
