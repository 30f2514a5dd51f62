"""Temperature: one number that makes probabilities less sure, or surer, and leaves their order."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from goodfit.alarms import row_weights
from goodfit.errors import InputError

Floats = npt.NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0
SMALLEST = 1e-12
"""A probability below it counts as this: no row costs more than 27.6."""


def temperature(probabilities: npt.ArrayLike, target: npt.ArrayLike, *, weights: npt.ArrayLike | None) -> float:
    """The temperature T that makes the log loss of softmax(log p / T) least, between 0.05 and 20.

    The loss is convex in 1 / T: where its slope is 0, it is least.

    Args:
        probabilities: `(n, C)` of each class, of rows that did not teach the model.
        target: `(n,)` codes of the true classes, from 0 to C - 1.
        weights: `(n,)` of the rows, 0 or more; None is 1 each.

    Returns:
        T: above 1 for probabilities that are too sure, below 1 for those that aren't sure enough. 1 where these rows
        can't tell: those with weight are all of one class, or the true class is the most probable one in each of them,
        so that nothing is too sure. 20 where nothing is too unsure: the true class is not even likelier than chance.

    Raises:
        InputError: shapes differ, there are no rows, or a probability is not finite.

    Example:
        >>> too_sure = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]
        >>> round(temperature(too_sure, [0, 0, 1, 1], weights=None), 3)
        2.0

    Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017.
    """
    given, codes = np.asarray(probabilities, dtype=np.float64), np.asarray(target)
    if given.ndim != 2 or codes.shape != given.shape[:1] or not len(codes):
        raise InputError(
            f"target has shape {codes.shape}, probabilities {given.shape}: give (n,) and (n, C) of one n > 0"
        )
    if not np.isfinite(given).all():
        raise InputError("probabilities has values that are not finite: leave out their rows")
    share = row_weights(weights, len(codes))
    kept = np.ones(len(codes), bool) if share is None else share > 0
    given, codes = given[kept], codes[kept]
    share = np.ones(len(codes)) if share is None else share[kept]
    logs = _logs(given)
    own = logs[np.arange(len(codes)), codes]
    if (codes == codes[0]).all() or (own >= 0).all():
        return 1.0

    def slope(heat: float) -> float:
        scaled = np.exp(logs * math.exp(-heat))
        return float(share @ ((scaled * logs).sum(1) / scaled.sum(1) - own))

    cold, hot = math.log(COLDEST), math.log(HOTTEST)
    if slope(cold) <= 0:
        return COLDEST
    return HOTTEST if slope(hot) >= 0 else math.exp(brentq(slope, cold, hot, xtol=1e-9))


def tempered(probabilities: npt.ArrayLike, temperature: float) -> Floats:
    """Probabilities at a temperature: softmax(log p / T), which is p^(1/T) with rows of sum 1.

    Args:
        probabilities: `(n, C)`.
        temperature: T, above 0. 1 is the identity, bit for bit; towards 0 the most probable class takes all, beyond all
            bounds the classes become equal.

    Raises:
        InputError: a temperature that isn't a number above 0.

    Example:
        >>> tempered([[0.8, 0.2]], 0.5).round(3).tolist()
        [[0.941, 0.059]]

    Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    if not 0 < temperature < math.inf:
        raise InputError(f"temperature is {temperature}: give a number above 0, 1 to leave probabilities as they are")
    if temperature == 1:
        return given
    powers = np.exp(_logs(given) / temperature)
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _logs(probabilities: Floats) -> Floats:
    """Logarithms, less that of the largest in a row."""
    logs = np.log(np.maximum(probabilities, SMALLEST))
    return np.asarray(logs - logs.max(-1, keepdims=True))
