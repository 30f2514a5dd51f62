"""What a user would take instead of a network, on the same rows, and whether it would have been better."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from goodfit.data.schema import Schema
from goodfit.data.table import Table
from goodfit.errors import InputError
from goodfit.statistics import Estimate
from goodfit.studies.learners import Learned, boosted, constant, linear
from goodfit.studies.paired import differs, mean_of_rows
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.samples import row_losses

CONSTANT = "constant"
MOST_INPUTS = 4096
"""Of a picture or a sound that a linear model learns from."""

Learner = Callable[[Problem], Learned]


@dataclass(frozen=True, eq=False)
class Baseline:
    """What else could predict.

    Args:
        name: "constant", "logistic regression" or "ridge regression", "histogram boosting".
        predicted: `(n, C)` class probabilities, or numbers `(n, 1)`, for each row by the one that held it out; nan
            where none did, and everywhere if it is missing.
        fitted: one a split; none if it is missing.
        seconds: that it took.
        note: why it is missing; "" if it isn't.
    """

    name: str
    predicted: Floats
    fitted: tuple[Learned, ...]
    seconds: float
    note: str = ""

    def predict(self, table: Table) -> Floats:
        """The mean of what the splits' own predict for a table, `(n, C)`.

        Raises:
            InputError: it is missing, or the table has not the columns of the training.
        """
        if not self.fitted:
            raise InputError(f"{self.name} was not trained ({self.note}): ask only those whose note is empty")
        return np.asarray(np.mean([learned.predict(table) for learned in self.fitted], axis=0))


@dataclass(frozen=True)
class Rival:
    """A baseline beside the network.

    Args:
        name: the baseline's.
        loss: its mean held-out loss, with a 95 % interval over rows.
        difference: its loss less the network's on the same rows, likewise; nan where the network has none.
        verdict: of the baseline: "better" or "worse" than the network if the difference is beyond chance and a
            thousandth of the network's loss or more.
    """

    name: str
    loss: Estimate
    difference: Estimate
    verdict: Literal["better", "worse", "alike"]


def train_baselines(
    problem: Problem, splits: Sequence[tuple[Ints, Ints]], *, seed: int, deadline: float = math.inf
) -> tuple[Baseline, ...]:
    """Fit what a user would take instead, on the training rows of each split alone.

    The constant is the weighted mean or the classes' weighted shares. The linear model (logistic regression with C = 1,
    ridge regression with alpha = 1) sees the inputs that a network does, standardized. Boosted trees see tables only:
    numbers as they are, dates in seconds, categories as such; scikit-learn's own settings, early stopping above 10,000
    rows among them. Weights count by their ratios, the target of regression by its standardized values.

    Args:
        problem: merged rows.
        splits: training rows and held-out rows of each.
        seed: of early stopping's rows.
        deadline: `time.monotonic()` after which nothing new is begun, nor what by its first splits or trees would end
            later; the constant is always there.

    Example:
        >>> from goodfit.studies.problem import read_problem
        >>> problem = read_problem([[float(i)] for i in range(40)], ["no", "yes"] * 20)
        >>> rows = np.arange(40)
        >>> found = train_baselines(problem, [(rows[:30], rows[30:]), (rows[30:], rows[:30])], seed=0)
        >>> [baseline.name for baseline in found], found[0].predict(problem.table)[0].tolist()
        (['constant', 'logistic regression', 'histogram boosting'], [0.5, 0.5])
    """
    schema = Schema.of(problem.table)
    name = "ridge regression" if problem.task == "regression" else "logistic regression"
    made = partial(_trained, problem=problem, splits=splits, deadline=deadline)
    found = [_trained(CONSTANT, constant, problem=problem, splits=splits)]
    if problem.kind in ("image", "sound") and len(schema.input_names) > MOST_INPUTS:
        found.append(_missing(name, problem, f"more than {MOST_INPUTS:,} inputs"))
    else:
        found.append(made(name, partial(linear, schema=schema)))
    if problem.kind == "table":
        trees = partial(boosted, schema=schema, seed=seed)
        first = partial(trees, seconds=(deadline - time.monotonic()) / len(splits))
        found.append(made("histogram boosting", trees, first=first))
    return tuple(found)


def better_baseline(
    baselines: Sequence[Baseline], own_losses: Floats, problem: Problem, *, rows: Ints | None = None
) -> tuple[Rival, ...]:
    """Set each baseline that was trained beside the network, row by row on rows that both held out.

    Args:
        baselines: on the problem's rows.
        own_losses: `(n,)` the network's loss of each row, as `row_losses` has it; nan in rows that nothing held out. A
            row that only the network lacks, since it diverged there, leaves the difference nan.
        problem: merged rows.
        rows: `(r,)` which rows the losses are of, if they are not of all.
    """
    own = np.full(problem.rows, np.nan)
    own[slice(None) if rows is None else rows] = own_losses
    return tuple(_rival(baseline, own, problem, rows) for baseline in baselines if baseline.fitted)


def _rival(baseline: Baseline, own: Floats, problem: Problem, rows: Ints | None) -> Rival:
    told = np.flatnonzero(np.isfinite(baseline.predicted).all(1))
    held = told if rows is None else np.intersect1d(told, rows)
    losses = row_losses(problem, baseline.predicted[held], held)
    weights, groups = problem.weights[held], None if problem.groups is None else problem.groups[held]
    found = mean_of_rows(losses - own[held], weights, groups)
    loss = mean_of_rows(losses, weights, groups).mean
    apart = differs(found.mean.value, found.p, loss.value - found.mean.value)
    verdict: Literal["better", "worse"] = "better" if found.mean.value < 0 else "worse"
    return Rival(baseline.name, loss, found.mean, verdict if apart else "alike")


def _missing(name: str, problem: Problem, note: str, seconds: float = 0.0) -> Baseline:
    return Baseline(name, np.full((problem.rows, max(len(problem.classes), 1)), np.nan), (), seconds, note)


def _trained(
    name: str,
    learner: Learner,
    *,
    problem: Problem,
    splits: Sequence[tuple[Ints, Ints]],
    deadline: float = math.inf,
    first: Learner | None = None,
) -> Baseline:
    """Fit a learner on each split's training rows and predict the rows held out; all splits or none.

    The first split's may be a learner that gives up by itself; how long it took is known for the others.
    """
    started, found = time.monotonic(), _missing(name, problem, "")
    fitted: list[Learned] = []
    for place, (kept, held) in enumerate(splits):
        now = time.monotonic()
        each = (now - started) / place if place else 0.0
        if now + each * (len(splits) - place) > deadline:
            return _missing(name, problem, "out of time", now - started)
        try:
            fitted.append((first if first and not place else learner)(problem.take(kept)))
        except TimeoutError:
            return _missing(name, problem, "out of time", time.monotonic() - started)
        if len(held):
            found.predicted[held] = fitted[-1].predict(problem.take(held).table)
    return replace(found, fitted=tuple(fitted), seconds=time.monotonic() - started)
