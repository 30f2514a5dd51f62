"""The rows of one run in order: a log may go on after a stop, hold several runs, or be shuffled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHUFFLED = 0.25
"""A log that goes back at more than this share of its rows is shuffled; at less, the training was taken up again."""


@dataclass(frozen=True)
class Order:
    """What became of the rows.

    Args:
        rows: which rows, in order.
        run: of each of them, from 0.
        note: what was done; "" if nothing.
    """

    rows: NDArray[np.int64]
    run: NDArray[np.int64]
    note: str = ""


def settle(at: NDArray[np.float64], unit: str) -> Order:
    """Put the rows of a log in order.

    Args:
        at: `(n,)` the epoch or step of each row; rows of one epoch stand together.
        unit: its name, for the note.

    Returns:
        Rows that go back to the log's very beginning start another run; rows that go back to a later place take the
        place of what was there; rows in any order are sorted.

    Example:
        >>> settle(np.array([1.0, 2.0, 3.0, 2.0, 3.0]), "epoch").rows.tolist()
        [0, 3, 4]
    """
    rows = np.arange(len(at))
    starts = np.concatenate([[0], np.flatnonzero(at[1:] < at[:-1]) + 1]).astype(np.int64)
    part = np.zeros(len(at), dtype=np.int64)
    part[starts[1:]] = 1
    part = part.cumsum()
    if len(starts) == 1:
        return Order(rows, part)
    if len(starts) > max(3, SHUFFLED * len(at)) or not _again(at, part):
        order = np.argsort(at, kind="stable")
        return Order(order, np.zeros_like(order), f"{unit}s were not in order and are sorted")
    if (at[starts] == at[0]).all() and (np.diff(np.append(starts, len(at))) > 1).all():
        return Order(rows, part, f"{unit}s start anew {len(starts) - 1} times: taken as {len(starts)} runs")
    later = np.append(np.minimum.accumulate(at[starts][::-1])[::-1][1:], np.inf)
    kept = at < later[part]
    note = f"training was taken up again: {unit}s that come again count as written last"
    return Order(rows[kept], np.zeros(int(kept.sum()), dtype=np.int64), note)


def _again(at: NDArray[np.float64], part: NDArray[np.int64]) -> bool:
    """Whether a value is in two parts."""
    pairs = np.unique(np.column_stack([at, part]), axis=0)
    return len(np.unique(pairs[:, 0])) < len(pairs)
