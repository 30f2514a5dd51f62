"""Which rows are equal, and how rows are split: pure functions of (content, seed)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from goodfit.data.grouping import group_folds, group_holdout
from goodfit.data.shelf import parts
from goodfit.data.table import Column, Table, counted
from goodfit.errors import InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

_HOLDOUT, _FOLDS = 1, 2  # one random stream for each purpose


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct rows of a table and its target.

    rows (m,): where each first occurs. counts (m,): how often it occurs. weights (m,): the sum of its sample weights,
    above 0. inverse (n,): which of the m distinct rows each of the n rows is, -1 where that one's weight is 0.
    """

    rows: Ints
    counts: Ints
    weights: Floats
    inverse: Ints


def distinct(
    table: Table, target: npt.NDArray[Any], weights: Floats | None = None, *, order: Literal["content", "first"]
) -> Distinct:
    """Merge the rows that are equal in every column and in the target; missing equals missing.

    A row of weight 3 and the same row given three times give the same result bit for bit, as do a row of weight 0 and
    no row. Split after merging, and no copy of a row lands on both sides.

    Args:
        table: n rows.
        target: shape (n,), numbers or class codes.
        weights: shape (n,), sample weights, 0 or more; 0 leaves a row out, None is 1 for each.
        order: "content" sorts the distinct rows by a hash of their content, so that the order in which rows are given
            does not matter; "first" keeps the order of first occurrence.

    Raises:
        InputError: a weight is negative, infinite or missing, or all are 0.

    Example:
        >>> from goodfit.data.table import to_table
        >>> distinct(to_table([[1.0], [2.0], [1.0]]), np.array([0, 1, 0]), order="first").weights
        array([2., 1.])
    """
    weights = np.ones(table.rows) if weights is None else _checked_weights(weights, table.rows)
    columns = [*table.columns, Column("target", "number", np.asarray(target, np.float64))]
    ranked, starts = _groups(columns)
    if len(starts) == len(ranked) and weights.min() > 0:
        return _all_different(ranked if order == "content" else np.arange(len(ranked)), weights)
    first, counts = ranked[starts], np.diff(starts, append=len(ranked))
    sums = _sums(weights, ranked, counts)
    kept = np.flatnonzero(sums > 0)
    if order == "first":
        kept = kept[np.argsort(first[kept], kind="stable")]
    place = np.full(len(first), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    inverse = np.empty(len(ranked), np.int64)
    inverse[ranked] = np.repeat(place, counts)
    return Distinct(first[kept], counts[kept], sums[kept], inverse)


def _all_different(rows: Ints, weights: Floats) -> Distinct:
    inverse = np.empty(len(rows), np.int64)
    inverse[rows] = np.arange(len(rows))
    return Distinct(rows, np.broadcast_to(np.int64(1), rows.shape), weights[rows], inverse)


def _sums(weights: Floats, ranked: Ints, counts: Ints) -> Floats:
    """The weight of each group, whose rows stand together in `ranked`."""
    if len(counts) == len(ranked):
        return weights[ranked]
    group = np.repeat(np.arange(len(counts)), counts)
    if weights.min() < weights.max():
        # sorted within their group, weights are summed in one order whatever the order of the rows
        ranked = ranked[np.lexsort((weights[ranked], group))]
    return np.bincount(group, weights[ranked]).astype(np.float64)


def holdout(strata: Ints | int, share: float, seed: int, groups: Ints | None = None) -> tuple[Ints, Ints]:
    """Split rows at random into those kept and those held out, each class by the same share.

    A class with one row stays among the kept; a class with two or more has at least one row on each side.

    Args:
        strata: shape (n,), the class of each row, see `strata_of`; the number of rows n where there are no classes.
        share: the part that is held out, in (0, 1): round(share * n) rows as far as the classes allow, and each class's
            number is within 1 of share * its rows.
        seed: any integer.
        groups: shape (n,), rows that stay on one side; classes are then as even as chance has it. None: each row.

    Returns:
        (kept, held): shapes (n - h,) and (h,), row numbers from 0, ascending.

    Example:
        >>> holdout(np.array([0, 0, 0, 0, 1, 1]), 0.5, seed=0)[1].shape
        (3,)
    """
    if not 0 < share < 1:
        raise InputError(f"the share held out must lie between 0 and 1, both excluded; it is {share}")
    random = np.random.default_rng([_HOLDOUT, seed % 2**64])
    if groups is not None:
        held = group_holdout(groups, share, random)
        return np.setdiff1d(np.arange(len(groups)), held), held
    classes, counts = _classes(strata)
    taken = _apportioned(counts, share)
    order = _shuffled_by_class(classes, random)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = rank < np.repeat(taken, counts)
    return np.sort(order[~out]), np.sort(order[out])


def folds(strata: Ints | int, k: int, seed: int, groups: Ints | None = None) -> Ints:
    """The fold of each row, 0 to k - 1, at random: folds' sizes differ by at most 1, and so does each class in them.

    Args:
        strata: shape (n,), the class of each row, see `strata_of`; the number of rows n where there are no classes.
        k: the number of folds, 2 to n; n leaves one row out at a time.
        seed: any integer.
        groups: shape (n,), rows that stay in one fold; sizes are then as even as the groups allow. None: each row.

    Example:
        >>> np.bincount(folds(np.array([0, 0, 0, 1, 1, 1]), 3, seed=0))
        array([2, 2, 2])
    """
    classes, _ = _classes(strata)
    random = np.random.default_rng([_FOLDS, seed % 2**64])
    if groups is not None:
        return group_folds(groups, classes, k, random)
    if not 2 <= k <= len(classes):
        raise InputError(f"{counted(len(classes), 'row')} can't be split into {k} folds: use 2 to {len(classes)}")
    fold = np.empty(len(classes), dtype=np.int64)
    fold[_shuffled_by_class(classes, random)] = np.arange(len(classes)) % k
    return fold


def strata_of(target: npt.NDArray[Any], task: Literal["binary", "multiclass", "regression"], bins: int = 10) -> Ints:
    """The class of each row for a stratified split: the target's own, or its quantile bin in regression.

    A bin holds 10 rows or more, so that few rows give fewer bins; equal targets share a bin.

    Args:
        target: shape (n,), class codes or numbers.
        task: "binary", "multiclass" or "regression".
        bins: the most bins, at least 1; 1 does not stratify.

    Example:
        >>> np.bincount(strata_of(np.arange(40.0), "regression", bins=2))
        array([20, 20])
    """
    if task != "regression":
        return _classes(np.asarray(target))[0]
    _, inverse, counts = np.unique(target, return_inverse=True, return_counts=True)
    if not len(inverse):
        return inverse.astype(np.int64)
    below = (np.cumsum(counts) - counts)[inverse]
    return (below * max(1, min(bins, len(inverse) // 10)) // len(inverse)).astype(np.int64)


def _checked_weights(weights: Floats, rows: int) -> Floats:
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (rows,):
        raise InputError(f"the sample weights have shape {weights.shape}, but there are {counted(rows, 'row')}")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise InputError(
            f"the sample weight in row {wrong[0] + 1} is {weights[wrong[0]]}: weights are numbers of 0 or more"
        )
    if not weights.any():
        raise InputError("all sample weights are zero: no row is left")
    return weights


def _groups(columns: list[Column]) -> tuple[Ints, Ints]:
    """All rows by their hash, equal ones in their own order, and where in this order each group of equal rows starts.

    Equal hashes are checked to be equal rows; where two different rows share one, all are hashed anew.
    """
    salt = 0
    while True:
        hashes = _row_hashes(columns, salt)
        ranked = np.argsort(hashes, kind="stable").astype(np.int64, copy=False)
        hashes = hashes[ranked]
        fresh = np.concatenate([[True], hashes[1:] != hashes[:-1]])
        starts = np.flatnonzero(fresh).astype(np.int64, copy=False)
        copies = ranked[~fresh]
        twins = np.repeat(ranked[starts], np.diff(starts, append=len(ranked)) - 1)
        if all(_equal(column.values[copies], column.values[twins]) for column in columns):
            return ranked, starts
        salt += 1


def _equal(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _row_hashes(columns: list[Column], salt: int) -> Hashes:
    hashes = np.full(len(columns[0].values), salt, dtype=np.uint64)
    for column in columns:
        hash_cells = _cell_hashes(column, salt)
        for rows in parts(len(hashes)):
            cells = hash_cells(column.values[rows])
            hashes[rows] = _mixed(hashes[rows] * np.uint64(0x9E3779B97F4A7C15) + cells)
    return hashes


def _cell_hashes(column: Column, salt: int) -> Callable[[npt.NDArray[Any]], Hashes]:
    """64 bits a cell; of a category the text, for its code depends on which other rows are in the table."""
    if column.kind in ("image", "sound"):
        return lambda cells: _mixed(np.frombuffer(b"".join(map(_digest, cells)), dtype="<u8") ^ np.uint64(salt))
    if column.kind in ("category", "text"):
        key = salt.to_bytes(8, "little")
        digests = [hashlib.blake2b(level.encode(), digest_size=8, key=key).digest() for level in column.levels]
        numbers: Hashes = np.frombuffer(b"".join([*digests, bytes(8)]), dtype="<u8").astype(np.uint64)
        return lambda cells: np.asarray(numbers[cells])
    return _bits


def _bits(values: npt.NDArray[np.float64]) -> Hashes:
    values = values + 0.0  # -0.0 becomes 0.0
    values[np.isnan(values)] = np.nan  # one pattern of bits for all
    return values.view(np.uint64)


def _digest(array: npt.NDArray[Any]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=8).digest()


def _mixed(bits: Hashes) -> Hashes:
    """Spread each bit over all 64: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _classes(strata: Ints | int) -> tuple[Ints, Ints]:
    """Each row's class as 0, 1, ... and each class's number of rows."""
    if isinstance(strata, np.ndarray) and _are_codes(strata):
        counted = np.bincount(strata)
        codes = np.cumsum(counted > 0) - 1
        return codes[strata].astype(np.int64), counted[counted > 0].astype(np.int64)
    _, classes, counts = np.unique(
        np.zeros(strata) if np.ndim(strata) == 0 else strata, return_inverse=True, return_counts=True
    )
    return classes.astype(np.int64), counts.astype(np.int64)


def _are_codes(values: npt.NDArray[Any]) -> bool:
    """Whether values can be counted without a sort: whole numbers from 0, no larger than there are values."""
    return bool(values.dtype.kind in "iu" and len(values) and values.min() >= 0 and values.max() <= len(values))


def _shuffled_by_class(classes: Ints, random: np.random.Generator) -> Ints:
    """All rows, class after class, in random order within each."""
    shuffled = random.permutation(len(classes))
    return shuffled[np.argsort(classes[shuffled], kind="stable")]


def _apportioned(counts: Ints, share: float) -> Ints:
    """The rows to take of each class: round(share * n) in all, by largest remainders within the class's bounds."""
    quota = share * counts
    least = np.where(counts > 1, np.maximum(np.floor(quota), 1), 0).astype(np.int64)
    most = np.where(counts > 1, np.minimum(np.ceil(quota), counts - 1), 0).astype(np.int64)
    most = np.maximum(most, least)
    room = most - least
    wanted = min(max(round(share * int(counts.sum())) - int(least.sum()), 0), int(room.sum()))
    best = np.argsort(-np.where(room > 0, quota - least, -np.inf), kind="stable")[:wanted]
    return least + np.bincount(best, minlength=len(counts))
