"""Synthetic rows of a table, between rows that it has: SMOTE for numbers, SMOTE-NC where there are categories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from goodfit.data.schema import DAY, MAX_LEVELS
from goodfit.data.table import Column, Table
from goodfit.data.target import fit_target_scale
from goodfit.regularizers.tables.smote import SmotePlan

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def interpolate(table: Table, plan: SmotePlan) -> Table:
    """Make the synthetic rows of a plan.

    A number or date is base + gap (other - base); where either is missing it is the base's, so what is missing stays
    missing. It is rounded where all of the column are whole numbers, or whole days. A boolean or category is the value
    that most of the base's neighbours have, a missing one being a value like any other; of values with equally many it
    is the base's own, else the lowest (missing, then in the order of the levels).

    Args:
        table: t rows.
        plan: which rows to make, s of them.

    Returns:
        s rows, with the same columns.

    Example:
        >>> from goodfit.data.table import to_table
        >>> table = to_table([[0.5, "a"], [1.5, "b"], [2.5, "b"]])
        >>> one, two = np.array([0]), np.array([[1, 2]])
        >>> [c.values for c in interpolate(table, SmotePlan(one, two[:, 1], np.array([0.25]), two, one)).columns]
        [array([1.]), array([1], dtype=int32)]
    """
    columns = (_voted(c, plan) if c.kind in ("category", "boolean") else _between(c, plan) for c in table.columns)
    return Table(tuple(columns), len(plan.base))


def smote_points(table: Table, codes: Ints) -> Floats:
    r"""The rows as points whose distances are those of SMOTE-NC, to find a row's nearest rows of its class.

    Numbers and dates are standardized by mean and standard deviation of these rows; a missing value lies at the mean.
    Two different values of a boolean or category are as far apart as the median standard deviation of a class's
    numbers in that space, m, and the squares of all columns' distances add up: a level is one input of $m/\sqrt 2$.
    Missing is a level of its own. Where a class has no numbers or m is 0, it is 1 there.

    Args:
        table: t rows.
        codes: shape (t,), their classes; m is that of a row's own class, so that rows of two classes are not to be
            compared.

    Returns:
        (t, D). A category of more than `MAX_LEVELS` levels has inputs for the commonest only, as for the network; the
        others count as alike.

    Note:
        imbalanced-learn's SMOTENC measures numbers in their own unit unless they are standardized before, and lets m be
        0, where categories count for nothing.

    Example:
        >>> from goodfit.data.table import to_table
        >>> points = smote_points(to_table([[1.0, "a"], [3.0, "b"]]), np.array([0, 0]))
        >>> float(((points[0] - points[1]) ** 2).sum().round(6))
        5.0
    """
    numbers = [_standardized(c.values) for c in table.columns if c.kind in ("number", "date")]
    levels = [_common_codes(_whole(c)) for c in table.columns if c.kind in ("boolean", "category")]
    starts = np.cumsum([len(numbers), *(codes_of.max() + 1 for codes_of in levels)])
    points = np.zeros((table.rows, starts[-1]))
    if numbers:
        points[:, : len(numbers)] = np.stack(numbers, axis=1)
    apart = _level_distance(points[:, : len(numbers)], codes) / np.sqrt(2.0)
    for codes_of, start in zip(levels, starts, strict=False):
        points[np.arange(table.rows), start + codes_of] = apart
    return points


def _standardized(values: Floats) -> Floats:
    present = ~np.isnan(values)
    if not present.any():
        return np.zeros(len(values))
    scale = fit_target_scale(values[present])
    return scale.forward(np.where(present, values, scale.center))


def _common_codes(values: Ints) -> Ints:
    """Levels (n,) as codes from 0 without gaps, all but the `MAX_LEVELS` commonest as one."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    place = np.empty(len(counts), np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.asarray(np.minimum(place, MAX_LEVELS)[codes])


def _level_distance(numbers: Floats, codes: Ints) -> Floats:
    """For each row the median standard deviation of its class's numbers, (n,)."""
    apart = np.ones(len(codes))
    for code in np.unique(codes) if numbers.shape[1] else ():
        apart[codes == code] = np.median(numbers[codes == code].std(axis=0)) or 1.0
    return apart


def _whole(column: Column) -> Ints:
    """A boolean's or category's values as whole numbers, -1 where missing."""
    return np.where(column.missing, -1, np.nan_to_num(column.values)).astype(np.int64)


def _between(column: Column, plan: SmotePlan) -> Column:
    base, other = column.values[plan.base], column.values[plan.other]
    other = np.where(np.isnan(other), base, other)
    values = base + plan.gap * (other - base)
    grain = _grain(column)
    values = grain * np.rint(values / grain) if grain else values
    return replace(column, values=np.clip(values, np.minimum(base, other), np.maximum(base, other)))


def _grain(column: Column) -> float:
    """What all values of a column are whole multiples of: a day for dates, 1 for numbers; 0 where they are not."""
    unit = DAY if column.kind == "date" else 1.0
    return unit if not (column.values[~column.missing] % unit).any() else 0.0


def _voted(column: Column, plan: SmotePlan) -> Column:
    votes = _whole(column)
    winners = majority(votes[plan.neighbors], votes[plan.base])
    values: npt.NDArray[Any] = winners.astype(column.values.dtype)
    if column.kind == "boolean":
        values[winners < 0] = np.nan
    return replace(column, values=values)


def majority(votes: Ints, own: Ints) -> Ints:
    """The commonest of each row's votes (s, k); of several the row's own (s,) if among them, else the lowest.

    >>> majority(np.array([[2, 1, 1], [3, 2, 0]]), np.array([2, 2]))
    array([1, 2])
    """
    counts = np.zeros(votes.shape, np.int64)
    for vote in votes.T:
        counts += votes == vote[:, None]
    tied = counts == counts.max(axis=1, keepdims=True)
    lowest = np.where(tied, votes, np.iinfo(np.int64).max).min(axis=1)
    return np.where((tied & (votes == own[:, None])).any(axis=1), own, lowest)
