"""Table -> matrix of inputs: centers, scales, seen levels, all learned from training rows only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from goodfit.data.measures import NO_FENCE, Measures, learned_measures, standardized
from goodfit.data.pieces import Pieces, fit_pieces
from goodfit.data.schema import CUT, DAY, MAX_LEVELS, Schema
from goodfit.data.shelf import parts
from goodfit.data.table import Column, Table
from goodfit.data.words import Vocabulary
from goodfit.regularizers.images.scale import to_inputs as pixels_to_inputs
from goodfit.sounds.mel import to_inputs as decibels_to_inputs
from goodfit.texts.sentences import embed

__all__ = ["MAX_LEVELS", "Encoder", "Schema", "fit_encoder"]

Floats = npt.NDArray[np.float64]

_BLOCK = 4_000_000  # cells worked on at once
_ROWS = 8192  # encoded at once, so that they stay in the cache


_NO_MEASURES = Measures(*np.empty((5, 0)))


@dataclasses.dataclass(frozen=True, eq=False)
class Encoder:
    """What was learned from training rows.

    measures: of the inputs that are measured (numbers, booleans, dates, frequencies) rather than 0 or 1.
    seen: of each category, the levels with an input that the training rows have. frequent: of a category with more
    than `MAX_LEVELS` levels, how many training rows each level has, where 2 or more. vocabulary: of a text. pieces: of
    each number that has them, where the training rows give 2 intervals or more; what they don't use stays 0.
    """

    schema: Schema
    measures: Measures
    seen: Mapping[str, tuple[str, ...]]
    frequent: Mapping[str, Mapping[str, int]]
    vocabulary: Vocabulary | None = None
    pieces: Mapping[str, Pieces] = dataclasses.field(default_factory=dict)

    def transform(
        self, table: Table, dtype: type[np.floating[Any]] = np.float32, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Encode a table of n rows, after `Schema.check`, as (n, D) of a float type, in `out` if it is given."""
        table = self.schema.check(table)
        out = np.zeros((table.rows, len(self.schema.input_names)), dtype=dtype) if out is None else out
        if self.schema.form.kind != "table":
            out[:] = self._media(table.columns[0], out.dtype.type)
            return out
        for part in parts(table.rows, _ROWS):
            self._write(table.part(part), out[part])
        return out

    def _write(self, table: Table, out: npt.NDArray[Any]) -> None:
        """Encode a checked table's rows into zeros."""
        dtype = out.dtype.type
        measured, positions = _measured(table, self.schema, self.frequent)
        limits = self._limits(float(np.finfo(dtype).max))
        for part in _blocks(len(measured), table.rows):
            z = standardized(np.stack(measured[part]), Measures(*(v[part, None] for v in self.measures)))
            out[:, positions[part]] = np.clip(z, -limits[part], limits[part]).T
        for field, column, start in zip(self.schema.fields, table.columns, self.schema.starts, strict=False):
            if field.kind == "category":
                codes = _input_of_level(column, field.levels, self.seen[field.name])[column.values]
                present = np.flatnonzero(column.values >= 0)
                out[present, start + codes[present]] = 1
            if field.kind == "date":
                turns = calendar(column.values, field.clock)
                out[:, start + 1 : start + 1 + len(turns)] = turns.T
            if field.name in self.pieces:
                own = self.pieces[field.name].transform(column.values, dtype)
                out[:, start + 1 : start + 1 + own.shape[1]] = own
            if field.missing:
                out[:, start + len(field.inputs) - 1] = column.missing

    def _limits(self, largest: float) -> Floats:
        """How far each measured input goes on both sides of 0, (P, 1)."""
        cut = np.array([field.cut for field in self.schema.fields if field.measured], dtype=bool)
        natural = self.measures.high == NO_FENCE
        return np.where(cut & ~natural, CUT, largest)[:, None]

    def _media(self, column: Column, dtype: type[np.floating[Any]]) -> npt.NDArray[Any]:
        """Pictures and sounds on a scale that is the same for all data; texts by their vocabulary."""
        width = math.prod(self.schema.form.shape)
        if column.kind == "text":
            described = self.describe(column.levels, dtype)
            out = np.zeros((len(column.values), width), dtype=dtype)
            present = column.values >= 0
            out[present, : described.shape[1]] = described[column.values[present]]
            return out
        if column.kind == "image":
            return pixels_to_inputs(column.values).astype(dtype).reshape(-1, width)
        return decibels_to_inputs(torch.from_numpy(column.values)).numpy().astype(dtype).reshape(-1, width)

    def describe(self, texts: Sequence[str], dtype: type[np.floating[Any]] = np.float32) -> npt.NDArray[Any]:
        """Texts as `(n, T)`: by the sentence encoder that reads them, or by the vocabulary."""
        reader = self.schema.fields[0].reader
        if reader:
            return embed(texts, reader).astype(dtype)
        return (self.vocabulary or Vocabulary((), ())).transform(texts, dtype)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, texts and numbers, for JSON; floats come back bit for bit."""
        return {
            "schema": self.schema.to_dict(),
            "measures": {name: values.tolist() for name, values in self.measures._asdict().items()},
            "seen": {name: list(levels) for name, levels in self.seen.items()},
            "frequent": {name: dict(counts) for name, counts in self.frequent.items()},
            "vocabulary": self.vocabulary.to_dict() if self.vocabulary else None,
            "pieces": {name: own.to_dict() for name, own in self.pieces.items()},
        }

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Encoder:
        """The inverse of `to_dict`."""
        measures = Measures(*(np.array(state["measures"][name], dtype=np.float64) for name in Measures._fields))
        seen = {name: tuple(levels) for name, levels in state["seen"].items()}
        words = Vocabulary.from_dict(state["vocabulary"]) if state.get("vocabulary") else None
        pieces = {name: Pieces.from_dict(own) for name, own in state.get("pieces", {}).items()}
        return Encoder(Schema.from_dict(state["schema"]), measures, seen, state["frequent"], words, pieces)


def fit_encoder(
    table: Table,
    schema: Schema,
    rows: npt.NDArray[np.int64] | None = None,
    weights: Floats | None = None,
    *,
    standardize: bool = True,
) -> Encoder:
    """Learn centers, scales, levels and the intervals of pieces from training rows.

    Within Tukey's outer fences [Q1 - 3 IQR, Q3 + 3 IQR] of a column (its range where IQR is 0), with m the weighted
    mean and s the weighted population standard deviation of the values there:

        z = (x - m) / s,    and beyond a fence f > 0:    z -> f + log(1 + z - f),    likewise below.

    A column that the schema cuts has min(max(z, -3), 3) instead, unless it is left as it is.

    Args:
        table: n rows.
        schema: shared by all folds, from `Schema.of`.
        rows: shape (t,), the training rows; no other row has any influence. None is all.
        weights: shape (n,), sample weights of all n rows, 0 or more; quantiles and frequencies ignore them. None: all
            equal.
        standardize: False leaves number and boolean columns as they are, missing values at the training mean; dates and
            frequencies have no natural scale and are standardized all the same.

    Example:
        >>> from goodfit.data.table import to_table
        >>> table = to_table([[0.0], [2.0], [0.0], [2.0]])
        >>> fit_encoder(table, Schema.of(table)).transform(table).ravel()
        array([-1.,  1., -1.,  1.], dtype=float32)

    Source:
        Fences: Tukey, Exploratory Data Analysis (1977), 2D.
    """
    table = schema.check(table)
    if rows is not None:
        table, weights = table.take(rows), None if weights is None else weights[rows]
    weights = np.ones(table.rows) if weights is None else np.asarray(weights, dtype=np.float64)
    seen, frequent = _levels(table, schema)
    if schema.form.kind != "table":
        return Encoder(schema, _NO_MEASURES, {}, {})
    measured, _ = _measured(table, schema, frequent)
    natural = [not standardize and field.kind in ("number", "boolean") for field in schema.fields if field.measured]
    learned = np.empty((5, len(measured)))
    for part in _blocks(len(measured), table.rows):
        learned[:, part] = learned_measures(np.stack(measured[part]), weights, np.array(natural[part])[:, None])
    return Encoder(schema, Measures(*learned), seen, frequent, pieces=_pieces(table, schema, weights))


def calendar(seconds: Floats, clock: bool) -> Floats:
    """Sine and cosine of the day of the year and of the week, with clock also of the time of day; NaN gives 0.

    seconds since 1970-01-01 UTC are (n,), the result (4, n) or (6, n).
    """
    present = ~np.isnan(seconds)
    days = np.floor(np.where(present, seconds, 0.0) / DAY)
    dates = days.astype("datetime64[D]")
    turns = [(dates - dates.astype("datetime64[Y]")).astype(np.float64) / 365.25, (days + 3) % 7 / 7]  # Monday is 0
    if clock:
        turns.append(np.where(present, seconds, 0.0) / DAY % 1.0)
    angles = 2 * np.pi * np.stack(turns)
    return np.stack([np.sin(angles), np.cos(angles)], axis=1).reshape(2 * len(turns), -1) * present


def _pieces(table: Table, schema: Schema, weights: Floats) -> dict[str, Pieces]:
    columns = zip(schema.fields, table.columns, strict=True)
    found = {field.name: fit_pieces(c.values, weights, field.pieces) for field, c in columns if field.pieces}
    return {name: pieces for name, pieces in found.items() if pieces}


def _levels(table: Table, schema: Schema) -> tuple[dict[str, tuple[str, ...]], dict[str, dict[str, int]]]:
    """Of each category, the levels with inputs that the rows have, and where used how many rows each level has."""
    seen, frequent = {}, {}
    for field, column in zip(schema.fields, table.columns, strict=True):
        if field.kind == "category":
            counts = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
            having = {column.levels[code] for code in np.flatnonzero(counts)}
            seen[field.name] = tuple(level for level in field.levels if level in having)
            if field.frequency:
                frequent[field.name] = {column.levels[code]: int(counts[code]) for code in np.flatnonzero(counts > 1)}
    return seen, frequent


def _measured(
    table: Table, schema: Schema, frequent: Mapping[str, Mapping[str, int]]
) -> tuple[list[Floats], npt.NDArray[np.int64]]:
    """The inputs that are measured rather than 0 or 1, each (n,), NaN where missing, and their places in the matrix.

    A level's frequency is the log of its number of training rows; a new level counts as one that occurred once.
    """
    values, positions = [], []
    for field, column, start in zip(schema.fields, table.columns, schema.starts, strict=False):
        if not field.measured:
            continue
        if field.kind != "category":
            values.append(column.values)
            positions.append(start)
        else:
            counts = frequent[field.name]
            logs = np.array([*(np.log(counts.get(level, 1)) for level in column.levels), np.nan])
            values.append(logs[column.values])
            positions.append(start + len(field.levels) + 1)
    return values, np.array(positions, dtype=np.int64)


def _input_of_level(column: Column, own: tuple[str, ...], seen: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Which input each of the column's levels sets: its own where training rows had it, else the one after all."""
    among = set(seen)
    places = {level: place for place, level in enumerate(own) if level in among}
    return np.array([*(places.get(level, len(own)) for level in column.levels), len(own)], dtype=np.int64)


def _blocks(count: int, rows: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(rows, 1))
    return (slice(start, start + step) for start in range(0, count, step))
