"""Piecewise-linear encoding of numbers: how far a value has come through each interval between training quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FIRST = 4096  # of many values these nearly always have enough that differ
FEWEST = 2  # intervals: one alone says what the standardized number says


@dataclass(frozen=True, eq=False)
class Pieces:
    """What was learned of a number: `edges` (k + 1,) ascending in its unit, and each component's mean `means` (k,)."""

    edges: Floats
    means: Floats

    def transform(self, values: Floats, dtype: type[np.floating[Any]] = np.float64) -> npt.NDArray[Any]:
        """Components less their training means, `(n, k)` in [-1, 1]; a missing value gives 0, which is the mean.

        Example:
            >>> fit_pieces(np.array([0.0, 1.0, 4.0]), np.ones(3), 2).transform(np.array([2.5, np.nan])).round(3)
            array([[0.333, 0.167],
                   [0.   , 0.   ]])
        """
        missing = np.isnan(values)
        interval, share = _place(np.where(missing, self.edges[0], values), self.edges)
        out = (np.tri(len(self.means), k=-1) - self.means).astype(dtype)[interval]
        out[np.arange(len(values)), interval] = share - self.means[interval]
        out[missing] = 0.0
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON; floats come back bit for bit."""
        return {"edges": self.edges.tolist(), "means": self.means.tolist()}

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Pieces:
        """The inverse of `to_dict`."""
        return Pieces(*(np.array(state[name], dtype=np.float64) for name in ("edges", "means")))


def room_for(values: Floats, most: int) -> int:
    """How many intervals numbers `(n,)` have room for: `most`, or one fewer than they are distinct; 0 if below 2.

    Example:
        >>> room_for(np.array([1.0, 2.0, 2.0, 5.0, np.nan]), 32), room_for(np.array([0.0, 1.0, 1.0]), 32)
        (2, 0)
    """
    values = values[~np.isnan(values)]
    count = min(most, len(np.unique(values[:_FIRST])) - 1)
    if count < most:
        count = min(most, len(np.unique(values)) - 1)
    return count if count >= FEWEST else 0


def fit_pieces(values: Floats, weights: Floats, most: int) -> Pieces | None:
    """Learn edges and means from training rows; None where there are fewer than 2 intervals.

    Args:
        values: shape (t,), the training rows' numbers, NaN where missing, between -1e300 and 1e300.
        weights: shape (t,), their sample weights, 0 or more; the means count them, the edges don't.
        most: intervals at most.
    """
    edges = edges_of(values, room_for(values, most))
    if len(edges) - 1 < FEWEST:
        return None
    return Pieces(edges, _means(values, weights, edges))


def edges_of(values: Floats, count: int) -> Floats:
    r"""The edges of intervals that hold equally many values: quantiles at $0, 1/\text{count}, \dots, 1$.

    Args:
        values: shape (n,), NaN where missing, between -1e300 and 1e300.
        count: of intervals, 0 or more.

    Returns:
        (k + 1,) ascending and distinct: quantiles that coincide are one edge, so k may be below count. Empty where
        there is no value or no interval.

    Example:
        >>> edges_of(np.array([1.0, 2.0, 3.0, 4.0, 9.0]), 4), edges_of(np.array([0.0, 0.0, 0.0, 8.0]), 3)
        (array([1., 2., 3., 4., 9.]), array([0., 8.]))
    """
    ranked = np.sort(values[~np.isnan(values)])
    if not len(ranked) or not count:
        return np.empty(0)
    # whole places: where one is rounded, an interval as wide as a rounding error begins beside a value
    below, rest = np.divmod(np.arange(count + 1) * (len(ranked) - 1), count)
    low, high = ranked[below], ranked[np.minimum(below + 1, len(ranked) - 1)]
    return np.unique(low + rest / count * (high - low))


def piecewise(values: Floats, edges: Floats) -> Floats:
    r"""How far values have come through each interval, 0 before it and 1 beyond it.

    $$c_t(x) = \min(\max(\tfrac{x - b_{t-1}}{b_t - b_{t-1}}, 0), 1), \qquad t = 1, \dots, k$$

    Args:
        values: shape (n,), NaN where missing.
        edges: shape (k + 1,), b, ascending and distinct, k at least 1.

    Returns:
        (n, k) in [0, 1]. Each component rises with x, and none begins before those on its left are 1. 0 where missing.

    Note:
        In the paper the first component goes on below the first edge and the last one beyond the last. Here they stop:
        the standardized number beside them says how far beyond a value lies.

    Example:
        >>> piecewise(np.array([-5.0, 2.0, 3.0, 99.0, np.nan]), np.array([0.0, 2.0, 6.0]))
        array([[0.  , 0.  ],
               [1.  , 0.  ],
               [1.  , 0.25],
               [1.  , 1.  ],
               [0.  , 0.  ]])

    Source:
        Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS 2022,
        section 3.2.
    """
    present = ~np.isnan(values)
    interval, share = _place(np.where(present, values, edges[0]), edges)
    out = np.tri(len(edges) - 1, k=-1)[interval]
    out[np.arange(len(values)), interval] = share
    return out


def _place(values: Floats, edges: Floats) -> tuple[Ints, Floats]:
    """The interval of each value, `(n,)` counted from 0, and how far it has come through it, in [0, 1]."""
    interval = np.clip(np.searchsorted(edges, values) - 1, 0, len(edges) - 2)
    low, high = edges[interval], edges[interval + 1]
    # clipped before it is divided: a tiny interval makes no quotient overflow
    return interval, (np.clip(values, low, high) - low) / (high - low)


def _means(values: Floats, weights: Floats, edges: Floats) -> Floats:
    """Weighted mean of each component over the rows with a value, `(k,)`; 0 where these weigh nothing."""
    present = ~np.isnan(values)
    weights = weights[present] / np.maximum(weights[present].sum(), np.finfo(np.float64).tiny)
    interval, share = _place(values[present], edges)
    k = len(edges) - 1
    within = np.bincount(interval, weights * share, minlength=k)
    above = np.cumsum(np.bincount(interval, weights, minlength=k + 1)[::-1])[::-1]
    return np.asarray(within + above[1:], dtype=np.float64)
