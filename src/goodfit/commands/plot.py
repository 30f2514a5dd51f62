"""Two loss curves as text."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goodfit.report.wording import number

Floats = NDArray[np.float64]
WIDTH, HEIGHT, LABEL = 66, 12, 9
MARKS = ("●", "·", "┊", "┤", "└", "─")
PLAIN = ("o", ".", ":", "|", "+", "-")
"""For a locale without the letters."""


def plot(at: Floats, train: Floats | None, validation: Floats, turn: float | None, unit: str) -> list[str]:
    """Lines of text, at most 80 characters wide: the curves over their epochs, and a dotted line at the turn.

    Args:
        at: `(n,)` epochs, rising.
        train: `(n,)` losses, or None.
        validation: `(n,)` losses.
        turn: the epoch to mark, or None.
        unit: what `at` counts.
    """
    held, fitted, dotted, tick, corner, line = MARKS if _writable("".join(MARKS)) else PLAIN
    curves = [(train, fitted)] if train is not None else []
    low, high = _range([curve for curve, _ in [*curves, (validation, held)]])
    grid = [[" "] * WIDTH for _ in range(HEIGHT)]
    columns = _columns(at)
    if turn is not None:
        for row in grid:
            row[_column(turn, at)] = dotted
    for curve, mark in [*curves, (validation, held)]:
        for column in range(WIDTH):
            values = curve[columns == column]
            values = values[np.isfinite(values)]
            if len(values):
                grid[_row(float(values.mean()), low, high)][column] = mark
    labels = {0: high, HEIGHT // 2: (low + high) / 2, HEIGHT - 1: low}
    lines = [
        f"{number(labels[i]) if i in labels else '':>{LABEL}} {tick}{''.join(row).rstrip()}"
        for i, row in enumerate(grid)
    ]
    lines.append(f"{'':>{LABEL}} {corner}{line * WIDTH}")
    lines.append(" " * (LABEL + 2) + _axis(at, turn))
    names = [f"{held} validation loss", *([f"{fitted} training loss"] if train is not None else [])]
    lines.append(
        " " * (LABEL + 2) + "   ".join([*names, *([f"{dotted} turn"] if turn is not None else []), f"by {unit}"])
    )
    return lines


def _columns(at: Floats) -> NDArray[np.int64]:
    return np.array([_column(place, at) for place in at.tolist()], dtype=np.int64)


def _column(place: float, at: Floats) -> int:
    span = float(at[-1] - at[0]) or 1.0
    return round((place - float(at[0])) / span * (WIDTH - 1))


def _row(value: float, low: float, high: float) -> int:
    share = (value - low) / (high - low) if high > low else 0.5
    return HEIGHT - 1 - round(min(max(share, 0.0), 1.0) * (HEIGHT - 1))


def _range(curves: Sequence[Floats]) -> tuple[float, float]:
    """From the lowest loss to the highest, without a steep beginning: what is beyond is drawn at the edge."""
    values = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    low, high = float(values.min()), float(values.max())
    usual = float(np.quantile(values, 0.97))
    return low, usual if high - low > 3 * (usual - low) > 0 else high


def _axis(at: Floats, turn: float | None) -> str:
    """The first and the last epoch, and the turn's where there is room."""
    line = [" "] * WIDTH
    first, last = number(_plain(at[0])), number(_plain(at[-1]))
    line[: len(first)] = first
    line[WIDTH - len(last) :] = last
    if turn is not None:
        text = number(_plain(turn))
        start = min(max(0, _column(turn, at) - len(text) // 2), WIDTH - len(text))
        if start > len(first) and start + len(text) < WIDTH - len(last):
            line[start : start + len(text)] = text
    return "".join(line)


def _plain(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else float(value)


def _writable(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
