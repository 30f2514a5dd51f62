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
from goodfit.data.databases.values import from_text, in_range
from goodfit.data.table import counted, refuse_equal_names
from goodfit.errors import InputError
from goodfit.urls import split_url

WAIT = 10.0
"""Seconds for another process to let go of the file."""
CHUNK = 8_192
"""Rows that are Python values at a time."""
COLUMNS = 150
"""Columns whose types are asked for at once: SQLite's results have at most 2,000 columns."""
VIEW = '"rows of goodfit"'
GONE = ("disk I/O", "malformed", "not a database")

_DAY = "{0} glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' and {0} > '0001' and date({0}, '+0 days') is {0}"
_SECOND = "replace(substr({0}, 1, 19), 'T', ' ')"
_MOMENT = (
    "{0} glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9]*' "
    f"and {{0}} > '0001' and strftime('%Y-%m-%d %H:%M:%S', {_SECOND}, '+0 days') is {_SECOND}"
)
_ENDING = "ltrim(substr({0}, 20), '.0123456789')"
_OFFSET = f"({_ENDING} = 'Z' or {_ENDING} glob '[+-][0-9][0-9]:[0-9][0-9]')"
TESTS = {
    "rows": "{0} is not null",
    "whole": "typeof({0}) = 'integer'",
    "broken": "typeof({0}) = 'real'",
    "text": "typeof({0}) = 'text'",
    "blob": "typeof({0}) = 'blob'",
    "bits": "{0} in (0, 1)",
    "days": f"typeof({{0}}) = 'text' and {_DAY}",
    "moments": f"typeof({{0}}) = 'text' and {_MOMENT} and {_ENDING} = ''",
    "zoned": f"typeof({{0}}) = 'text' and {_MOMENT} and {_OFFSET}",
}
"""What is counted of a column's values, each as SQL."""


@dataclass(frozen=True)
class Count:
    """How many values of a column are what, the missing ones aside."""

    rows: int
    whole: int
    broken: int
    text: int
    blob: int
    bits: int
    days: int
    moments: int
    zoned: int


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
    counts: list[Count] = []
    for start in range(0, len(names), COLUMNS):
        quoted = ['"{}"'.format(name.replace('"', '""')) for name in names[start : start + COLUMNS]]
        asked = ", ".join(f"total({test.format(each)})" for each in quoted for test in TESTS.values())
        found = [int(value) for value in connection.execute(f"select {asked} from {VIEW}").fetchone()]
        width = len(TESTS)
        counts += [Count(*found[i * width : (i + 1) * width]) for i in range(len(quoted))]
    return {name: _kind(name, count, kind) for name, count, kind in zip(names, counts, declared, strict=True)}


def _kind(name: str, count: Count, declared: str) -> pl.DataType:
    """The type of a column by its values; a missing one has any."""
    if count.blob:
        raise failing.unfit_column(name, "blob", "write hex(x) for text")
    if 0 < count.text < count.rows:
        raise InputError(
            f"column {name!r} of the query holds {counted(count.rows - count.text, 'number')} and "
            f"{counted(count.text, 'text')}: write cast(x as text), or cast(nullif(x, '') as real) for numbers"
        )
    if count.text:
        kinds = {"days": pl.Date(), "moments": pl.Datetime("us"), "zoned": pl.Datetime("us", "UTC")}
        return next((kind for test, kind in kinds.items() if getattr(count, test) == count.rows), pl.String())
    if declared.startswith("BOOL") and count.bits == count.rows:
        return pl.Boolean()
    return pl.Int64() if count.rows and not count.broken else pl.Float64()


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
