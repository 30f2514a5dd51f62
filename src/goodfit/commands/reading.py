"""From a file and the name of its target to a problem."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np
import polars as pl

from goodfit.data.readers import read
from goodfit.data.target import check_class_sizes
from goodfit.errors import InputError
from goodfit.metrics import Task
from goodfit.studies.problem import Problem, read_problem

LEAST_ROWS = 20


def read_file(path: Path, target: str, task: Task | None, *, enough: bool = True) -> Problem:
    """Read a table and check that there is enough of it to learn from and to test on, unless `enough` is False.

    Raises:
        InputError: the file, the target, or too few rows.
    """
    return problem_of(read(path), target, task=task, name=path.name, enough=enough)


def problem_of(
    frame: pl.DataFrame, target: str, *, task: Task | None = None, name: str, enough: bool = True
) -> Problem:
    """The problem of predicting a column of a frame from the others."""
    if target not in frame.columns:
        near = difflib.get_close_matches(target, frame.columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(frame.columns[:8])}"
        more = ", ..." if not near and len(frame.columns) > 8 else ""
        raise InputError(f"{name} has no column {target!r}: {hint}{more}")
    if len(frame.columns) == 1:
        raise InputError(f"{name} has no column but the target {target!r}: give columns to predict it from")
    if enough and frame.height < LEAST_ROWS:
        raise InputError(
            f"{name} has {frame.height} rows, too few to train, validate and test: give {LEAST_ROWS} or more"
        )
    problem = read_problem(frame.drop(target), frame[target], task=task, name=target)
    if enough and problem.task != "regression":
        check_class_sizes(problem.target, problem.classes, least=3)
    if task == "binary" and len(problem.classes) > 2:
        raise InputError(f"column {target!r} of {name} has {len(problem.classes)} classes: give --task multiclass")
    different = problem.merged()
    if enough and np.bincount(different.strata).max() < 3:
        raise InputError(
            f"{name} has {different.rows} different rows, too few to train, validate and test: give more of them"
        )
    return problem
