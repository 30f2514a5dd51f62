"""What standardizes numbers: centers, scales and fences, learned from training rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NO_FENCE = float(np.finfo(np.float64).max)
_FENCE = 3.0  # Tukey's outer fences


class Measures(NamedTuple):
    """What standardizes P inputs, each (P,): center, scale and fill in the column's unit, low and high in scales.

    scale 0 makes the input 0; values below low or above high are compressed; fill stands for a missing value.
    """

    center: Floats
    scale: Floats
    low: Floats
    high: Floats
    fill: Floats


def standardized(x: Floats, by: Measures) -> Floats:
    """z = (x - center) / scale, logarithmic beyond low and high; NaN as fill; 0 where scale is 0.

    x is (P, n), the measures (P, 1).
    """
    center, scale, low, high, fill = by
    with np.errstate(over="ignore"):  # a quotient that overflows lies beyond a fence, which tames it
        z = (np.where(np.isnan(x), fill, x) - center) / np.where(scale == 0, 1.0, scale)
    for side, fence in ((1, high), (-1, -low)):
        beyond = side * z > fence
        if beyond.any():
            edge = np.broadcast_to(fence, z.shape)[beyond]
            z[beyond] = side * (edge + np.log1p(np.minimum(side * z[beyond], NO_FENCE) - edge))
    return np.where(scale == 0, 0.0, z)


def learned_measures(x: Floats, weights: Floats, natural: npt.NDArray[np.bool_]) -> Floats:
    """center, scale, low, high, fill, (5, P), of x (P, n); natural (P, 1) columns keep their own unit and no fences."""
    ranked = np.sort(x, axis=1)
    present = np.sum(~np.isnan(x), axis=1, keepdims=True)
    q1, q3 = _quantile(ranked, present, 0.25), _quantile(ranked, present, 0.75)
    flat = q3 == q1
    low = np.where(flat, _quantile(ranked, present, 0.0), q1 - _FENCE * (q3 - q1))
    high = np.where(flat, _quantile(ranked, present, 1.0), q3 + _FENCE * (q3 - q1))
    counted = np.where(natural, ~np.isnan(x), (x >= low) & (x <= high)) & (weights > 0)
    x = np.where(counted, x, 0.0)
    share = np.where(counted, weights, 0.0)
    share /= np.maximum(share.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    least = np.min(x, axis=1, keepdims=True, where=counted, initial=np.inf)
    most = np.max(x, axis=1, keepdims=True, where=counted, initial=-np.inf)
    constant = least >= most  # also where nothing is counted
    mean = np.sum(share * x, axis=1, keepdims=True)
    mean = np.where(least == most, least, mean)
    # squares of deviations in units of the largest neither overflow nor vanish
    deviation = np.where(counted, x - mean, 0.0)
    reach = np.max(np.abs(deviation), axis=1, keepdims=True)
    unit = np.where(constant, 1.0, reach)
    spread = np.where(constant, 0.0, unit * np.sqrt(np.sum(share * (deviation / unit) ** 2, axis=1, keepdims=True)))
    scale = np.where(spread == 0, 1.0, spread)
    center = np.where(natural, 0.0, mean)
    with np.errstate(over="ignore"):
        low = np.where(natural, -NO_FENCE, np.maximum((low - mean) / scale, -NO_FENCE))
        high = np.where(natural, NO_FENCE, np.minimum((high - mean) / scale, NO_FENCE))
    return np.stack([center, np.where(natural, 1.0, spread), low, high, mean])[:, :, 0]


def _quantile(ranked: Floats, present: npt.NDArray[Any], share: float) -> Floats:
    """Quantile by linear interpolation of ascending rows (P, n) whose first `present` (P, 1) are numbers; 0 of none."""
    place = np.maximum(present - 1, 0) * share
    below = np.floor(place).astype(np.int64)
    lower = np.take_along_axis(ranked, below, axis=1)
    upper = np.take_along_axis(ranked, np.minimum(below + 1, np.maximum(present - 1, 0)), axis=1)
    return np.where(present > 0, lower + (place - below) * (upper - lower), 0.0)
