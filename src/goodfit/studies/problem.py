"""What is to be learned: a checked table, its target and the weights of its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from goodfit.data.media import medium_of, read_rows
from goodfit.data.splits import distinct, holdout, strata_of
from goodfit.data.table import Table, to_column
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
    """

    table: Table
    target: NDArray[Any]
    classes: NDArray[Any]
    task: Task
    weights: Floats
    name: str = ""
    positive: int | None = None
    groups: Ints | None = None

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
        groups = None if self.groups is None else self.groups[rows]
        return replace(
            self, table=self.table.take(rows), target=self.target[rows], weights=self.weights[rows], groups=groups
        )

    def hold_out(self, rows: Ints, share: float, seed: int) -> tuple[Ints, Ints]:
        """Split some of the rows, by number, into those kept and those held out: by group, else class by class."""
        groups = None if self.groups is None else self.groups[rows]
        kept, held = holdout(self.strata[rows], share, seed, groups)
        return rows[kept], rows[held]

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
        kept = distinct(self.table, self.target, self.weights, order="content")
        return replace(self.take(kept.rows), weights=kept.weights)


def read_problem(
    X: Any, y: Any, *, task: Task | None = None, weights: Any = None, name: str = "", groups: Any = None
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
    return problem if groups is None else replace(problem, groups=read_groups(groups, table.rows))


def read_groups(groups: Any, rows: int) -> Ints:
    """The group of each row `(n,)`, from 0.

    Raises:
        InputError: not one value a row.
    """
    column = to_column(groups, "groups")
    if len(column.values) != rows or column.missing.any():
        raise InputError(f"groups has {len(column.values)} values, {int(column.missing.sum())} missing; give {rows}")
    return np.unique(column.values, return_inverse=True)[1].astype(np.int64)
