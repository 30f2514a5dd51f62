"""What of a curve is its course: a level, an exponential decay and a slope."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DECAYS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Time constants of the decay, as shares of the curve."""


def without_trend(curves: Floats) -> Floats:
    """Curves less the course that lies closest to each, by least squares.

    Args:
        curves: `(m, n)`.
    """
    best, least = curves, np.full(len(curves), np.inf)
    for basis in _bases(curves.shape[1]):
        rest = curves - (curves @ basis) @ basis.T
        squares = (rest**2).sum(1)
        best = np.where((squares < least)[:, None], rest, best)
        least = np.minimum(least, squares)
    return best


@lru_cache(maxsize=64)
def _bases(points: int) -> tuple[Floats, ...]:
    """Orthonormal bases `(n, 3)`, one for each decay."""
    at = np.arange(points) / points
    return tuple(np.linalg.qr(np.column_stack([np.ones(points), np.exp(-at / tau), at]))[0] for tau in DECAYS)
