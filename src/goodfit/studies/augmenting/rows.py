"""Synthetic rows of a table, written as its own rows are, and where they lie among these."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import polars as pl

from goodfit.data.synthetic import smote_points
from goodfit.data.table import Column, Table
from goodfit.regularizers import Recipe
from goodfit.studies.enlarging import Added, add_rows
from goodfit.studies.problem import Floats, Ints, Problem

MOST_DECIMALS = 6
"""A column of more is not rounded."""


@dataclass(frozen=True, eq=False)
class Synthesis:
    """Synthetic rows of a table.

    Args:
        problem: the table's own rows, n of them.
        added: the synthetic ones, s of them; `parents[:, :2]` are the two rows that each lies between.
        frame: the synthetic rows as the table has its own.
    """

    problem: Problem
    added: Added
    frame: pl.DataFrame

    @property
    def counts(self) -> list[tuple[str, int, int]]:
        """Each class with its real and its synthetic rows."""
        names = [str(name) for name in self.problem.classes.tolist()]
        real, made = (np.bincount(codes, minlength=len(names)) for codes in (self.problem.target, self.added.codes))
        return list(zip(names, real.tolist(), made.tolist(), strict=True))


def synthesize(frame: pl.DataFrame, target: str, problem: Problem, recipe: Recipe, seed: int) -> Synthesis:
    """Make synthetic rows of all rows of a table.

    Args:
        frame: the table as it was read, the target among its columns.
        target: its name.
        problem: the same table, checked.
        recipe: what adds rows.
        seed: of everything random.

    Raises:
        InputError: a class has too few rows.
    """
    added = cast(Added, add_rows(problem, np.arange(problem.rows), recipe, seed))
    columns = {column.name: column for column in added.table.columns}
    classes = [problem.classes.tolist()[code] for code in added.codes.tolist()]
    written = [
        pl.Series(name, classes, strict=False).cast(frame[name].dtype)
        if name == target
        else written_as(columns[name], frame[name])
        for name in frame.columns
    ]
    return Synthesis(problem, added, pl.DataFrame(written))


def written_as(column: Column, like: pl.Series) -> pl.Series:
    """Values of a column as a table has them: whole numbers whole, as many decimals, dates as dates, levels as text.

    Example:
        >>> written_as(Column("price", "number", np.array([1.23456, np.nan])), pl.Series([0.5, 2.25])).to_list()
        [1.23, None]
    """
    name, dtype, values = like.name, like.dtype, column.values
    if column.kind == "category":
        texts = [column.levels[code] if code >= 0 else None for code in values.tolist()]
        return pl.Series(name, texts, dtype=pl.String)
    if column.kind == "boolean":
        return _numbers(name, values).cast(pl.Boolean)
    if column.kind == "date":
        return _numbers(name, np.rint(values * 1e6)).cast(pl.Int64).cast(_instants(dtype)).cast(dtype)
    if dtype == pl.Duration:
        return _numbers(name, np.rint(values * 1e6)).cast(pl.Int64).cast(pl.Duration("us")).cast(dtype)
    if dtype == pl.Time:
        return _numbers(name, np.rint(values * 1e9)).cast(pl.Int64).cast(pl.Time)
    if dtype.is_integer():
        return _numbers(name, np.rint(values)).cast(dtype)
    return _numbers(name, _rounded(values, like)).cast(dtype)


def components(synthesis: Synthesis) -> tuple[Floats, Floats, float]:
    """Real rows `(n, 2)` and synthetic rows `(s, 2)` along the two directions in which they vary most.

    Directions are those of the points whose distances SMOTE goes by; each points where its largest weight is positive.

    Returns:
        The two, and the share of the variance that these directions hold.
    """
    table, added = synthesis.problem.table, synthesis.added
    whole = _stacked(table, added.table)
    points = smote_points(whole, np.concatenate([synthesis.problem.target, added.codes]))
    centred = points - points.mean(0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    best = directions[:, ::-1][:, :2]
    best = best * np.sign(best[np.abs(best).argmax(0), np.arange(best.shape[1])])
    places = np.zeros((whole.rows, 2))
    places[:, : best.shape[1]] = centred @ best
    share = float(variances[-2:].sum() / max(float(variances.sum()), np.finfo(float).tiny))
    return places[: table.rows], places[table.rows :], share


def telling_columns(problem: Problem) -> list[str]:
    r"""The two columns of numbers that tell classes apart best, by the share of their variance between classes.

    Source:
        Fisher, "Statistical methods for research workers", 1925: the correlation ratio.
    """
    told = {
        column.name: _between_classes(column.values, problem.target)
        for column in problem.table.columns
        if column.kind == "number"
    }
    return [name for name in sorted(told, key=lambda name: -told[name]) if told[name] > 0.0][:2]


def _between_classes(values: Floats, codes: Ints) -> float:
    present = ~np.isnan(values)
    kept, classes = values[present], codes[present]
    total = float(kept.var()) if len(kept) else 0.0
    if not total > 0.0:
        return 0.0
    counts = np.bincount(classes)
    means = np.bincount(classes, kept) / np.maximum(counts, 1)
    return float((counts * (means - kept.mean()) ** 2).sum() / (len(kept) * total))


def _stacked(table: Table, more: Table) -> Table:
    pairs = zip(table.columns, more.columns, strict=True)
    columns = (replace(one, values=np.concatenate([one.values, other.values])) for one, other in pairs)
    return Table(tuple(columns), table.rows + more.rows)


def _numbers(name: str, values: Floats) -> pl.Series:
    return pl.Series(name, values, dtype=pl.Float64).fill_nan(None)


def _instants(dtype: Any) -> pl.Datetime:
    zone = dtype.time_zone if isinstance(dtype, pl.Datetime) else None
    return pl.Datetime("us", zone)


def _rounded(values: Floats, like: pl.Series) -> Floats:
    """Values with as many decimals as a column has; as they are where it has more than `MOST_DECIMALS`."""
    own = like.drop_nulls().cast(pl.Float64).to_numpy()
    for decimals in range(MOST_DECIMALS + 1):
        if np.array_equal(np.round(own, decimals), own):
            return np.asarray(np.round(values, decimals))
    return values
