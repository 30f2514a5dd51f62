"""Where rows come from: a file, a folder, or a query to a database."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from goodfit.data import databases, readers
from goodfit.data.databases import Query, check_url
from goodfit.errors import InputError
from goodfit.urls import is_url, shown

Origin = Path | Query
FILES = {".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".duckdb": "duckdb", ".ddb": "duckdb"}


def origin_of(data: str, query: str | None) -> Origin:
    """What a user names: a path, or a database's URL beside a query.

    Raises:
        InputError: one without the other, or a URL of no database that can be read.

    Example:
        >>> origin_of("sqlite:///shop.db", "select * from sales").name
        'query of shop.db'
    """
    if is_url(data):
        check_url(data)
        if query is None:
            raise InputError(f"{shown(data)} is a database: say what to read with --query 'select ...'")
        return Query(data, query)
    path = Path(data)
    if path.suffix.lower() in FILES and not path.is_dir():
        url = f"{FILES[path.suffix.lower()]}:///{data}"
        raise InputError(f"{data} is a database's file: give its URL {url}, and --query 'select ...'")
    if query is not None:
        raise InputError(f"--query asks a database, and {data} is none: give its URL, or leave --query away")
    return path


def read_table(origin: Origin) -> pl.DataFrame:
    """The rows of a file or a query, at least one.

    Raises:
        InputError: as `readers.read` and `databases.read` do.
    """
    return databases.read(origin.url, origin.text) if isinstance(origin, Query) else readers.read(origin)


def folder_of(origin: Origin) -> Path:
    """Where paths among the values lead from."""
    return origin.folder if isinstance(origin, Query) else origin.parent
