"""Splits that keep the order of time: no row is held out that is earlier than one that is learned from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goodfit.errors import InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FIRST = 0.5
"""Of the rows: no fold holds these out. The folds' networks are the model, so each learns from half of them or more."""


def earlier_rows(times: Floats, share: float) -> Ints:
    """The rows of the first times, about `share` of all: what is known at a moment. Rows of one time stay together.

    Args:
        times: shape (n,), by which rows are ordered.
        share: in (0, 1]. At least the rows of the first time are taken.

    Returns:
        Row numbers, ascending.

    Example:
        >>> earlier_rows(np.array([3.0, 1.0, 2.0, 2.0]), 0.7)
        array([1, 2, 3])
    """
    _, place, counts = np.unique(times, return_inverse=True, return_counts=True)
    last = int(np.abs(np.cumsum(counts) - share * len(times)).argmin())
    return np.flatnonzero(place <= last)


def time_holdout(times: Floats, share: float) -> tuple[Ints, Ints]:
    """The earlier rows, and the latest, about `share` of all, held out. Rows of one time stay on one side.

    Args:
        times: shape (n,), by which rows are ordered.
        share: of the rows, in (0, 1). At least one time is held out, and at least one kept.

    Returns:
        (kept, held): row numbers, ascending.

    Raises:
        InputError: there is one time only.

    Example:
        >>> [part.tolist() for part in time_holdout(np.array([3.0, 1.0, 2.0, 2.0]), 0.25)]
        [[1, 2, 3], [0]]
    """
    check_times(times)
    before = np.flatnonzero(times < times.max())
    kept = before[earlier_rows(times[before], (1 - share) * len(times) / len(before))]
    return kept, np.setdiff1d(np.arange(len(times)), kept)


def time_splits(times: Floats, k: int) -> list[tuple[Ints, Ints]]:
    """Forward chaining: the later half of the rows in blocks, each held out with all rows before it to learn from.

    The earlier half is never held out. Rows of one time stay in one block: where they are many there are fewer blocks.

    Args:
        times: shape (n,), by which rows are ordered.
        k: blocks, 1 or more, about as large as each other.

    Returns:
        (before, block): row numbers, ascending; k pairs or fewer, at least one, in the order of time.

    Raises:
        InputError: there is one time only.

    Example:
        >>> [(before.tolist(), block.tolist()) for before, block in time_splits(np.array([1.0, 2.0, 3.0, 8.0, 8.0]), 2)]
        [([0, 1], [2]), ([0, 1, 2], [3, 4])]

    Source: Tashman, Out-of-sample tests of forecasting accuracy, International Journal of Forecasting 16 (2000).
    """
    check_times(times)
    _, place, counts = np.unique(times, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(times)
    block = np.floor((middle - FIRST) / (1 - FIRST) * k).clip(-1, k - 1)[place]
    return [(np.flatnonzero(block < own), np.flatnonzero(block == own)) for own in np.unique(block)[1:]]


def check_times(times: Floats) -> None:
    """Raise InputError where no row is later than another."""
    if times.min() == times.max():
        raise InputError(
            "the rows to be split are all of one time, so none is later than another: give rows of more times"
        )
