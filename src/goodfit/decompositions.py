"""Bias, variance and noise: the expected loss of many predictors of one target, taken apart row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import entr, logsumexp, xlogy

from goodfit.errors import InputError
from goodfit.terms import TERMS, Term, Terms

__all__ = ["TERMS", "Loss", "Term", "Terms", "decompose"]

Floats = npt.NDArray[np.float64]
Loss = Literal["squared", "zero_one", "log_loss", "brier"]

SMALLEST = 1e-12
"""A probability below counts as this in a log loss."""

_BLOCK = 2_000_000  # numbers worked on at once
_RESAMPLES = 200


def decompose(
    predicted: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    loss: Loss,
    truth: npt.ArrayLike | None = None,
    noise: npt.ArrayLike | None = None,
) -> Terms:
    """Take the expected loss of R predictors apart into bias, variance and noise, for each of n rows.

    With p the prediction of a replicate, m the main prediction, f the truth, and E the mean over replicates:

        squared   m = E p                bias² = (f - m)²     variance = E (p - m)²     noise = E (y - f)²
        brier     m = E p                the same, summed over classes; noise = Σ f (1 - f)
        log_loss  m ∝ exp(E log p)       bias² = KL(f, m)     variance = E KL(m, p)     noise = H(f)
        zero_one  m = the most votes     bias² = 1[m ≠ f*]    variance = P(p ≠ f*) - bias²
                                         noise = P(p = f*) - Σ f P(p), f* the most probable class

    The error is their sum: the expected loss for a new target of the same row. Without `truth` the target stands in
    its place: bias and noise are one term, and the error is the mean loss as measured. A known noise variance alone
    tells the two apart too.

    Means over few replicates are corrected: R - 1 instead of R for squared error and Brier, the jackknife for log
    loss. What the variance gains the bias loses, so that a row's bias² may lie a little below 0.

    Args:
        predicted: `(R, n, 1)` numbers for squared error, else `(R, n, C)` class probabilities; R is 2 or more.
            0-1 loss takes the class of the largest number, so one-hot votes will do.
        target: `(n,)` numbers, or codes of classes in [0, C).
        loss: "squared", "zero_one", "log_loss" or "brier".
        truth: `(n,)` the true mean, or `(n, C)` the true probabilities; of two classes `(n,)`, the second's, will do.
        noise: the true noise variance, a number or `(n,)`, 0 or more; for squared error only. Without it the squared
            distances of target and truth are the noise.

    Returns:
        The terms of each row. Of 0-1 loss, the variance is the net one and may be negative: where the main prediction
        is wrong, replicates that differ from it can only gain. The noise is counted with its sign too.

    Raises:
        InputError: shapes that don't fit, fewer than 2 replicates, an unknown loss, a truth that is no probability.

    Example:
        >>> terms = decompose([[[1.0]], [[3.0]]], [2.5], loss="squared", truth=[2.0], noise=0.25)
        >>> terms.bias2, terms.variance, terms.noise
        (array([-1.]), array([2.]), array([0.25]))

    Sources:
        Squared error: Geman, Bienenstock and Doursat, Neural networks and the bias/variance dilemma (1992).
        0-1: Domingos, A unified bias-variance decomposition and its applications, ICML (2000).
        Log loss: Heskes, Bias/variance decompositions for likelihood-based estimators (1998).
        Brier and log loss as Bregman divergences: Pfau, A generalized bias-variance decomposition (2013); Gupta et
        al., Ensembles of classifiers: a bias-variance perspective (2022).

    Note: Kohavi and Wolpert (1996) and James (2003) cut 0-1 loss otherwise: with them no term depends on the main
    prediction being right. Domingos's raw variance is P(p ≠ m); it enters with the sign that makes the sum exact.
    """
    given = _checked(predicted, target, loss, truth, noise)
    replicates, n, classes = given.predicted.shape
    take = _votes_of if loss == "zero_one" else _smooth_terms
    rows, shared, own = np.zeros((3, n)), np.zeros((4, 0)), np.zeros(4)
    second = np.zeros((replicates, replicates))
    for part in _blocks(n, replicates * classes):
        block = take(given.take(part), loss)
        rows[:, part] = block.rows
        shared = block.total if not shared.size else shared + block.total
        own += block.own
        second += block.products
    scale = 1.0 if loss == "zero_one" else 1 / replicates
    means = shared / n
    third = ((means - means.mean(1, keepdims=True)) ** 3).mean(1) * scale**2
    shared, own = means.var(axis=1, ddof=1) * scale, own / n * scale
    if loss != "zero_one":
        shared[0] = _second_order(shared[0], second / n)
    separate = truth is not None or noise is not None
    return Terms(rows[0], rows[1], rows[2], rows.sum(0), separate, shared, own, third, replicates)


class _Given(NamedTuple):
    """Checked arguments: predictions (R, n, C), target (n,) or one-hot (n, C), truth likewise, noise (n,)."""

    predicted: npt.NDArray[Any]
    target: Floats
    truth: Floats | None
    noise: Floats | None

    def take(self, part: slice) -> _Given:
        own = np.asarray(self.predicted[:, part], np.float64)
        truth, noise = (None if values is None else values[part] for values in (self.truth, self.noise))
        return _Given(own, self.target[part], truth, noise)


class _Block(NamedTuple):
    """Some rows: terms (3, b); sums over the rows of what replicates contribute to the terms and the error (4, R);
    the sums over the rows of its variances (4,); products of the replicates' deviations (R, R)."""

    rows: Floats
    total: Floats
    own: Floats
    products: Floats


def _smooth_terms(given: _Given, loss: Loss) -> _Block:
    """Squared error, Brier and log loss: a replicate contributes its jackknife pseudo-value."""
    predicted, target, truth, known = given
    aim = target if truth is None else truth
    if loss == "log_loss":
        error, variance, deviations = _log_loss(predicted, aim)
        noise = np.zeros(len(aim)) if truth is None else entr(truth).sum(-1)
    else:
        deviations = predicted - predicted.mean(0)
        error = np.square(predicted - aim).sum(-1)
        variance = np.square(deviations).sum(-1) * (len(predicted) / (len(predicted) - 1))
        noise = np.zeros(len(aim))
        if loss == "brier" and truth is not None:
            noise = (truth * (1 - truth)).sum(-1)
        elif known is not None:
            noise = known
        elif truth is not None:
            noise = np.square(target - truth).sum(-1)
    bias = error - variance - (noise if truth is None else 0.0)
    contributions = np.stack([bias, variance, np.zeros_like(bias), error])
    flat = deviations.reshape(len(deviations), -1)
    rows = np.stack([bias.mean(0), variance.mean(0), noise])
    return _Block(rows, contributions.sum(-1), contributions.var(axis=1, ddof=1).sum(-1), flat @ flat.T)


def _log_loss(predicted: Floats, aim: Floats) -> tuple[Floats, Floats, Floats]:
    """KL of the aim and each replicate (R, b), the variance's pseudo-values (R, b), deviations (R, b, C)."""
    logs = np.maximum(predicted, SMALLEST)
    logs = np.log(logs / logs.sum(-1, keepdims=True))
    error = xlogy(aim, aim).sum(-1) - (aim * logs).sum(-1)
    count, mean = len(logs), logs.mean(0)
    deviations = logs - mean
    size = logsumexp(mean, -1)
    without = logsumexp(mean - deviations / (count - 1), -1)
    main = np.exp(mean - size[:, None])
    centred = deviations - (main * deviations).sum(-1, keepdims=True)
    return error, (count - 1) * without - count * size, centred * np.sqrt(main / 2)


def _votes_of(given: _Given, loss: Loss) -> _Block:
    """0-1 loss: resampled replicates vote anew, for a majority has no derivative."""
    predicted, target, truth, _ = given
    count, _, classes = predicted.shape
    votes = np.eye(classes)[predicted.argmax(-1)]
    aim = target if truth is None else truth
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _RESAMPLES) / count
    rows = _domingos(votes.mean(0), aim)
    draws = _domingos(np.tensordot(drawn, votes, 1), aim)
    terms = np.concatenate([draws, draws.sum(0, keepdims=True)]) * math.sqrt(count / (count - 1))
    return _Block(rows, terms.sum(-1), terms.var(axis=1, ddof=1).sum(-1), np.zeros((count, count)))


def _domingos(shares: Floats, aim: Floats) -> Floats:
    """Bias, net variance and noise (3, ..., b) for shares of the votes (..., b, C) and true probabilities (b, C)."""
    best = aim.argmax(-1)
    right = np.take_along_axis(shares, np.broadcast_to(best[..., None], (*shares.shape[:-1], 1)), -1)[..., 0]
    bias = (shares.argmax(-1) != best).astype(np.float64)
    return np.stack([bias, 1 - right - bias, right - (shares * aim).sum(-1)])


def _second_order(jackknife: float, products: Floats) -> float:
    """The variance of a bias² that may be near 0, where the jackknife's own estimate swings between 0 and too much.

    It is of second order in the replicates' deviations: 2 E(d d')² / R², which the jackknife counts twice.
    """
    count = len(products)
    apart = products[~np.eye(count, dtype=bool)]
    second = 2 * float(np.square(apart).mean()) / (count * (count - 1))
    return max(jackknife - second, second)


def _blocks(rows: int, numbers: int) -> Iterator[slice]:
    step = max(1, _BLOCK // numbers)
    return (slice(start, start + step) for start in range(0, rows, step))


def _checked(
    predicted: npt.ArrayLike,
    target: npt.ArrayLike,
    loss: Loss,
    truth: npt.ArrayLike | None,
    noise: npt.ArrayLike | None,
) -> _Given:
    if loss not in get_args(Loss):
        raise InputError(f"loss is {loss!r}; give {', '.join(map(repr, get_args(Loss)))}")
    values, y = np.asarray(predicted), np.asarray(target)
    if values.ndim != 3 or len(values) < 2 or not values.size:
        raise InputError(f"the predictions have shape {values.shape}; give (replicates, rows, classes), 2 or more")
    n, classes = values.shape[1:]
    if y.shape != (n,):
        raise InputError(f"the target has shape {y.shape}; give one value for each of {n} rows")
    known = None if noise is None else _checked_noise(noise, n, loss)
    if loss == "squared":
        if classes != 1:
            raise InputError(f"squared error takes one number a row; the predictions have {classes}")
        mean = None if truth is None else _checked_mean(truth, n)
        return _Given(values, y.astype(np.float64)[:, None], mean, known)
    if classes < 2:
        raise InputError(f"{loss} takes probabilities of 2 classes or more; the predictions have {classes}")
    if y.dtype.kind not in "iub" or y.min() < 0 or y.max() >= classes:
        raise InputError(f"{loss} takes codes of classes from 0 to {classes - 1} as the target")
    return _Given(values, np.eye(classes)[y.astype(np.int64)], _checked_probabilities(truth, n, classes), None)


def _checked_noise(noise: npt.ArrayLike, n: int, loss: Loss) -> Floats:
    if loss != "squared":
        raise InputError(f"noise is the noise variance of numbers; for {loss} give truth, the true probabilities")
    known = np.asarray(noise, np.float64)
    if known.shape not in ((), (n,)) or not (np.isfinite(known) & (known >= 0)).all():
        raise InputError(f"noise must be a variance, 0 or more: one number, or one for each of {n} rows")
    return np.broadcast_to(known, (n,)).copy()


def _checked_mean(truth: npt.ArrayLike, n: int) -> Floats:
    mean = np.asarray(truth, np.float64)
    if mean.shape not in ((n,), (n, 1)) or not np.isfinite(mean).all():
        raise InputError(f"truth has shape {mean.shape}; give the true mean, a finite number for each of {n} rows")
    return mean.reshape(n, 1)


def _checked_probabilities(truth: npt.ArrayLike | None, n: int, classes: int) -> Floats | None:
    if truth is None:
        return None
    shares = np.asarray(truth, np.float64)
    if classes == 2 and shares.shape == (n,):
        shares = np.stack([1 - shares, shares], axis=1)
    if shares.shape != (n, classes):
        raise InputError(f"truth has shape {shares.shape}; give ({n}, {classes}), the probability of each class")
    if not ((shares >= 0) & (shares <= 1)).all() or not np.allclose(shares.sum(1), 1, atol=1e-6):
        raise InputError("truth must hold probabilities: each in [0, 1], those of a row adding up to 1")
    return shares
