"""What is to be learned: a checked table, its target and the weights of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from goodfit.data.encoder import Encoder, fit_encoder
from goodfit.data.schema import Schema
from goodfit.data.splits import distinct, strata_of
from goodfit.data.table import Table, to_table
from goodfit.data.target import TargetScale, fit_target_scale, guess_task, positive, read_classes, read_numbers
from goodfit.errors import InputError
from goodfit.metrics import Task
from goodfit.training import Data

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """A table, what to predict from it, and how much each row counts.

    Args:
        table: n rows.
        target: `(n,)` codes of classes, or numbers in regression.
        classes: `(C,)` what the codes mean; empty in regression.
        task: decides the loss and the metrics.
        weights: `(n,)` above 0: a row of weight 2 counts as two rows.
        name: of the target, "" if it has none.
        positive: of two classes the one that an alarm would be for: the rarer one's code, among the rows as they were
            given; None for other tasks. Parts of a problem keep it.
    """

    table: Table
    target: NDArray[Any]
    classes: NDArray[Any]
    task: Task
    weights: Floats
    name: str = ""
    positive: int | None = None

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.table.rows

    @property
    def strata(self) -> Ints:
        """What splits keep even: the classes, or quantile bins of the target."""
        return strata_of(self.target, self.task)

    def take(self, rows: Ints) -> Problem:
        """The problem with some of its rows."""
        return replace(self, table=self.table.take(rows), target=self.target[rows], weights=self.weights[rows])

    def merged(self) -> Problem:
        """The problem with equal rows merged to one that weighs as much, in an order that their content decides.

        So neither the order of rows nor how often one is repeated matters beyond its weight, and no copy of a training
        row is ever among the rows held out.
        """
        kept = distinct(self.table, self.target, self.weights, order="content")
        return replace(self.take(kept.rows), weights=kept.weights)


def read_problem(X: Any, y: Any, *, task: Task | None = None, weights: Any = None, name: str = "") -> Problem:
    """Check the input of a job.

    Args:
        X: an array, a data frame or a table of n rows.
        y: the target, n values.
        task: None to tell by the target: text, booleans and few whole numbers are classes; how many classes there are,
            the target says.
        weights: `(n,)` 0 or more; None is 1 each.
        name: of the target.

    Raises:
        InputError: the table or the target can't be used as it is, or they differ in length.
    """
    table = X if isinstance(X, Table) else to_table(X)
    kind = task or guess_task(y)
    shares = np.ones(table.rows) if weights is None else np.asarray(weights, dtype=np.float64)
    if kind == "regression":
        problem = Problem(table, read_numbers(y), np.empty(0), "regression", shares, name)
    else:
        codes, classes = read_classes(y)
        alarm = positive(codes) if len(classes) == 2 else None
        problem = Problem(table, codes, classes, "multiclass" if alarm is None else "binary", shares, name, alarm)
    if len(problem.target) != table.rows:
        raise InputError(f"the table has {table.rows} rows, the target {len(problem.target)}: give one for each row")
    return problem


@dataclass(frozen=True, eq=False)
class Prepared:
    """A problem as its runs see it.

    Args:
        problem: whose rows the runs' numbers mean.
        data: inputs as tensors, a view for each set of training rows.
        encoders: one a view, fitted on its training rows.
        scales: of the target in regression, one a view.
    """

    problem: Problem
    data: Data
    encoders: tuple[Encoder, ...]
    scales: tuple[TargetScale, ...]


def prepare(
    problem: Problem, trains: Sequence[Ints], *, standardize: bool = True, schema: Schema | None = None
) -> Prepared:
    """Encode a problem once for each set of training rows; nothing is learned from other rows.

    Args:
        problem: the rows.
        trains: sets of training rows, a view each.
        standardize: whether numbers and the target of regression are brought to mean 0 and deviation 1.
        schema: the columns' structure, if it is known already.
    """
    schema = schema or Schema.of(problem.table)
    encoders = tuple(
        fit_encoder(problem.table, schema, rows, problem.weights, standardize=standardize) for rows in trains
    )
    inputs = torch.stack([torch.from_numpy(encoder.transform(problem.table)) for encoder in encoders])
    scales: tuple[TargetScale, ...] = ()
    if problem.task == "regression":
        scales = tuple(
            fit_target_scale(problem.target, rows, problem.weights) if standardize else TargetScale(0.0, 1.0)
            for rows in trains
        )
    targets = _targets(problem, scales).expand(len(trains), -1, -1)
    weights = torch.from_numpy(problem.weights).float()
    return Prepared(problem, Data(inputs, targets, weights, problem.task), encoders, scales)


def _targets(problem: Problem, scales: Sequence[TargetScale]) -> torch.Tensor:
    """Targets `(V, n, K)` or `(1, n, K)`: standardized numbers, the second of two classes, or indicators."""
    if problem.task == "regression":
        views = np.stack([scale.forward(problem.target) for scale in scales])
        return torch.from_numpy(views[..., None]).float()
    codes = torch.from_numpy(problem.target)
    if problem.task == "binary":
        return codes[None, :, None].float()
    return torch.nn.functional.one_hot(codes, len(problem.classes))[None].float()
