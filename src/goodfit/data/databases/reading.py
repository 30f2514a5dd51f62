"""A query's rows as frames of one schema, whichever database answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from goodfit.data.databases import duck, postgres, sqlite
from goodfit.errors import InputError
from goodfit.urls import is_url, shown, split_url

ROWS = 65_536
EXAMPLES = "postgresql://user@host/name, sqlite:///file.db, duckdb:///file.duckdb"
WRITING = re.compile(
    "alter|attach|begin|call|checkpoint|cluster|comment|commit|copy|create|delete|detach|do|drop|execute|export|grant|"
    "import|insert|install|load|lock|merge|pragma|prepare|reindex|replace|revoke|rollback|set|truncate|update|vacuum",
    re.IGNORECASE,
)
"""What statements begin with that don't ask for rows."""

Reader = Callable[[str, str, int], Iterator[pl.DataFrame]]
READERS: dict[str, Reader] = {
    "postgresql": postgres.frames,
    "postgres": postgres.frames,
    "sqlite": sqlite.frames,
    "duckdb": duck.frames,
}
_BEGINNING = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*(\w*)", re.DOTALL)


@dataclass(frozen=True)
class Query:
    """What is asked of which database; its text form tells neither.

    Args:
        url: of the database.
        text: one statement that asks for rows.
    """

    url: str = field(repr=False)
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        """What messages and reports call it.

        Example:
            >>> Query("postgresql://me:secret@host/shop", "select 1").name
            'query of shop'
        """
        return f"query of {Path(split_url(self.url).name).name or 'a database'}"

    @property
    def folder(self) -> Path:
        """Where paths among its values lead from: beside the database's file, or where the command is given."""
        address = split_url(self.url)
        return Path(address.name).parent if address.scheme in ("sqlite", "duckdb") else Path()


def batches(url: str, query: str, rows: int = ROWS) -> Iterator[pl.DataFrame]:
    """The rows of a query, a frame after the other, all of one schema.

    Memory holds a frame or two, whatever the query returns.

    Args:
        url: `postgresql://user:password@host/name`, `sqlite:///file.db` or `duckdb:///file.duckdb`; four slashes
            before an absolute path.
        query: one statement that asks for rows, such as a select.
        rows: of a frame, 1 or more; the last one may have fewer.

    Yields:
        Numbers as Int64 or Float64, text, booleans, dates, times, and datetimes in microseconds.

    Raises:
        InputError: when the first frame is asked for: no such database or no way to it, a query that fails, changes
            something or returns nothing, two columns of one name, or a type that no column of a table has. Later: a
            database that goes away.

    Example:
        >>> import sqlite3, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     connection = sqlite3.connect(f"{folder}/shop.db")
        ...     _ = connection.execute("create table sales as select 1.5 as price union all select 2")
        ...     connection.close()
        ...     [frame["price"].to_list() for frame in batches(f"sqlite:///{folder}/shop.db", "select * from sales")]
        [[1.5, 2.0]]
    """
    check_url(url)
    _check_query(query)
    anything = False
    for frame in _cut(READERS[split_url(url).scheme](url, query, rows), rows):
        anything = True
        yield frame
    if not anything:
        raise InputError(f"the query to {shown(url)} returns no rows: ask for some")


def read(url: str, query: str) -> pl.DataFrame:
    """All rows of a query as one frame, at least one.

    Args:
        url: of the database, as for `batches`.
        query: one statement that asks for rows.

    Raises:
        InputError: as for `batches`.
    """
    return pl.concat(batches(url, query))


def check_url(url: str) -> None:
    """Raise InputError where it is no URL of a database that can be read."""
    if not is_url(url):
        raise InputError(f"{url} is no URL of a database: give one such as {EXAMPLES}")
    if split_url(url).scheme not in READERS:
        raise InputError(f"{shown(url)} is of no database that can be read: known are {EXAMPLES}")


def _check_query(query: str) -> None:
    match = _BEGINNING.match(query)
    word, end = (match[1], match.end()) if match else ("", 0)
    if not word and not query[end:].strip("; \n"):
        raise InputError("the query is empty: give a select")
    if WRITING.fullmatch(word):
        raise InputError(f"the query begins with {word}, and databases are only read: give one select")


def _cut(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of so many, and fewer in the last."""
    kept: list[pl.DataFrame] = []
    count = 0
    for frame in frames:
        start = 0
        while start < frame.height:
            kept.append(frame.slice(start, rows - count))
            start, count = start + kept[-1].height, count + kept[-1].height
            if count == rows:
                yield pl.concat(kept)
                kept, count = [], 0
    if kept:
        yield pl.concat(kept)
