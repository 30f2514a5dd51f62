"""A table that memory can't hold: read piece by piece into files beside the run, and learned from there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from uuid import uuid4

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goodfit.commands.terminal import counting
from goodfit.data import databases
from goodfit.data.batches import Batches, batches
from goodfit.data.databases import Query
from goodfit.data.gathering import Gathered, gather
from goodfit.data.readers import whole_only
from goodfit.data.sources import Origin, read_table
from goodfit.data.splits import holdout
from goodfit.data.table import Column, Table, counted
from goodfit.data.target import guess_task, positive, read_classes, read_numbers
from goodfit.errors import InputError
from goodfit.locking import alone_in
from goodfit.metrics import Task
from goodfit.studies.problem import Problem
from goodfit.training.memory import free_memory

COPIES = 4
"""Times that a table is in memory while networks learn from it: as it was read, its parts, and encoded."""


def rows_of(origin: Origin, memory: int | None, folder: Path) -> pl.DataFrame | Gathered:
    """The rows of a table file or a query: whole, or in files where the job would take more memory than it may.

    Args:
        origin: where they come from.
        memory: bytes; None for what is free.
        folder: for the files. Those of a table file serve again for the same content; a query is asked each time.
    """
    most = (free_memory() if memory is None else memory) // COPIES
    if isinstance(origin, Query):
        return _answered(origin, most, folder)
    if whole_only(origin) or (source := batches(origin)).size <= most:
        return read_table(origin)
    return _gathered(source, _fingerprint(origin), folder)


def frames_of(origin: Origin, memory: int | None, texts: frozenset[str]) -> Iterator[pl.DataFrame]:
    """The rows of a table file or a query, in one piece where memory holds it.

    Args:
        origin: where they come from.
        memory: bytes; None for what is free.
        texts: columns that are text whatever they look like, where a file is read in pieces.
    """
    if isinstance(origin, Query):
        return databases.batches(origin.url, origin.text)
    most = (free_memory() if memory is None else memory) // COPIES
    if whole_only(origin) or (source := batches(origin)).size <= most:
        return iter([read_table(origin)])
    return source.frames(texts)


def _answered(query: Query, most: int, folder: Path) -> pl.DataFrame | Gathered:
    """A query's rows: in memory until they are too many for it."""
    frames = databases.batches(query.url, query.text)
    held: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        held.append(frame)
        size += 8 * frame.height * frame.width
        if size > most:
            return _gathered(_asked_once(query.name, size, chain(_emptied(held), frames)), uuid4().hex, folder)
    return pl.concat(held)


def _asked_once(name: str, size: int, frames: Iterator[pl.DataFrame]) -> Batches:
    """A database's columns have one type each, so its rows are never begun anew."""
    return Batches(name, size, lambda _: frames)


def _gathered(source: Batches, fingerprint: str, folder: Path) -> Gathered:
    with alone_in(folder), counting("reading") as on_rows:
        return gather(source, fingerprint, folder, on_rows)


def _emptied(held: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    while held:
        yield held.pop(0)


def _fingerprint(path: Path) -> str:
    """Of a file's kind and content."""
    digest = hashlib.blake2b("".join(path.suffixes).lower().encode(), digest_size=16)  # by which it is read
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 24):
                digest.update(piece)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    return digest.hexdigest()


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
    _refuse_merged(column, found.types[target])
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
    """The group of each row, from 0, in the order of their names; rows without one are a group."""
    column = column_of(found.table, name)
    _refuse_merged(column, found.types[name])
    different, group = np.unique(column.values, return_inverse=True)
    known = different >= 0 if column.kind == "category" else ~np.isnan(different)
    names = np.full(len(different), "", dtype=object)
    names[known] = _raw(column, different[known], found.types[name]).cast(pl.String).to_list()
    return np.asarray(np.argsort(np.argsort(names.astype(str)))[group], dtype=np.int64)


def _refuse_merged(column: Column, dtype: str) -> None:
    """Raise InputError where whole numbers are so large that neighbours are one float."""
    if "Int" in dtype and bool((np.abs(column.values) >= 2**53).any()):
        raise InputError(
            f"column {column.name!r} holds whole numbers beyond 2^53, which files can't tell apart: make it text"
        )


def for_search(problem: Problem, most: int, seed: int) -> Problem:
    """The problem that a search learns from: of a table in files about so many rows, class by class, in memory."""
    if problem.table.shelf is None:
        return problem
    rows = np.arange(problem.rows)
    if most < problem.rows:
        _, rows = holdout(problem.strata, most / problem.rows, seed, problem.groups)
    return replace(problem, table=replace(problem.table, shelf=None)).take(rows)


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
