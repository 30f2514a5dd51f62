"""The noise of one curve, and what of its rises and falls is more than that.

A curve is averaged over windows of w = n/8 points. What is left without its course (`trend`) is noise, measured by how
far a window's mean lies from the middle of its neighbours on both sides, which neither a slope nor a steady bend
changes, over the last two thirds of the curve. How large a rise noise alone makes, measured from the lowest window, is
drawn: flat curves whose noise has the autocorrelation of this one, or more, and is measured in the same way. A curve
that falls has fewer places where it could be lowest, so this errs on the side of silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from goodfit.diagnosis.log.trend import without_trend
from goodfit.statistics import Estimate

Floats = NDArray[np.float64]

LEAST_POINTS = 8
"""Fewer points don't tell their noise."""

WINDOWS = 8
DRAWS = 4000
LEVEL = 0.975
SETTLING = 1 / 3
LEAST_RHO, MOST_RHO, STEP_RHO = 0.3, 0.95, 0.05
ROUNDING = 1e-12
"""Of a curve's size: differences below are rounding."""


@dataclass(frozen=True)
class Noise:
    """What noise alone may do to a curve.

    Args:
        window: points that are averaged.
        risen: the most that the last window lies above the lowest.
        apart: the most that two windows far apart differ.
        beside: the most that two neighbouring windows differ.
    """

    window: int
    risen: float
    apart: float
    beside: float


def window_of(points: int) -> int:
    """How many points are averaged."""
    return max(2, -(-points // WINDOWS))


def window_means(curves: Floats, window: int) -> Floats:
    """Means over each window of the last axis."""
    sums = np.cumsum(curves, axis=-1)
    first = sums[..., window - 1 : window]
    return np.concatenate([first, sums[..., window:] - sums[..., :-window]], axis=-1) / window


def noise_of(curve: Floats, *, level: float = LEVEL) -> Noise:
    """Measure a curve's noise.

    Args:
        curve: `(n,)` finite numbers, `LEAST_POINTS` or more.
        level: one-sided confidence that noise alone does no more.
    """
    window = window_of(len(curve))
    rest = without_trend(curve[None])
    scale = float(_scales(rest, window)[0])
    rho = _autocorrelation(rest[0]) + 1 / np.sqrt(len(curve))
    rho = round(float(np.clip(rho, LEAST_RHO, MOST_RHO)) / STEP_RHO) * STEP_RHO
    most = _most(len(curve), window, rho, level)
    floor = ROUNDING * float(np.abs(curve).max())
    return Noise(window, *(max(scale * times, floor) for times in most))


def rise_of(curve: Floats, noise: Noise) -> Estimate:
    """How far the last window lies above the lowest; its low end is above 0 where that is more than noise."""
    means = window_means(curve, noise.window)
    rise = float(means[-1] - means.min())
    return Estimate(rise, rise - noise.risen, rise + noise.apart)


def fall_at_the_end(curve: Floats, noise: Noise) -> Estimate:
    """How far the last window lies below the one before it."""
    means = window_means(curve, noise.window)
    fall = float(means[-1 - noise.window] - means[-1])
    return Estimate(fall, fall - noise.beside, fall + noise.beside)


def lowest_of(curve: Floats, window: int) -> int:
    """Where a curve is lowest: its lowest point within the lowest window."""
    start = int(window_means(curve, window).argmin())
    return start + int(curve[start : start + window].argmin())


@lru_cache(maxsize=256)
def _most(points: int, window: int, rho: float, level: float) -> tuple[float, float, float]:
    """How many times its measured size noise alone rises, and differs between windows far apart and side by side."""
    from scipy.signal import lfilter  # takes a third of a second to import

    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((DRAWS, points)) * np.sqrt(1 - rho**2)
    drawn[:, 0] /= np.sqrt(1 - rho**2)
    curves: Floats = lfilter([1.0], [1.0, -rho], drawn)
    scales, means = _scales(without_trend(curves), window), window_means(curves, window)
    last = means[:, -1]
    far = np.quantile(np.abs(last - means[:, 0]) / scales, 2 * level - 1)
    near = np.quantile(np.abs(last - means[:, -1 - window]) / scales, 2 * level - 1)
    return float(np.quantile((last - means.min(1)) / scales, level)), float(far), float(near)


def _scales(rest: Floats, window: int) -> Floats:
    """The deviation of windows' means from the middle of their neighbours'."""
    means = window_means(rest, window)
    bends = means[:, window:-window] - (means[:, : -2 * window] + means[:, 2 * window :]) / 2
    skipped = min(int(SETTLING * rest.shape[1]), max(0, bends.shape[1] - 4))
    return np.asarray(bends[:, skipped:].std(1))


def _autocorrelation(rest: Floats) -> float:
    """From point to point: the lesser of two estimates, which a course that was not taken out makes too large.

    One is of the values themselves, freed from its bias of (1 + 4 ρ) / n. One is of bends, which are larger over twice
    the distance where noise changes slowly: over distance k their variance is σ² (1 - ρ^k) (3 - ρ^k) / 2.
    """
    skipped = int(SETTLING * len(rest))
    near, far = (_bend(rest, distance, skipped) for distance in (1, 2))
    grid = np.linspace(0.0, MOST_RHO, 96)
    ratios = (1 + grid) * (3 - grid**2) / (3 - grid)
    bent = float(np.interp(far / near if near > 0 else 1.0, ratios, grid))
    kept = rest[skipped:] - rest[skipped:].mean()
    size = float(kept @ kept)
    plain = float(kept[1:] @ kept[:-1]) / size if size > 0 else 0.0
    return min(bent, plain + (1 + 4 * max(plain, 0.0)) / len(kept))


def _bend(rest: Floats, distance: int, skipped: int) -> float:
    bends = rest[distance:-distance] - (rest[: -2 * distance] + rest[2 * distance :]) / 2
    return float(np.mean(bends[min(skipped, len(bends) - 3) :] ** 2))
