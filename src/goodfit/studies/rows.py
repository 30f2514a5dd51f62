"""Rows as their user gave them and as goodfit reads them, side by side: for studies of any estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from goodfit.data.media import read_rows as read_table
from goodfit.data.splits import distinct, holdout
from goodfit.data.table import Table
from goodfit.data.target import read_classes, read_numbers
from goodfit.decompositions import Loss
from goodfit.errors import InputError
from goodfit.metrics import Task
from goodfit.rng import derive
from goodfit.studies.problem import Ints, Problem, read_problem

_DRAW, _TEST, _SPLIT = 0, 1, 2  # streams of random numbers


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as their user gave them and as goodfit reads them.

    Args:
        X: an array or a data frame.
        problem: the same, checked.
    """

    X: Any
    problem: Problem

    @property
    def labels(self) -> NDArray[Any]:
        """The target `(n,)`: numbers, or classes themselves."""
        return self.problem.classes[self.problem.target] if len(self.problem.classes) else self.problem.target

    def take(self, rows: Ints) -> Rows:
        """Some of them."""
        if isinstance(self.X, np.ndarray | list | tuple):
            return Rows(np.asarray(self.X)[rows], self.problem.take(rows))
        return Rows(nw.from_native(self.X, eager_only=True)[rows].to_native(), self.problem.take(rows))


def split_rows(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Split off test rows, class by class; equal rows stay on one side."""
    kept = distinct(rows.problem.table, rows.problem.target, order="first")
    _, held = holdout(rows.problem.take(kept.rows).strata, share, derive(seed, _SPLIT))
    side = np.isin(kept.inverse, held)
    return rows.take(np.flatnonzero(~side)), rows.take(np.flatnonzero(side))


def read_rows(X: Any, y: Any, loss: Loss) -> Rows:
    """Check a table and its target: numbers for squared error, else classes."""
    problem = read_problem(X, y, task="regression" if loss == "squared" else "multiclass")
    if problem.rows < 2:
        raise InputError("one row is given; give at least 2, and 10 or more for a result that means something")
    return Rows(X, problem)


def matching_rows(X: Any, y: Any, like: Rows) -> Rows:
    """Check rows that have the columns and classes of others."""
    table = read_table(X)
    _check_columns(table, like.problem.table)
    if like.problem.task == "regression":
        target = read_numbers(y)
    else:
        places = {label: code for code, label in enumerate(like.problem.classes.tolist())}
        given = np.asarray(y).tolist()
        new = next((label for label in given if label not in places), None)
        if new is not None:
            raise InputError(f"y_test holds class {new!r}, which y has not; give rows of the classes in y")
        target = np.array([places[label] for label in given], dtype=np.int64)
    return Rows(X, _problem(table, target, like.problem.classes))


def drawn_rows(
    sampler: Callable[[int], tuple[Any, Any]], count: int, seed: int, *, loss: Loss, test: tuple[Any, Any]
) -> tuple[list[Rows], Rows]:
    """Fresh training sets and test rows, these too a draw where none are given; classes are those of them all.

    Raises:
        InputError: the sampler doesn't return a table and its target, or draws differ in their columns.
    """
    pairs = [_draw(sampler, derive(seed, _DRAW, number) % 2**32) for number in range(count)]
    pairs.append(_draw(sampler, derive(seed, _TEST) % 2**32) if test[0] is None else test)
    tables = [read_table(X) for X, _ in pairs]
    for table, (_, y) in zip(tables, pairs, strict=True):
        _check_columns(table, tables[0])
        if np.shape(y) != (table.rows,):
            raise InputError(f"a table has {table.rows} rows, its target shape {np.shape(y)}: give one for each row")
    if min(table.rows for table in tables[:-1]) < 2:
        raise InputError("the sampler draws one row only; give a sampler of at least 2")
    classes: NDArray[Any] = np.empty(0)
    if loss == "squared":
        targets: list[NDArray[Any]] = [read_numbers(y) for _, y in pairs]
    else:
        codes, classes = read_classes(np.concatenate([np.asarray(y) for _, y in pairs]))
        targets = np.split(codes, np.cumsum([table.rows for table in tables])[:-1])
    rows = [
        Rows(X, _problem(table, target, classes)) for (X, _), table, target in zip(pairs, tables, targets, strict=True)
    ]
    return rows[:-1], rows[-1]


def _problem(table: Table, target: NDArray[Any], classes: NDArray[Any]) -> Problem:
    if len(target) != table.rows:
        raise InputError(f"the table has {table.rows} rows, the target {len(target)}: give one for each row")
    if not table.rows:
        raise InputError("there is no test row; give one or more")
    tasks: dict[int, Task] = {0: "regression", 2: "binary"}
    return Problem(table, target, classes, tasks.get(len(classes), "multiclass"), np.ones(table.rows))


def _draw(sampler: Callable[[int], tuple[Any, Any]], seed: int) -> tuple[Any, Any]:
    drawn = sampler(seed)
    if not isinstance(drawn, tuple | list) or len(drawn) != 2:
        raise InputError(f"sampler returned {type(drawn).__name__}; it must return a table and its target, (X, y)")
    return drawn[0], drawn[1]


def _check_columns(table: Table, like: Table) -> None:
    if set(table.names) != set(like.names):
        apart = sorted(set(table.names) ^ set(like.names))
        raise InputError(f"test and training rows differ in their columns, e.g. {apart[0]!r}; give the same to both")
