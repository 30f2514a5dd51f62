"""A table that memory can't hold: read piece by piece into files beside the run, and learned from there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goodfit.data.batches import Batches, batches
from goodfit.data.gathering import Gathered, gather
from goodfit.data.readers import whole_only
from goodfit.data.table import Column, Table, counted
from goodfit.data.target import guess_task, positive, read_classes, read_numbers
from goodfit.errors import InputError
from goodfit.metrics import Task
from goodfit.studies.problem import Problem
from goodfit.training.memory import free_memory

COPIES = 4
"""Times that a table is in memory while networks learn from it: as it was read, its parts, and encoded."""


def if_large(path: Path, memory: int | None) -> Batches | None:
    """A table file in pieces if the job would take more memory than it may; None if it is to be read whole.

    Args:
        path: a table file.
        memory: bytes; None for what is free.
    """
    if whole_only(path):
        return None
    found = batches(path)
    return found if COPIES * found.size > (free_memory() if memory is None else memory) else None


def gathered(source: Batches, path: Path, folder: Path) -> Gathered:
    """A large table in files, known again by its content."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 24):
                digest.update(piece)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    return gather(source, digest.hexdigest(), folder)


def problem_in(found: Gathered, target: str, inputs: Table, *, task: Task | None) -> Problem:
    """The problem of predicting a column of a table in files.

    Args:
        found: the table.
        target: the column to predict.
        inputs: the columns to predict it from.
        task: None to tell by the target.
    """
    table, column = inputs, column_of(found.table, target)
    _refuse_missing(column)
    different = np.unique(column.values)
    values = _raw(column, different, found.types[target])
    kind = task or guess_task(values)
    shares = np.ones(table.rows)
    if kind == "regression":
        read_numbers(values)
        return Problem(table, np.array(column.values), np.empty(0), "regression", shares, target)
    own, classes = read_classes(values)
    codes = own[np.searchsorted(different, column.values)]
    alarm = positive(codes) if len(classes) == 2 else None
    return Problem(table, codes, classes, "multiclass" if alarm is None else "binary", shares, target, alarm)


def groups_in(found: Gathered, name: str) -> NDArray[np.int64]:
    """The group of each row, from 0, in the order of their names."""
    column = column_of(found.table, name)
    if column.missing.any():
        raise InputError(f"column {name!r} has no value in row {int(column.missing.argmax()) + 1}: give one")
    different, group = np.unique(column.values, return_inverse=True)
    names = _raw(column, different, found.types[name]).cast(pl.String).to_numpy().astype(str)
    return np.asarray(np.argsort(np.argsort(names))[group], dtype=np.int64)


def for_search(problem: Problem, most: int, seed: int) -> Problem:
    """The problem that a search learns from: of a table in files so many of its rows at most, at random, in memory."""
    if problem.table.shelf is None:
        return problem
    rows = np.random.default_rng(seed).choice(problem.rows, min(most, problem.rows), replace=False)
    return replace(problem, table=replace(problem.table, shelf=None)).take(np.sort(rows))


def column_of(table: Table, name: str) -> Column:
    """A column by its name."""
    return next(column for column in table.columns if column.name == name)


def _refuse_missing(column: Column) -> None:
    missing = np.flatnonzero(column.missing)
    if missing.size:
        raise InputError(
            f"the target has {counted(missing.size, 'missing value')} (NaN or empty), first in row {missing[0] + 1}: "
            "leave out the rows without one"
        )


def _raw(column: Column, values: NDArray[np.generic], dtype: str) -> pl.Series:
    """Values of a column as the source had them."""
    if column.kind == "category":
        return pl.Series([column.levels[code] for code in values.tolist()], dtype=pl.String)
    if column.kind == "date":
        return pl.Series(np.asarray(values, np.float64) * 1e6).cast(pl.Int64).cast(pl.Datetime("us"))
    known = pl.Boolean if dtype == "Boolean" else getattr(pl, dtype) if "Int" in dtype else pl.Float64
    return pl.Series(values).cast(known)
