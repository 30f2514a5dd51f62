"""What is to be learned: a checked table, its target and the weights of its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from goodfit.data.media import medium_of, read_rows
from goodfit.data.ordering import time_holdout
from goodfit.data.splits import distinct, holdout, strata_of
from goodfit.data.table import Column, Table, to_column
from goodfit.data.target import guess_task, positive, read_classes, read_numbers
from goodfit.errors import InputError
from goodfit.metrics import Task
from goodfit.regularizers.form import Kind

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
        groups: `(n,)` rows of one group never stand on two sides of a split; None where each row is by itself.
        times: `(n,)` numbers by which rows are ordered: no split learns from a row that is later than one it holds
            out; None where rows have no order. Not beside groups.
    """

    table: Table
    target: NDArray[Any]
    classes: NDArray[Any]
    task: Task
    weights: Floats
    name: str = ""
    positive: int | None = None
    groups: Ints | None = None
    times: Floats | None = None

    def __post_init__(self) -> None:
        if self.groups is not None and self.times is not None:
            raise InputError(
                "rows have groups and times, and a group may last: keep groups whole or the order, not both"
            )

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.table.rows

    @property
    def strata(self) -> Ints:
        """What splits keep even: the classes, or quantile bins of the target."""
        return strata_of(self.target, self.task)

    @property
    def bare(self) -> Problem:
        """Its target and weights, without a column: what scores need of it."""
        return replace(self, table=Table((), self.rows))

    def take(self, rows: Ints) -> Problem:
        """The problem with some of its rows."""
        return replace(
            self,
            table=self.table.take(rows),
            target=self.target[rows],
            weights=self.weights[rows],
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
        )

    def hold_out(self, rows: Ints, share: float, seed: int) -> tuple[Ints, Ints]:
        """Split some rows, by number, into those kept and those held out: the latest, by group, or class by class."""
        if self.times is not None:
            kept, held = time_holdout(self.times[rows], share)
            return rows[kept], rows[held]
        groups = None if self.groups is None else self.groups[rows]
        kept, held = holdout(self.strata[rows], share, seed, groups)
        return rows[kept], rows[held]

    @property
    def content(self) -> Table:
        """What makes rows equal beside the target: the table, and the time, for what comes back later is no copy."""
        if self.times is None:
            return self.table
        return replace(self.table, columns=(*self.table.columns, Column("time", "number", self.times)))

    @property
    def kind(self) -> Kind:
        """What a row is: a line of a table, a picture, a sound or a text."""
        medium = medium_of(self.table)
        return cast(Kind, medium.kind) if medium else "table"

    def merged(self) -> Problem:
        """The problem with equal rows merged to one that weighs as much, in an order that their content decides.

        So neither the order of rows nor how often one is repeated matters beyond its weight, and no copy of a training
        row is ever among the rows held out.
        """
        kept = distinct(self.content, self.target, self.weights, order="content")
        return replace(self.take(kept.rows), weights=kept.weights)


def read_problem(
    X: Any,
    y: Any,
    *,
    task: Task | None = None,
    weights: Any = None,
    name: str = "",
    groups: Any = None,
    times: Any = None,
) -> Problem:
    """Check the input of a job.

    Args:
        X: an array, a data frame or a table of n rows.
        y: the target, n values.
        task: None to tell by the target: text, booleans and few whole numbers are classes; how many classes there are,
            the target says.
        weights: `(n,)` 0 or more; None is 1 each.
        name: of the target.
        groups: `(n,)` values by which rows belong together; None for each by itself.
        times: `(n,)` dates or numbers by which rows are ordered; None for no order.

    Raises:
        InputError: the table or the target can't be used as it is, or they differ in length.
    """
    table = read_rows(X)
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
    return placed(problem, groups=groups, times=times)


def placed(problem: Problem, *, groups: Any = None, times: Any = None) -> Problem:
    """The problem with the groups or the times that its splits keep, where any are given."""
    if groups is not None:
        problem = replace(problem, groups=read_groups(groups, problem.rows))
    return problem if times is None else replace(problem, times=read_times(times, problem.rows))


def read_times(times: Any, rows: int, name: str = "times") -> Floats:
    """The time of each row `(n,)`: dates as seconds since 1970, numbers as they are.

    Args:
        times: one a row.
        rows: how many there are.
        name: for messages.

    Raises:
        InputError: not one date or number a row.
    """
    column = times if isinstance(times, Column) else to_column(times, name)
    if len(column.values) != rows:
        raise InputError(f"{name} has {len(column.values)} values; give {rows}, one for each row")
    if column.missing.any():
        raise InputError(f"{name} has no value in row {int(column.missing.argmax()) + 1}: give one, or drop the row")
    if column.kind not in ("number", "date"):
        raise InputError(f"{name} holds {column.example(0)} in row 1, which is no time: give dates or numbers")
    return np.asarray(column.values, dtype=np.float64)


def read_groups(groups: Any, rows: int) -> Ints:
    """The group of each row `(n,)`, from 0.

    Raises:
        InputError: not one value a row.
    """
    column = to_column(groups, "groups")
    if len(column.values) != rows or column.missing.any():
        raise InputError(f"groups has {len(column.values)} values, {int(column.missing.sum())} missing; give {rows}")
    return np.unique(column.values, return_inverse=True)[1].astype(np.int64)
