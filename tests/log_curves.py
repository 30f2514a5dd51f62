"""Loss curves whose truth is known."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]
HEIGHT = 10.0
"""Of the fall, in deviations of the noise."""


def drawn(rng: np.random.Generator, curves: int, points: int, rho: float) -> Floats:
    """`(curves, points)` noise of deviation 1 with autocorrelation rho."""
    fresh = rng.standard_normal((curves, points)) * np.sqrt(1 - rho**2)
    fresh[:, 0] /= np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], fresh))


def decay(points: int) -> Floats:
    """A loss that falls to a plateau."""
    return HEIGHT * np.exp(-np.arange(points) / (points / 8))


def turned(points: int, rise: float) -> Floats:
    """A loss that falls, and rises after two fifths by as much in all."""
    start = 0.4 * points
    return decay(points) + np.maximum(0.0, rise * (np.arange(points) - start) / (points - 1 - start))
