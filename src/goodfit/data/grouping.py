"""Splits that keep a group's rows together: all clips of a speaker, all pictures of a patient."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goodfit.data.table import counted
from goodfit.errors import InputError

Ints = npt.NDArray[np.int64]


def group_holdout(groups: Ints, share: float, random: np.random.Generator) -> Ints:
    """The rows of groups drawn at random, about `share` of all rows.

    A group that is drawn is held out where that brings the number of rows nearer to the share: a very large one is not.

    Args:
        groups: shape (n,), the group of each row.
        share: of the rows, in (0, 1). At least one group is held out, and at least one kept.
        random: of the draw.

    Returns:
        Row numbers, ascending.

    Raises:
        InputError: there is one group only.

    Example:
        >>> len(group_holdout(np.array([0, 0, 1, 1, 2, 2]), 0.3, np.random.default_rng(0)))
        2
    """
    names, members, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError("all rows are of one group, so none can be held out: give rows of two groups or more")
    held: list[int] = []
    left = share * len(groups)
    for group in random.permutation(len(names)).tolist():
        if abs(left - counts[group]) < abs(left):
            held.append(group)
            left -= counts[group]
    held = held[: len(names) - 1] or [int(np.argmin(counts))]
    return np.flatnonzero(np.isin(members, held))


def group_folds(groups: Ints, classes: Ints, k: int, random: np.random.Generator) -> Ints:
    """The fold of each row, 0 to k - 1, a group's rows in one fold; folds are about as large, and classes even in them.

    Groups are placed from the largest to the smallest, equal ones in random order, each where the folds' sizes and the
    classes' counts stay most even. So no fold is empty.

    Args:
        groups: shape (n,), the group of each row.
        classes: shape (n,), its class, from 0.
        k: the number of folds, from 2 to that of the groups.
        random: of the order.

    Raises:
        InputError: there are fewer groups than folds, or fewer than 2.

    Example:
        >>> group_folds(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0]), 3, np.random.default_rng(0)).max()
        np.int64(2)
    """
    names, members = np.unique(groups, return_inverse=True)
    if not 2 <= k <= len(names):
        wanted = max(k, 2)
        raise InputError(f"{counted(len(names), 'group')} can't be split into {wanted} folds: give {wanted} or more")
    table = np.zeros((len(names), int(classes.max()) + 2))
    np.add.at(table, (members, classes), 1.0)
    table[:, -1] = table.sum(1)  # the size counts as one more class
    filled, fold = np.zeros((k, table.shape[1])), np.empty(len(names), dtype=np.int64)
    shuffled = random.permutation(len(names))
    for group in shuffled[np.argsort(-table[shuffled, -1], kind="stable")]:
        uneven = np.square(filled + table[group]).sum(1) - np.square(filled).sum(1)
        fold[group] = np.argmin(uneven)
        filled[fold[group]] += table[group]
    return fold[members]
