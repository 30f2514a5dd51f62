"""A blend of candidates, chosen by predictions for rows that they held out, and its loss free of flattery."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from goodfit.alarms import row_weights
from goodfit.errors import InputError
from goodfit.metrics import Task, metrics_of
from goodfit.picking import parts_of, picked, row_losses
from goodfit.statistics import Estimate
from goodfit.tempering import temperature, tempered

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

FOLDS = 5
"""Of the rows that a temperature is fitted to."""
MANY = 2_000
"""Rows from which on fewer draws do: what choosing flatters falls as 1 over the rows."""
FEWEST = 2


@dataclass(frozen=True, eq=False)
class Choice:
    """A blend.

    Args:
        counts: `(T,)` how often each candidate was picked: its weight in the mean is its share of all picks.
        temperature: of the mean probabilities; 1 in regression.
    """

    counts: Counts
    temperature: float


@dataclass(frozen=True)
class Corrected:
    """What the loss of a choice is known to be.

    Args:
        naive: its mean loss on the rows that it was chosen by: too low.
        estimate: its mean loss on fresh rows, with a 95 % interval; nan where there are too few rows to tell.
        optimism: by which share of the estimate the naive loss is too low.
    """

    naive: float
    estimate: Estimate
    optimism: float


def greedy(
    predictions: npt.ArrayLike, target: npt.ArrayLike, *, weights: npt.ArrayLike | None, task: Task, most: int
) -> Counts:
    """How often each candidate is picked for a blend: always the one that makes the loss of the mean prediction least.

    The first pick is the best candidate alone. A candidate may be picked again, which gives it more weight. A pick may
    be worse than none, for the next ones give it less weight. So it ends after three in a row that did not lower the
    loss by a millionth, or after 4 `most` in all; what counts are the picks up to the last one that did. Of equals the
    first is picked.

    Args:
        predictions: `(T, n, C)` class probabilities of T candidates for n rows that they held out, or in regression
            `(T, n, 1)` numbers. A candidate with a value that is not finite, in a row of weight, is never picked.
        target: `(n,)` codes of the true classes, or numbers.
        weights: `(n,)` of the rows, 0 or more; None is 1 each.
        task: "binary" or "multiclass", whose loss is the log loss, or "regression", the squared error.
        most: different candidates at most, 1 or more.

    Returns:
        `(T,)` counts of picks.

    Raises:
        InputError: shapes differ, `most` is below 1, or no candidate is finite.

    Example:
        >>> greedy([[[0.0], [2.0]], [[5.0], [5.0]], [[2.0], [0.0]]], [1, 1], weights=None, task="regression", most=2)
        array([1, 0, 1])

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models, ICML 2004.
    """
    case = _case(predictions, target, weights, task, most)
    return _placed(_picks(case, np.arange(len(case.share))), case, predictions)


def choose(
    predictions: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None,
    task: Task,
    most: int,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Choice:
    """The blend that `greedy` picks, and its temperature.

    On the rows that it was picked by a blend looks better than it is, and a temperature fitted to them makes it too
    sure. So the temperature is that of blends picked by four fifths of the rows each, for the rows of the other fifth.

    Args:
        predictions, target, weights, task, most: as of `greedy`.
        groups: `(n,)` a label a row: rows of one label are not independent, and stay together. None: all are.
        seed: of the fifths.

    Raises:
        InputError: as `greedy`.

    Example:
        >>> sure = [[[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]]]
        >>> choose(sure, [0, 1, 0, 0], weights=None, task="binary", most=1).temperature.__round__(3)
        2.0
    """
    case = _case(predictions, target, weights, task, most, groups)
    counts, heat = _choice(case, np.arange(len(case.share)), np.random.default_rng(seed))
    return Choice(_placed(counts, case, predictions), heat)


def mixed(predictions: npt.ArrayLike, counts: npt.ArrayLike) -> Floats:
    """The mean prediction `(n, C)` of candidates `(T, n, C)`, each weighted by its count `(T,)` of picks.

    Example:
        >>> mixed([[[0.0]], [[4.0]], [[float("nan")]]], [3, 1, 0])
        array([[1.]])
    """
    every, times = np.asarray(predictions), np.asarray(counts)
    picked = np.flatnonzero(times)
    return np.asarray(np.tensordot(times[picked] / times.sum(), every[picked].astype(np.float64), 1))


def corrected(
    predictions: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None,
    task: Task,
    most: int,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    draws: int = 100,
) -> Corrected:
    """The loss on fresh rows of what `choose` chooses, without the flattery of being chosen by these rows.

    The whole choice is made anew from half of the rows, drawn at random, and scored on the other half, and again from
    a third and scored on the others. Those losses are fair, but of choices made from fewer rows. The loss of a choice
    from m rows is about constant + slope / m; so the loss of one from all rows is 2 loss(n / 2) - loss(n / 3).

    Args:
        predictions, target, weights, task, most, groups: as of `choose`.
        seed: of the draws, and of the choice that is judged.
        draws: about how many choices are made anew; fewer, 14 at least, where there are more than 2,000 rows.

    Raises:
        InputError: as `greedy`.

    Example:
        >>> random = np.random.default_rng(0)
        >>> target = random.standard_normal(200)
        >>> guesses = target[:, None] + random.standard_normal((50, 200, 1))  # the true loss of each is 1
        >>> found = corrected(guesses, target, weights=None, task="regression", most=1)
        >>> round(found.naive, 2), round(found.estimate.value, 2)
        (0.78, 1.01)

    Source: after Tsamardinos, Greasidou and Borboudakis, Bootstrapping the out-of-sample predictions for efficient and
    accurate cross-validation, Machine Learning 107 (2018). A bootstrap chooses as if from half of the rows, too: where
    the parts of a blend are fitted it takes off up to one and a half times the flattery.
    """
    case = _case(predictions, target, weights, task, most, groups)
    rows = np.arange(len(case.share))
    naive = float(case.share @ _losses(case, rows, np.random.default_rng(seed)))
    if case.units.max() < 2:
        return Corrected(naive, Estimate(naive, math.nan, math.nan), 0.0)
    random = np.random.default_rng([seed, 1])
    triples = max(round(draws / 7 * min(MANY / len(rows), 1)), FEWEST)
    halves, thirds = (
        np.stack([_apart(case, parts, random) for _ in range(times)])
        for parts, times in ((2, 2 * triples), (3, triples))
    )
    value = max(float((2 * halves.mean(0) - thirds.mean(0)) @ case.share), naive)
    drawing = 4 * (halves @ case.share).var(ddof=1) / len(halves) + (thirds @ case.share).var(ddof=1) / len(thirds)
    error = math.sqrt(np.mean([_variance(losses, case) for losses in halves]) + drawing)
    return Corrected(naive, _interval(value, error, int(case.units.max())), 1 - naive / value if value > 0 else 0.0)


@dataclass(frozen=True, eq=False)
class _Case:
    """The candidates `(T,)` that are finite and the rows `(n,)` that have weight.

    Args:
        candidates: places of these among all that were given.
        parts: `(T, n)` what of the predictions `(T, n, C)` their losses depend on.
        share: of the weight of all rows.
        units: from 0; rows of one unit stay together.
    """

    candidates: Counts
    predictions: Floats
    parts: Floats
    target: Floats | Counts
    share: Floats
    units: Counts
    task: Task
    most: int


def _case(
    predictions: npt.ArrayLike,
    target: npt.ArrayLike,
    weights: npt.ArrayLike | None,
    task: Task,
    most: int,
    groups: npt.ArrayLike | None = None,
) -> _Case:
    metrics_of(task)
    every, truth = np.asarray(predictions), np.asarray(target)
    if every.ndim != 3 or truth.shape != every.shape[1:2] or not every.size:
        raise InputError(f"predictions has shape {every.shape}, target {truth.shape}: give (T, n, C) and (n,), n > 0")
    named = np.arange(len(truth)) if groups is None else np.asarray(groups)
    if named.shape != truth.shape:
        raise InputError(f"groups has shape {named.shape}: give a label for each of the {len(truth)} rows")
    if most < 1:
        raise InputError(f"most is {most}: give how many different candidates may be picked, 1 or more")
    share = row_weights(weights, len(truth))
    share = np.ones(len(truth)) if share is None else share
    if not share.all():
        every, truth, named, share = every[:, share > 0], truth[share > 0], named[share > 0], share[share > 0]
    usable = np.flatnonzero(np.isfinite(every).all((1, 2)))
    if not len(usable):
        raise InputError(f"predictions of all {len(every)} candidates have gaps: leave out the rows where they have")
    every = every if len(usable) == len(every) else every[usable]
    units = np.unique(named, return_inverse=True)[1]
    return _Case(usable, every, parts_of(every, truth, task), truth, share / share.sum(), units, task, most)


def _placed(counts: Counts, case: _Case, predictions: npt.ArrayLike) -> Counts:
    """Counts among all candidates that were given."""
    every = np.zeros(len(np.asarray(predictions)), np.int64)
    every[case.candidates] = counts
    return every


def _picks(case: _Case, rows: Counts) -> Counts:
    """The counts `(T,)` of greedy picks by some rows."""
    share = case.share[rows]
    return picked(case.parts[:, rows], share / share.sum(), case.task, case.most)


def _choice(case: _Case, rows: Counts, random: np.random.Generator) -> tuple[Counts, float]:
    """Counts and temperature by some rows."""
    counts = _picks(case, rows)
    if case.task == "regression":
        return counts, 1.0
    predicted = mixed(case.predictions, counts)[rows]
    part = _dealt(case, rows, FOLDS, random)
    if part.max() and len(counts) > 1:
        for own in range(part.max() + 1):
            others = _picks(case, rows[part != own])
            predicted[part == own] = mixed(case.predictions[:, rows[part == own]], others)
    return counts, temperature(predicted, case.target[rows], weights=case.share[rows])


def _losses(case: _Case, rows: Counts, random: np.random.Generator) -> Floats:
    """The losses `(n,)` of all rows by what is chosen by some of them."""
    counts, heat = _choice(case, rows, random)
    return row_losses(tempered(mixed(case.predictions, counts), heat), case.target, case.task)


def _apart(case: _Case, parts: int, random: np.random.Generator) -> Floats:
    """The loss `(n,)` of each row by the choices made from the rows of each other part, their mean."""
    part = _dealt(case, np.arange(len(case.share)), parts, random)
    total = np.zeros(len(part))
    for own in range(parts):
        total += np.where(part == own, 0.0, _losses(case, np.flatnonzero(part == own), random))
    return total / (parts - 1)


def _dealt(case: _Case, rows: Counts, parts: int, random: np.random.Generator) -> Counts:
    """The part of each of some rows: units are shuffled and dealt out in turns, class by class."""
    known, first, own = np.unique(case.units[rows], return_index=True, return_inverse=True)
    shuffled = random.permutation(len(known))
    if case.task != "regression":
        shuffled = shuffled[np.argsort(case.target[rows[first[shuffled]]], kind="stable")]
    part = np.empty(len(known), np.int64)
    part[shuffled] = np.arange(len(known)) % parts
    return np.asarray(part[own])


def _variance(losses: Floats, case: _Case) -> float:
    """The variance of the mean of rows' losses, of which units are independent."""
    sums = np.bincount(case.units, (losses - case.share @ losses) * case.share)
    return float(np.square(sums).sum() * len(sums) / (len(sums) - 1))


def _interval(value: float, error: float, freedom: int) -> Estimate:
    """Student's t on the scale of the logarithm: losses are above 0, and their means are skewed."""
    if value <= 0:
        return Estimate(value, value, value)
    reach = float(stdtrit(freedom, 0.975)) * error / value
    return Estimate(value, value * math.exp(-reach), value * math.exp(reach))
