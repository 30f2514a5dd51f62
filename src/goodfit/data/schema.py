"""What all folds share: which columns are used, as what, and the network inputs that they give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, cast

import numpy as np

from goodfit.data.media import MEDIA, medium_of
from goodfit.data.pieces import FEWEST, room_for
from goodfit.data.table import WORDS, Column, Kind, Table, listed
from goodfit.errors import InputError
from goodfit.regularizers.form import Form
from goodfit.texts.sentences import width_of

MAX_LEVELS = 128  # a category's levels with an input of their own; what is rarer shares one

CUT = 3.0  # standard deviations

DAY = 86400.0
DATE_PARTS = ("year day sin", "year day cos", "week day sin", "week day cos")
CLOCK_PARTS = ("hour sin", "hour cos")


@dataclass(frozen=True)
class Field:
    """A used column: its kind, the levels with an input of their own, and which further inputs it has.

    missing: an indicator of missing values; frequency: how common the category's level is; clock: the time of day.
    shape: of the inputs of a picture, a sound or a text; reader: the sentence encoder of a text, if any.
    pieces: how many further inputs a number has that say how far it has come through an interval.
    cut: whether a standardized number ends at `CUT` on both sides.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    missing: bool = False
    frequency: bool = False
    clock: bool = False
    shape: tuple[int, ...] = ()
    reader: str = ""
    pieces: int = 0
    cut: bool = False

    @property
    def measured(self) -> bool:
        """Whether it has an input that is measured rather than 0 or 1."""
        return self.frequency or self.kind in ("number", "boolean", "date")

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs, in order."""
        if self.kind in MEDIA:
            return tuple(f"{self.name}[{place}]" for place in range(math.prod(self.shape)))
        if self.kind == "category":
            own = [*(f"{self.name}={level}" for level in self.levels), f"{self.name} (other)"]
            own += [f"{self.name} (frequency)"] * self.frequency
        else:
            own = [self.name, *(f"{self.name}[{piece}]" for piece in range(1, self.pieces + 1))]
        if self.kind == "date":
            own += [f"{self.name} ({part})" for part in DATE_PARTS + CLOCK_PARTS * self.clock]
        return (*own, f"{self.name} (missing)") if self.missing else tuple(own)


@dataclass(frozen=True)
class Schema:
    """The used columns in order, one line for each reason why others are not used, and the inputs that follow.

    number: itself, then its pieces if wanted. boolean: itself. category: one input a level, one for any other level,
    and its frequency where there are more than `MAX_LEVELS`. date: elapsed time, then sine and cosine of the day of the
    year, of the week, and of the time of day where there is one. Each: last, an indicator of missing values where the
    table has any. A picture's pixels, a sound's spectrogram or a text's terms are the whole of a row.
    """

    fields: tuple[Field, ...]
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(table: Table, pieces: int = 0, *, cut: bool = False) -> Schema:
        """Read the structure off a whole table: names, kinds, levels, missing values; of numbers only how many differ.

        Args:
            table: n rows.
            pieces: further inputs of a number at most (`piecewise`): as many, or one fewer than the column has distinct
                values; none where that is below 2. 0 is none.
            cut: whether standardized numbers end at `CUT` deviations: a network can't extend a trend beyond.

        Raises:
            InputError: no column can be used: each is empty, constant, or text that is different in every row.

        Example:
            >>> from goodfit.data.table import to_table
            >>> Schema.of(to_table([[1.5, "a"], [None, "b"], [2.5, "a"]], names=["size", "colour"])).input_names
            ('size', 'size (missing)', 'colour=a', 'colour (other)')
        """
        medium_of(table)
        reasons = [_why_not(column, table.rows) for column in table.columns]
        notes = tuple(_notes(dict(zip(table.names, reasons, strict=True))))
        fields = tuple(_field(c, pieces, cut) for c, reason in zip(table.columns, reasons, strict=True) if not reason)
        if not fields:
            raise InputError(f"no column can be used: {'; '.join(notes)}")
        return Schema(fields, notes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The used columns' names."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """The inputs' names, (D,)."""
        return tuple(name for field in self.fields for name in field.inputs)

    @cached_property
    def input_columns(self) -> tuple[int, ...]:
        """Which of `names` each input comes from, (D,)."""
        return tuple(i for i, field in enumerate(self.fields) for _ in field.inputs)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Each used column's first input, and at the end D."""
        return tuple(accumulate((len(field.inputs) for field in self.fields), initial=0))

    @cached_property
    def form(self) -> Form:
        """What a row of inputs is."""
        kind = self.fields[0].kind
        if kind in ("image", "sound", "text"):
            return Form(cast(Any, kind), self.fields[0].shape)
        return Form("table", (len(self.input_names),), self.input_columns)

    def check(self, table: Table) -> Table:
        """Bring a new table to the used columns in order; others are ignored, new levels are welcome.

        Raises:
            InputError: a column is absent, or has another type and is not empty.
        """
        by_name = {column.name: column for column in table.columns}
        absent = [name for name in self.names if name not in by_name]
        if absent:
            which = f"column {absent[0]!r} is" if len(absent) == 1 else f"columns {listed(absent)} are"
            raise InputError(f"{which} missing from the new table: add what the training had, empty where unknown")
        return replace(table, columns=tuple(_fitting(by_name[field.name], field) for field in self.fields))

    def with_pieces(self, most: int, *, cut: bool = False) -> Schema:
        """What `Schema.of` reads off the same table with fewer pieces of a number; it needn't look at the rows again.

        Args:
            most: pieces of a number at most, no more than this schema was read with.
            cut: whether standardized numbers end at `CUT` deviations.
        """
        return Schema(tuple(_narrowed(field, most, cut) for field in self.fields), self.notes)

    def with_shape(self, shape: tuple[int, ...]) -> Schema:
        """The schema of a text whose inputs have this shape."""
        return Schema((replace(self.fields[0], shape=shape),), self.notes)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, texts and booleans, for JSON."""
        return {"fields": [asdict(field) for field in self.fields], "notes": list(self.notes)}

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Schema:
        """The inverse of `to_dict`."""
        fields = (
            replace(Field(**field), levels=tuple(field["levels"]), shape=tuple(field.get("shape", ())))
            for field in state["fields"]
        )
        return Schema(tuple(fields), tuple(state["notes"]))


def _why_not(column: Column, rows: int) -> str:
    """The reason why a column is not used, or nothing."""
    missing = int(column.missing.sum())
    if missing == rows:
        return "empty in every row"
    if missing:
        return ""
    if column.kind in MEDIA:
        return "the same in every row" if (column.values == column.values[:1]).all() else ""
    if column.values.min() == column.values.max():
        return "the same in every row"
    if column.kind == "category" and np.bincount(column.values).max() == 1:
        return "different in every row"
    return ""


def _notes(reasons: Mapping[str, str]) -> list[str]:
    lines = []
    for reason in dict.fromkeys(filter(None, reasons.values())):
        names = [name for name, why in reasons.items() if why == reason]
        if len(names) > 3:
            lines.append(f"{len(names)} columns are {reason}: not used ({listed(names)})")
        else:
            lines += [f"column {name!r} is {reason}: not used" for name in names]
    return lines


def _field(column: Column, pieces: int, cut: bool) -> Field:
    if column.kind in MEDIA:
        return Field(column.name, column.kind, shape=_shape(column), reader=column.reader)
    missing = column.missing
    if column.kind == "category":
        counts = np.bincount(column.values[~missing], minlength=len(column.levels))
        common = [code for code in np.argsort(-counts, kind="stable")[:MAX_LEVELS] if counts[code] > 1]
        levels = tuple(column.levels[code] for code in sorted(common))
        return Field(column.name, "category", levels, bool(missing.any()), int((counts > 0).sum()) > MAX_LEVELS)
    clock = column.kind == "date" and bool((column.values[~missing] % DAY).any())
    room = room_for(column.values, pieces) if column.kind == "number" and pieces else 0
    cut = cut and column.kind == "number"
    return Field(column.name, column.kind, missing=bool(missing.any()), clock=clock, pieces=room, cut=cut)


def _narrowed(field: Field, most: int, cut: bool) -> Field:
    count = min(field.pieces, most)
    return replace(field, pieces=count if count >= FEWEST else 0, cut=cut and field.kind == "number")


def _shape(column: Column) -> tuple[int, ...]:
    """Of the inputs of a picture `(C, H, W)` or a sound `(1, bands, frames)`; a text's follows from its vocabulary."""
    if column.kind == "text":
        return (width_of(column.reader) if column.reader else 0,)
    shape = column.values.shape[1:]
    return tuple(shape) if column.kind == "image" else (1, *shape)


def _fitting(column: Column, field: Field) -> Column:
    found = _as_kind(column, field.kind)
    if found.kind in ("image", "sound") and _shape(found) != field.shape:
        raise InputError(
            f"{WORDS[found.kind]} of column {column.name!r} have shape {_shape(found)}, those of the training had "
            f"{field.shape}: bring them to that shape"
        )
    return found


def _as_kind(column: Column, kind: Kind) -> Column:
    if column.kind == kind:
        return column
    if kind == "text" and column.kind == "category":
        return replace(column, kind=kind)
    missing = column.missing
    if missing.all():
        nothing = np.full(len(missing), -1, np.int32) if kind == "category" else np.full(len(missing), np.nan)
        return Column(column.name, kind, nothing)
    unfit = np.ones(len(missing), dtype=bool) if column.kind in MEDIA else ~missing
    if {column.kind, kind} == {"boolean", "number"}:
        unfit &= ~np.isin(column.values, (0, 1))
    if not unfit.any():
        return replace(column, kind=kind)
    row = int(np.flatnonzero(unfit)[0])
    raise InputError(
        f"column {column.name!r} holds {WORDS[column.kind]}, e.g. {column.example(row)} in row {row + 1}, but was "
        f"{WORDS[kind]} in training: give {WORDS[kind]}, or leave it empty"
    )
