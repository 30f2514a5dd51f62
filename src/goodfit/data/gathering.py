"""Frames to a table whose columns lie in files: read once, and found again by what they were read from.

columns/0.f8, 1.i4, ...   values of each column, as `Column` has them
columns/table.json        names, kinds, levels, types; fingerprint of the source; written last
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from goodfit.data.batches import Batches, Texts, counted_from
from goodfit.data.shelf import Shelf, parts
from goodfit.data.table import Column, Kind, Table, listed, to_column
from goodfit.errors import InputError

FORMAT = 1
COLUMNS, TABLE = "columns", "table.json"
MOST_LEVELS = 5_000_000
"""Different texts of a column that are kept in memory."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """A table in files.

    Args:
        table: its columns lie in files.
        types: the type of each column in the source, as polars names it.
        reused: whether it was read from the source before.
    """

    table: Table
    types: dict[str, str]
    reused: bool


def gather(
    source: Batches, fingerprint: str, folder: Path, on_rows: Callable[[int], None] = lambda _: None
) -> Gathered:
    """Read a table into files, or find it there.

    Args:
        source: the table.
        fingerprint: of its content: files of another are replaced.
        folder: for the files, and for what is made of them.
        on_rows: called after each piece with the rows read.

    Raises:
        InputError: the source, or no room for the files.
    """
    found = _found(folder, fingerprint)
    if found is None:
        shutil.rmtree(folder / COLUMNS, ignore_errors=True)
        try:
            (folder / COLUMNS).mkdir(parents=True, exist_ok=True)
            _write(source, fingerprint, folder / COLUMNS, on_rows)
            pa.default_memory_pool().release_unused()
        except BaseException as error:
            shutil.rmtree(folder / COLUMNS, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise InputError(
                f"{source.name} is larger than memory, and its columns can't be written to {folder}: {error.strerror}; "
                "make room there, or name another folder with --cache"
            ) from None
    described = found or json.loads((folder / COLUMNS / TABLE).read_text())
    columns = [_column(folder / COLUMNS, place, about) for place, about in enumerate(described["columns"])]
    table = Table(tuple(columns), described["rows"], Shelf(folder))
    return Gathered(table, {about["name"]: about["type"] for about in described["columns"]}, found is not None)


def _found(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """What is there, if it is whole and of this source."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        described: dict[str, Any] = json.loads((folder / COLUMNS / TABLE).read_text())
        if (described["format"], described["fingerprint"]) != (FORMAT, fingerprint):
            return None
        files = {_file(place, about["kind"]): _dtype(about["kind"]) for place, about in enumerate(described["columns"])}
        sizes = [(folder / COLUMNS / name).stat().st_size for name in files]
        if sizes == [described["rows"] * dtype.itemsize for dtype in files.values()]:
            return described
    return None


def _dtype(kind: Kind) -> np.dtype[Any]:
    return np.dtype(np.int32 if kind == "category" else np.float64)


def _file(place: int, kind: Kind) -> str:
    return f"{place}.{'i4' if kind == 'category' else 'f8'}"


def _column(folder: Path, place: int, about: dict[str, Any]) -> Column:
    kind = about["kind"]
    values = np.memmap(folder / _file(place, kind), dtype=_dtype(kind), mode="r")
    return Column(about["name"], kind, np.asarray(values), tuple(about["levels"]))


class _Mixed(Exception):
    """A column is text further on that looked like something else before."""


@dataclass
class _Growing:
    """A column while it is read."""

    name: str
    kind: Kind
    type: str
    file: IO[bytes]
    codes: dict[str, int] = field(default_factory=dict)
    empty: bool = True

    def add(self, series: pl.Series) -> None:
        """Append a piece."""
        column = to_column(series, self.name)
        absent = bool(column.missing.all())
        if column.kind != self.kind and not absent:
            if not self.empty or "category" in (column.kind, self.kind):
                raise _Mixed(self.name)
            self.kind = column.kind
        if not absent and (self.empty or series.dtype.is_float()):
            self.type = str(series.dtype)
        self.empty = self.empty and absent
        self.file.write(np.ascontiguousarray(self._values(column, absent)).data)

    def _values(self, column: Column, absent: bool) -> npt.NDArray[Any]:
        if absent:
            return np.full(len(column.values), -1 if self.kind == "category" else np.nan, _dtype(self.kind))
        return self._coded(column) if self.kind == "category" else column.values

    def _coded(self, column: Column) -> npt.NDArray[np.int32]:
        """Codes in the order in which the texts came."""
        own = [self.codes.setdefault(level, len(self.codes)) for level in column.levels]
        if len(self.codes) > MOST_LEVELS:
            raise InputError(
                f"column {self.name!r} has more than {MOST_LEVELS:,} different texts, more than memory should hold: "
                "leave it out, or give numbers"
            )
        return np.asarray(np.array([*own, -1], np.int32)[column.values])


def _write(source: Batches, fingerprint: str, folder: Path, on_rows: Callable[[int], None]) -> None:
    """Read a source into files, anew where a column turns out to be text after all."""
    texts: Texts = frozenset()
    while True:
        try:
            growing, rows = _read(source, texts, folder, on_rows)
            break
        except _Mixed as mixed:
            name = str(mixed)
            if name in texts:
                raise InputError(f"column {name!r} of {source.name} changes its type: give it one") from None
            texts |= {name}
            for file in folder.iterdir():
                file.unlink()
    columns = [
        {"name": g.name, "kind": g.kind, "type": g.type, "levels": _sorted(folder / _file(place, g.kind), g.codes)}
        for place, g in enumerate(growing)
    ]
    described = {"format": FORMAT, "fingerprint": fingerprint, "rows": rows, "columns": columns}
    (folder / TABLE).write_text(json.dumps(described))


def _read(source: Batches, texts: Texts, folder: Path, on_rows: Callable[[int], None]) -> tuple[list[_Growing], int]:
    growing: list[_Growing] = []
    rows = 0
    with ExitStack() as files:
        for frame in source.frames(texts):
            if not growing:
                growing = [_begun(place, column, folder, files) for place, column in enumerate(frame)]
            if frame.columns != [g.name for g in growing]:
                raise InputError(f"{source.name} changes its columns after {rows} rows: {listed(frame.columns)}")
            for column, own in zip(frame, growing, strict=True):
                with counted_from(rows):
                    own.add(column)
            rows += frame.height
            on_rows(rows)
    if not rows:
        raise InputError(f"{source.name} has no rows of values: add rows below the column names")
    return growing, rows


def _begun(place: int, series: pl.Series, folder: Path, files: ExitStack) -> _Growing:
    kind = to_column(series, series.name).kind
    file = files.enter_context((folder / _file(place, kind)).open("wb"))
    return _Growing(series.name, kind, str(series.dtype), file)


def _sorted(file: Path, codes: dict[str, int]) -> list[str]:
    """The levels in order; the file's codes are changed to those of that order."""
    levels = sorted(codes)
    if levels:
        new = np.empty(len(levels) + 1, np.int32)
        new[[codes[level] for level in levels]], new[-1] = np.arange(len(levels)), -1
        values = np.memmap(file, dtype=np.int32, mode="r+")
        for part in parts(len(values)):
            values[part] = new[values[part]]
        values.flush()
    return levels
