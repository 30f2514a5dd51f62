"""What more rows would bring: a power law through held-out losses, and how sure its continuation is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import fdtri, stdtrit

from goodfit.errors import InputError
from goodfit.statistics import Estimate

Array = NDArray[np.float64]

SLOWEST, FASTEST = 0.01, 2.0
"""Rates tried. The slowest is a logarithm's fall as far as any data can tell."""

GRID, ZOOMS = 60, 4
FEWEST_SIZES = 4
LEAST_SPREAD = 3.9
CONFIDENCE = 0.95
REJECTED = 0.95
PRECISION = 1e-6
SMALLEST_NOISE = 1e-6
"""Noise below this share of the loss counts as it: losses are kept in 24 bits."""


@dataclass(frozen=True)
class PowerLaw:
    """A learning curve: loss(n) = floor + scale · n^-rate.

    Args:
        floor: the loss of endless rows, 0 or more.
        scale: how much rows can bring, 0 or more; 0 is a curve that doesn't fall.
        rate: how fast they bring it, in (0, 2]: at 0.5 four times the rows halve what is left, at 0 nothing would fall.
        misfit: squared distance of the points in units of their noise.
    """

    floor: float
    scale: float
    rate: float
    misfit: float

    def at(self, rows: float) -> float:
        """The loss with so many rows."""
        return self.floor + self.scale * math.pow(rows, -self.rate)

    def gain(self, rows: float, factor: float = 2.0) -> float:
        """How much the loss falls from so many rows to `factor` times as many."""
        return self.scale * math.pow(rows, -self.rate) * (1 - math.pow(factor, -self.rate))


@dataclass(frozen=True)
class Extrapolation:
    """A learning curve continued to more rows than there are.

    Args:
        floor: of the fitted law: the loss of endless rows.
        scale: of the fitted law.
        rate: of the fitted law.
        loss: the loss with `factor` times the rows.
        gain: how much the loss falls on the way there; its interval holds 0 where the points don't show a fall.
        factor: how many times the rows.
        reliable: whether a power law describes the points: at least 4 sizes that span a factor of 4, two or more
            samples, all finite, and no further from the law than their noise.
    """

    floor: float
    scale: float
    rate: float
    loss: Estimate
    gain: Estimate
    factor: float
    reliable: bool

    def at(self, rows: float) -> float:
        """The fitted law's loss with so many rows."""
        return PowerLaw(self.floor, self.scale, self.rate, 0.0).at(rows)

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        law = {"floor": self.floor, "scale": self.scale, "rate": self.rate, "factor": self.factor}
        return law | {"loss": self.loss.to_dict(), "gain": self.gain.to_dict(), "reliable": self.reliable}


@dataclass(frozen=True, eq=False)
class _Points:
    """Points in units of their noise: sizes over the largest `(P,)`, losses, ones and what whitens, `(P, P)`."""

    sizes: Array
    losses: Array
    ones: Array
    whiten: Array

    @classmethod
    def of(cls, rows: Array, losses: Array, covariance: Array) -> _Points:
        whiten = np.linalg.inv(np.linalg.cholesky(covariance))
        return cls(rows / rows.max(), whiten @ losses, whiten.sum(1), whiten)

    def falls(self, rates: Array) -> Array:
        """The curves n^-c of some rates `(G,)`, 1 at the largest size: `(G, P)`."""
        return np.asarray((self.sizes ** -rates[:, None]) @ self.whiten.T)

    def misfit(self, floor: Array, scale: Array, falls: Array) -> Array:
        residual = self.losses - floor[:, None] * self.ones - scale[:, None] * falls
        return np.asarray((residual**2).sum(1))

    def best(self, rates: Array) -> tuple[Array, Array, Array]:
        """Misfit, floor and scale, 0 or more each, for every rate."""
        x, y, one = self.falls(rates), self.losses, self.ones
        oo, ox, xx, oy, xy = one @ one, x @ one, (x * x).sum(1), one @ y, x @ y
        scale = np.maximum((oo * xy - ox * oy) / np.maximum(oo * xx - ox**2, 1e-300), 0.0)
        floor = (oy - scale * ox) / oo
        scale = np.where(floor < 0, np.maximum(xy / xx, 0.0), scale)
        floor = np.maximum(floor, 0.0)
        return self.misfit(floor, scale, x), floor, scale

    def with_gain(self, gain: float, factor: float, rates: Array) -> Array:
        """Misfit of the best curves, one a rate, that fall by this gain."""
        x = self.falls(rates)
        scale = gain / (1 - factor**-rates)
        floor = np.maximum((self.losses @ self.ones - scale * (x @ self.ones)) / (self.ones @ self.ones), 0.0)
        return self.misfit(floor, scale, x)

    def with_loss(self, loss: float, factor: float, rates: Array) -> Array:
        """Misfit of the best curves, one a rate, that reach this loss."""
        x, there = self.falls(rates), factor**-rates
        z = x - there[:, None] * self.ones
        scale = np.clip((z @ (self.losses - loss * self.ones)) / (z * z).sum(1), 0.0, loss / there)
        return self.misfit(loss - scale * there, scale, x)


def fit_power_law(rows: ArrayLike, losses: ArrayLike, covariance: ArrayLike | None = None) -> PowerLaw:
    """The law floor + scale · n^-rate nearest to points, floor and scale 0 or more, the rate in (0, 2].

    Least squares in units of the points' noise: (y - f)ᵀ Σ⁻¹ (y - f) is smallest.

    Args:
        rows: `(P,)` training rows, 3 or more different sizes above 0.
        losses: `(P,)` the mean held-out loss at each, finite.
        covariance: `(P, P)` of the losses' noise, positive definite; None: the same for all, without covariance.

    Returns:
        The law. Points that don't fall have scale 0 and their mean for floor.

    Raises:
        InputError: fewer than 3 sizes, lengths differ, a value isn't finite, or the covariance is none.

    Example:
        >>> law = fit_power_law([100, 200, 400, 800], [0.5, 0.4, 0.35, 0.325])
        >>> round(law.floor, 4), round(law.rate, 4), round(law.at(1600), 4)
        (0.3, 1.0, 0.3125)

    Source: Hestness and others, Deep learning scaling is predictable, empirically, arXiv 1712.00409 (2017).
    """
    n, y = _points(rows, losses)
    given = np.eye(len(n)) if covariance is None else np.asarray(covariance, dtype=np.float64)
    try:
        return _fit(_Points.of(n, y, given), float(n.max()))
    except np.linalg.LinAlgError:
        raise InputError("covariance isn't positive definite; give one of independent or partly shared noise") from None


def extrapolate(rows: ArrayLike, losses: ArrayLike, *, factor: float = 2.0, test_share: float = 0.0) -> Extrapolation:
    """Continue a learning curve to more rows, with intervals.

    A power law is fitted to the mean losses. A value is in the interval if the best law with that value is no further
    from the points than the best law of all by more than noise explains (profile likelihood): so the interval knows
    that floor and rate are uncertain, and that both have limits. The noise is that of samples (variance that is a power
    of the rows, and a shift of each sample that all its sizes share), with Nadeau and Bengio's correction for rows that
    samples share.

    Args:
        rows: `(P,)` training rows of each size, above 0.
        losses: `(S, P)` held-out loss of each sample (a fold of a repeat) and size. A size with a loss that isn't
            finite is left out.
        factor: how many times the most rows, above 1.
        test_share: held-out rows over training rows of each sample, as in `mean_interval`; 0: independent samples.

    Returns:
        The law, and loss and gain at `factor` times the rows with their 95 % intervals: nan where a single sample or
        too few sizes can't tell.

    Raises:
        InputError: shapes that don't match, rows or factor out of range, a negative test_share.

    Example:
        >>> noise = np.random.default_rng(0).normal(0, 0.002, (10, 5))
        >>> rows = np.array([125, 250, 500, 750, 1000])
        >>> more = extrapolate(rows, 0.3 + 3 * rows**-0.5 + noise)
        >>> bool(more.gain.low < 3 * (1000**-0.5 - 2000**-0.5) < more.gain.high), more.reliable
        (True, True)

    Source: Viering and Loog, The shape of learning curves: a review, arXiv 2103.10948 (2021); Nadeau and Bengio,
    Inference for the generalization error, Machine Learning 52 (2003).

    Note: the law is an assumption. Where a curve bends later, no interval that rests on it can know.
    """
    n, values = _samples(rows, losses, factor, test_share)
    most, finite = float(n.max()), np.asarray(np.isfinite(values).all(0))
    if not finite[n.argmax()] or len(np.unique(n[finite])) < 3:
        unknown = Estimate(math.nan, math.nan, math.nan)
        return Extrapolation(math.nan, math.nan, math.nan, unknown, unknown, factor, False)
    n, values = n[finite], values[:, finite]
    several, samples, freedom = len(values) > 1, len(values), (len(values) - 1) * (len(n) - 2)
    points = _Points.of(n, values.mean(0), _covariance(values, n, test_share) if several else np.eye(len(n)))
    law = _fit(points, most)
    # a gain is as sure as the points are apart from their samples' shifts; a loss knows those from the samples alone
    loss_limit, gain_limit = (law.misfit + _squared_t(degrees) for degrees in (samples - 1, freedom))
    loss = _interval(law.at(factor * most), lambda v, rates: points.with_loss(v, factor, rates), loss_limit)
    gain = _interval(law.gain(most, factor), lambda v, rates: points.with_gain(v, factor, rates), gain_limit)
    reliable = several and bool(finite.all()) and _describes(law, n, freedom)
    return Extrapolation(law.floor, law.scale, law.rate, loss, gain, factor, reliable)


def _fit(points: _Points, most: float) -> PowerLaw:
    rate, misfit = _lowest(lambda rates: points.best(rates)[0])
    _, floor, scale = (float(found[0]) for found in points.best(np.array([rate])))
    return PowerLaw(floor, scale * most**rate, rate, misfit)


def _lowest(misfit: Callable[[Array], Array]) -> tuple[float, float]:
    """The rate of the lowest misfit, on a grid that closes in on it; and that misfit."""
    low, high = SLOWEST, FASTEST
    for _ in range(ZOOMS):
        rates = np.linspace(low, high, GRID)
        found = misfit(rates)
        best = int(found.argmin())
        low, high = float(rates[max(best - 1, 0)]), float(rates[min(best + 1, GRID - 1)])
    return float(rates[best]), float(found[best])


def _interval(value: float, misfit: Callable[[float, Array], Array], limit: float) -> Estimate:
    """All values, 0 or more, whose best law fits no worse than the limit."""
    if math.isnan(limit):
        return Estimate(value, math.nan, math.nan)

    def beyond(v: float) -> float:
        return _lowest(lambda rates: misfit(v, rates))[1] - limit

    if beyond(value) >= 0:  # points without noise: the law leaves no room at all
        return Estimate(value, value, value)
    low = 0.0 if beyond(0.0) <= 0 else float(brentq(beyond, 0.0, value, rtol=PRECISION))
    step = max(value - low, PRECISION)
    while beyond(value + step) < 0:
        step *= 2
    return Estimate(value, low, float(brentq(beyond, value, value + step, rtol=PRECISION)))


def _covariance(values: Array, rows: Array, test_share: float) -> Array:
    """Of the mean losses' noise: a variance that is a power of the rows, and a shift that a sample's sizes share."""
    samples, sizes = values.shape
    apart = values - values.mean(0)
    shift = apart.mean(1)
    least = (SMALLEST_NOISE * (float(np.abs(values).max()) or 1.0)) ** 2
    own = ((apart - shift[:, None]) ** 2).sum(0) / (samples - 1) * sizes / (sizes - 1) + least
    trend = np.exp(np.polyval(np.polyfit(np.log(rows), np.log(own), 1), np.log(rows)))
    trend *= (own / trend).mean()
    shared = max(0.0, float(shift.var(ddof=1)) - float(trend.mean()) / sizes)
    return np.asarray((np.diag(trend) + shared) * (1 / samples + test_share))


def _squared_t(degrees: int) -> float:
    return float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) ** 2 if degrees else math.nan


def _describes(law: PowerLaw, rows: Array, freedom: int) -> bool:
    sizes = len(np.unique(rows))
    if sizes < FEWEST_SIZES or rows.max() < LEAST_SPREAD * rows.min():
        return False
    left = sizes - (1 if law.scale == 0 else 2 if law.floor == 0 else 3)
    return float(fdtri(left, freedom, REJECTED)) >= law.misfit / left


def _points(rows: ArrayLike, losses: ArrayLike) -> tuple[Array, Array]:
    n, y = np.asarray(rows, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if n.ndim != 1 or y.shape != n.shape or len(np.unique(n)) < 3:
        raise InputError(f"rows has shape {n.shape}, losses {y.shape}: give (P,) of each, 3 or more different sizes")
    if not (np.isfinite(n).all() and (n > 0).all() and np.isfinite(y).all()):
        raise InputError("rows or losses hold a value that can't be used; give sizes above 0 and finite losses")
    return n, y


def _samples(rows: ArrayLike, losses: ArrayLike, factor: float, test_share: float) -> tuple[Array, Array]:
    n, values = np.asarray(rows, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if n.ndim != 1 or values.ndim != 2 or not len(values) or values.shape[1] != len(n) or not len(n):
        raise InputError(f"rows has shape {n.shape}, losses {values.shape}: give (P,) and (S, P) for P sizes")
    if not (np.isfinite(n) & (n > 0)).all():
        raise InputError("rows hold a value that is no size; give numbers above 0")
    if not 1 < factor < math.inf:
        raise InputError(f"factor is {factor}; give a number above 1, such as 2 for twice the rows")
    if not test_share >= 0:
        raise InputError(f"test_share is {test_share}: it is held-out rows over training rows; give 0 or more")
    return n, values
