"""Rows of a query to an SQLite file, whose values have types of their own, whatever their column's is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from goodfit.data.databases import failing
from goodfit.data.databases.values import FORMS, from_text, has_form, in_range
from goodfit.data.table import refuse_equal_names
from goodfit.errors import InputError
from goodfit.urls import split_url

WAIT = 10.0
"""Seconds for another process to let go of the file."""
CHUNK = 8_192
"""Rows that are Python values at a time."""
VIEW = '"rows of goodfit"'
GONE = ("disk I/O", "malformed", "not a database")


@dataclass(frozen=True)
class Seen:
    """What the values of a column were so far, the missing ones aside.

    Args:
        types: theirs.
        bits: whether all were 0 or 1.
        forms: of dates, all that each of its texts has.
    """

    types: frozenset[type] = frozenset()
    bits: bool = True
    forms: tuple[pl.DataType, ...] = tuple(FORMS)

    def and_also(self, values: tuple[Any, ...]) -> Seen:
        """With some more values."""
        types = self.types | (frozenset(map(type, values)) - {type(None)})
        bits = self.bits and set(values) <= {0, 1, None}
        if types != {str} or not self.forms:
            return Seen(types, bits, self.forms)
        texts = pl.Series(values, dtype=pl.String)
        return Seen(types, bits, tuple(form for form in self.forms if has_form(texts, form)))


def frames(url: str, query: str, rows: int) -> Iterator[pl.DataFrame]:
    """The rows, in frames of so many at most; the query runs twice, first for the types of its values.

    Raises:
        InputError: as for `goodfit.data.databases.batches`.
    """
    with closing(_opened(url)) as connection:
        try:
            names, declared = _made_view(connection, url, query)
            connection.execute("begin")  # both runs see the same rows
            kinds = _kinds(connection, names, declared)
            cursor = connection.execute(f"select * from {VIEW}")
            while found := cursor.fetchmany(min(rows, CHUNK)):
                yield _frame(found, kinds)
        except sqlite3.Error as error:
            told = str(error)
            failed = failing.went_away if any(word in told for word in GONE) else failing.cannot_answer
            raise failed(url, told) from None


def _opened(url: str) -> sqlite3.Connection:
    path = split_url(url).name
    if not Path(path).exists():
        raise failing.no_such_file(url, path)
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=WAIT, isolation_level=None)
        connection.execute("pragma temp_store = memory")
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.Error as error:
        remedy = "end what else uses it" if "locked" in str(error) else "give a file that SQLite wrote"
        raise failing.cannot_open(url, str(error), remedy) from None
    return connection


def _made_view(connection: sqlite3.Connection, url: str, query: str) -> tuple[list[str], list[str]]:
    """The query as a view of this connection's own, which it must be able to be: one select; its columns and types."""
    try:
        connection.execute(f"create temp view {VIEW} as {query}")
        connection.execute("pragma query_only = on")
        found = connection.execute(f"pragma table_info({VIEW})").fetchall()
    except (sqlite3.ProgrammingError, sqlite3.Warning) as error:
        raise (failing.several_statements(url) if "one statement" in str(error) else error) from None
    names = [column[1] for column in found]
    refuse_equal_names([*names, *_renamed(names)])
    return names, [column[2].upper() for column in found]


def _renamed(names: Sequence[str]) -> list[str]:
    """Names that SQLite gave another column too, which it then called `name:1`."""
    parts = [name.rpartition(":") for name in names]
    return [name for name, _, number in parts if number.isdecimal() and name in names]


def _kinds(connection: sqlite3.Connection, names: list[str], declared: list[str]) -> dict[str, pl.DataType]:
    seen = [Seen() for _ in names]
    cursor = connection.execute(f"select * from {VIEW}")
    while rows := cursor.fetchmany(CHUNK):
        seen = [column.and_also(values) for column, values in zip(seen, zip(*rows, strict=True), strict=True)]
    return {name: _kind(name, column, kind) for name, column, kind in zip(names, seen, declared, strict=True)}


def _kind(name: str, seen: Seen, declared: str) -> pl.DataType:
    """The type of a column by its values."""
    if bytes in seen.types:
        raise failing.unfit_column(name, "blob", "write hex(x) for text")
    if seen.types == {str}:
        return next(iter(seen.forms), pl.String())
    if str in seen.types:
        raise InputError(
            f"column {name!r} of the query holds numbers and text: write cast(x as text), or cast(nullif(x, '') as "
            "real) for numbers"
        )
    if declared.startswith("BOOL") and seen.bits:
        return pl.Boolean()
    return pl.Int64() if seen.types == {int} else pl.Float64()


def _frame(rows: list[tuple[Any, ...]], kinds: dict[str, pl.DataType]) -> pl.DataFrame:
    columns = zip(*rows, strict=True)
    return in_range(
        pl.DataFrame([_column(name, values, kind) for values, (name, kind) in zip(columns, kinds.items(), strict=True)])
    )


def _column(name: str, values: tuple[Any, ...], kind: pl.DataType) -> pl.Series:
    texts = kind == pl.String or kind.is_temporal()
    try:
        if texts:
            return from_text(pl.Series(name, values, dtype=pl.String), kind)
        return pl.Series(name, values, dtype=pl.Float64 if kind == pl.Float64 else pl.Int64).cast(kind)
    except TypeError:
        raise InputError(f"column {name!r} of the query changes between its two runs: keep its rows first") from None
