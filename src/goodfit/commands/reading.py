"""From what a user names to a problem: a table and its target, or a folder of pictures, sounds or texts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import polars as pl

from goodfit.commands.large import column_of, groups_in, problem_in, rows_of
from goodfit.data.collecting import (
    CALLED,
    Collection,
    Medium,
    collect_folder,
    collect_paths,
    collect_texts,
    groups_of,
    guess_medium,
    texts_in,
)
from goodfit.data.databases import Query
from goodfit.data.gathering import Gathered
from goodfit.data.sources import Origin, folder_of, read_table
from goodfit.data.splits import distinct
from goodfit.data.target import check_class_sizes
from goodfit.errors import InputError, nearest
from goodfit.metrics import Task
from goodfit.studies.problem import Floats, Problem, placed, read_problem, read_times

LEAST_ROWS = 20
KINDS: dict[str, Medium] = {"image": "image", "audio": "sound", "text": "text"}
FOLDER_TARGET = "class"


@dataclass(frozen=True)
class Source:
    """What a user wants learned.

    Args:
        data: a table, a query to a database, or a folder with a folder a class.
        target: the column to predict, of a table.
        task: None to tell by the target.
        kind: what a row is; None for a table's line, or what a folder holds.
        column: of a table that holds texts, or the paths of files; None to tell.
        group: a column of a table, or a regular expression for the names of a folder's files: rows of one group are
            never on two sides of a split.
        time: a column of a table, of dates or numbers: no split learns from a row later than one it holds out.
        encoder: of texts: a frozen sentence encoder; "" for words.
        cache: a folder for the files of a table that memory can't hold; None to read every table whole.
        memory: bytes that a table and what is made of it may take in memory; None for what is free.
    """

    data: Origin
    target: str | None
    task: Task | None = None
    kind: Literal["table", "image", "text", "audio"] | None = None
    column: str | None = None
    group: str | None = None
    time: str | None = None
    encoder: str = ""
    cache: Path | None = None
    memory: int | None = None

    @property
    def title(self) -> str:
        """What a report is called."""
        if self.target or isinstance(self.data, Query):
            return f"{self.data.name}: {self.target}"
        return Path(os.path.realpath(self.data)).name


@dataclass(frozen=True, eq=False)
class Given:
    """A problem, and what a user should know of how it was read, a line each."""

    problem: Problem
    notes: tuple[str, ...] = ()


def read_source(source: Source, *, enough: bool = True) -> Given:
    """Read what is to be learned, and check that there is enough of it to learn from and to test on, if asked to.

    Raises:
        InputError: the data, the target, a column, or too few rows.
    """
    if isinstance(source.data, Path) and source.data.is_dir():
        return _from_folder(source, source.data, enough)
    if source.target is None:
        kind = "asks for rows" if isinstance(source.data, Query) else "is no folder of classes"
        raise InputError(f"{source.data.name} {kind}: name the column to predict with --target")
    _check_columns(source)
    kept_in = source.cache if source.kind in (None, "table") else None
    frame = rows_of(source.data, source.memory, kept_in) if kept_in else read_table(source.data)
    if isinstance(frame, Gathered):
        given, groups, times = _from_files(frame, source, source.target)
    else:
        groups = texts_in(frame, source.group) if source.group is not None else None
        times = _times(frame, source)
        frame = frame.drop([name for name in (source.group, source.time) if name is not None])
        given = _from_table(frame, source, source.target, enough)
    kept = () if times is None else (f"splits keep the order of {source.time!r}: rows held out are later",)
    return Given(placed(given.problem, groups=groups, times=times), (*given.notes, *kept))


def _from_files(found: Gathered, source: Source, target: str) -> tuple[Given, Any, Floats | None]:
    """The problem of a table that memory can't hold, its groups and its times."""
    inputs, name = found.table, source.data.name
    for used in (target, source.group, source.time):
        if used is not None:
            _check_name(used, found.table.names, name)
            inputs = inputs.drop(used)
    if not inputs.columns:
        raise InputError(f"{name} has no column but the target {target!r}: give columns to predict it from")
    groups = None if source.group is None else groups_in(found, source.group)
    moments = None if source.time is None else column_of(found.table, source.time)
    times = None if moments is None else read_times(moments, inputs.rows, f"column {source.time!r}")
    problem = _checked(problem_in(found, target, inputs, task=source.task), source.task, name, enough=True)
    again = "" if isinstance(source.data, Query) else ", which serve again for the same table"
    note = f"{inputs.rows:,} rows are learned from files in {source.cache}{again}"
    return Given(problem, (note,)), groups, times


def _times(frame: pl.DataFrame, source: Source) -> Floats | None:
    """The times of rows, if a column of them is named."""
    if source.time is None:
        return None
    return read_times(_column(frame, source.time, source.data.name), frame.height, f"column {source.time!r}")


def _from_table(frame: pl.DataFrame, source: Source, target: str, enough: bool) -> Given:
    if source.kind in (None, "table"):
        return Given(problem_of(frame, target, task=source.task, name=source.data.name, enough=enough))
    found = _collected(frame, source)
    labels = _column(frame, target, source.data.name)
    problem = read_problem(found.table, labels, task=source.task, name=target)
    return Given(_checked(problem, source.task, source.data.name, enough=enough), found.notes)


def _check_columns(source: Source) -> None:
    """Raise InputError where options name columns that can't be used so."""
    if source.encoder and source.kind != "text":
        raise InputError("--text-encoder reads texts: give --kind text too, or leave it away")
    if source.column is not None and source.kind in (None, "table"):
        raise InputError(
            f"column {source.column!r} is named, but not what it holds: give --kind text, image or audio too"
        )
    if source.group is not None and source.group in (source.target, source.column):
        raise InputError(f"--group names {source.group!r}, which is learned from or predicted: name another column")
    if source.time is not None and source.time in (source.target, source.column):
        raise InputError(f"--time names {source.time!r}, which is learned from or predicted: name another column")
    if source.time is not None and source.group is not None:
        raise InputError("--group and --time are given, and a group may last: keep groups whole or the order, not both")


def problem_of(
    frame: pl.DataFrame, target: str, *, task: Task | None = None, name: str, enough: bool = True
) -> Problem:
    """The problem of predicting a column of a frame from the others."""
    values = _column(frame, target, name)
    if len(frame.columns) == 1:
        raise InputError(f"{name} has no column but the target {target!r}: give columns to predict it from")
    if enough and frame.height < LEAST_ROWS:
        raise InputError(
            f"{name} has {frame.height} rows, too few to train, validate and test: give {LEAST_ROWS} or more"
        )
    return _checked(read_problem(frame.drop(target), values, task=task, name=target), task, name, enough=enough)


def _column(frame: pl.DataFrame, wanted: str, name: str) -> pl.Series:
    _check_name(wanted, frame.columns, name)
    return frame[wanted]


def _check_name(wanted: str, columns: Sequence[str], name: str) -> None:
    """Raise InputError, with what may be meant, where a table has no such column."""
    if wanted in columns:
        return
    near = nearest(wanted, columns)
    hint = f"did you mean {near!r}?" if near else f"its columns are {', '.join(columns[:8])}"
    more = ", ..." if not near and len(columns) > 8 else ""
    raise InputError(f"{name} has no column {wanted!r}: {hint}{more}")


def _checked(problem: Problem, task: Task | None, name: str, *, enough: bool) -> Problem:
    """The problem, if there is enough of it."""
    if enough and problem.rows < LEAST_ROWS:
        raise InputError(
            f"{name} has {problem.rows} rows, too few to train, validate and test: give {LEAST_ROWS} or more"
        )
    if enough and problem.task != "regression":
        check_class_sizes(problem.target, problem.classes, least=3)
    if task == "binary" and len(problem.classes) > 2:
        raise InputError(
            f"column {problem.name!r} of {name} has {len(problem.classes)} classes: give --task multiclass"
        )
    if not enough:
        return problem
    different = problem.bare.take(distinct(problem.content, problem.target, problem.weights, order="first").rows)
    if np.bincount(different.strata).max() < 3:
        raise InputError(
            f"{name} has {different.rows} different rows, too few to train, validate and test: give more of them"
        )
    return problem


def _from_folder(source: Source, folder: Path, enough: bool) -> Given:
    if source.target is not None:
        raise InputError(f"{folder} is a folder, and its folders are the classes: leave --target away")
    if source.kind == "table":
        raise InputError(f"{folder} is a folder: name a file in it, or give --kind image, audio or text")
    for column in (source.column, source.time):
        if column is not None:
            raise InputError(f"{folder} is a folder, which has no column {column!r}: leave that option away")
    kind = KINDS[source.kind] if source.kind else guess_medium(folder)
    if source.encoder and kind != "text":
        raise InputError(f"--text-encoder reads texts, and {folder} holds {CALLED[kind]}: leave it away")
    found = collect_folder(folder, kind)
    groups = groups_of(found.names, source.group) if source.group is not None else None
    table = replace(found.table, columns=tuple(replace(c, reader=source.encoder) for c in found.table.columns))
    problem = read_problem(table, list(found.labels), task=source.task, name=FOLDER_TARGET, groups=groups)
    return Given(_checked(problem, source.task, folder.name, enough=enough), found.notes)


def _collected(frame: pl.DataFrame, source: Source) -> Collection:
    kind = KINDS[cast(str, source.kind)]
    column = source.column or _only_text(frame, source)
    if column == source.target:
        raise InputError(f"column {column!r} is the target: name another one for the {kind}s")
    if kind == "text":
        return collect_texts(frame, column, reader=source.encoder)
    return collect_paths(frame, column, folder_of(source.data), kind)


def _only_text(frame: pl.DataFrame, source: Source) -> str:
    """The one column of text beside the target."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String and name != source.target]
    if len(texts) == 1:
        return texts[0]
    option = "--text-column" if source.kind == "text" else "--path-column"
    raise InputError(
        f"{source.data.name} has {len(texts)} columns of text beside the target: name the one to use with {option}"
    )
