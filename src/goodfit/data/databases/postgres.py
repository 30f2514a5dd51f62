"""Rows of a query to PostgreSQL, through a cursor in a transaction that can only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from goodfit.data.databases import failing
from goodfit.data.databases.connecting import Refused, code_of, connect, told
from goodfit.data.databases.libpq import server_of
from goodfit.data.databases.values import from_text
from goodfit.data.table import refuse_equal_names
from goodfit.errors import InputError
from goodfit.urls import shown

CHUNK = 8_192
"""Rows that are asked for at a time."""
BEGIN = (
    "begin transaction read only; set local time zone 'UTC'; set local datestyle = 'ISO, YMD'; "
    "set local extra_float_digits = 3; set local cursor_tuple_fraction = 1; set local client_encoding = 'UTF8'"
)
KINDS: dict[str, pl.DataType] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), pl.Int64()),
    **dict.fromkeys(("float4", "float8", "numeric"), pl.Float64()),
    **dict.fromkeys(("uuid", "inet", "cidr", "macaddr", "macaddr8", "char"), pl.String()),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "time": pl.Time(),
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
}
WRITTEN = "select row(0, asked.*)::text from (\n{0}\n) asked"
"""A query with each of its rows as one text, which a driver in Python reads several times faster than its values."""
TEXTS = ("S", "E")
"""Categories of types that are text: strings and enumerations."""
ADVICE = {
    "json": "take what you need, such as x->>'key'",
    "jsonb": "take what you need, such as x->>'key'",
    "bytea": "write encode(x, 'hex') for text",
    "money": "write x::numeric",
    "interval": "write extract(epoch from x) for seconds",
    "record": "take its fields, such as (x).name",
}
ARRAYS, USUAL = "take what you need, such as x[1] or cardinality(x)", "write x::text for text"
GONE = ("57P", "080")
"""Beginnings of the codes with which a server ends connections."""


@dataclass(frozen=True)
class Kind:
    """A column's type.

    Args:
        name: PostgreSQL's own.
        category: of types, a letter.
    """

    name: str
    category: str


def frames(url: str, query: str, rows: int) -> Iterator[pl.DataFrame]:
    """The rows, in frames of so many at most.

    Raises:
        InputError: as for `goodfit.data.databases.batches`.
    """
    with _connected(url) as connection:
        with _asking(url):
            connection.execute_simple(BEGIN)
            kinds = _kinds(connection, query)
            connection.execute_unnamed(f"declare goodfit no scroll cursor for {WRITTEN.format(_bare(query))}")
        count = min(rows, CHUNK)
        while True:
            with _asking(url):
                found = connection.execute_simple(f"fetch {count} from goodfit").rows
            if found:
                yield _frame([row[0] for row in found], kinds)
            if len(found) < count:
                return


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    try:
        from pg8000.exceptions import Error
        from pg8000.native import Connection
    except ImportError:
        raise InputError(f"{shown(url)} needs a driver for PostgreSQL: pip install goodfit[postgres]") from None
    server = server_of(url)
    try:
        connection = connect(server, Connection)
    except Refused as refused:
        raise failing.cannot_open(url, refused.reason, refused.remedy, server.password) from None
    try:
        yield connection
    finally:
        with suppress(Error, OSError, ValueError):
            connection.close()


@contextmanager
def _asking(url: str) -> Iterator[None]:
    """What fails here is the query, or a server that is no more."""
    from pg8000.exceptions import Error

    try:
        yield
    except UnicodeDecodeError as error:
        raise failing.cannot_answer(url, f"byte 0x{error.object[error.start]:02X} is not UTF-8") from None
    except (Error, OSError) as error:
        code, reason = code_of(error), told(error)
        if "multiple commands" in reason:
            raise failing.several_statements(url) from None
        if code.startswith(GONE) or not code:
            raise failing.went_away(url, reason) from None
        raise failing.cannot_answer(url, reason) from None


def _kinds(connection: Any, query: str) -> dict[str, Kind]:
    """The types of the query's columns, by a cursor that isn't run; it must be one statement that asks for rows."""
    connection.execute_unnamed(f"declare goodfit_types no scroll cursor for {query}")
    columns = connection.execute_simple("fetch 0 from goodfit_types").columns
    if not columns:
        raise InputError("the query has no columns: select some")
    refuse_equal_names([column["name"] for column in columns])
    types = ", ".join(sorted({str(column["type_oid"]) for column in columns}))
    known = connection.execute_simple(
        f"select oid, typname, typcategory from pg_catalog.pg_type where oid in ({types}); close goodfit_types"
    )
    kinds_by_type = {oid: Kind(name, category) for oid, name, category in known.rows}
    kinds = {column["name"]: kinds_by_type[column["type_oid"]] for column in columns}
    for name, kind in kinds.items():
        if _dtype(kind) is None:
            told_as = kind.name.removeprefix("_") + "[]" if kind.category == "A" else kind.name
            advice = ARRAYS if kind.category == "A" else ADVICE.get(kind.name, USUAL)
            raise failing.unfit_column(name, told_as, advice)
    return kinds


def _bare(query: str) -> str:
    """Without the semicolon at its end, as another query's part."""
    return query.rstrip().rstrip(";")


def _dtype(kind: Kind) -> pl.DataType | None:
    """None for a type that is neither number nor text nor time."""
    return KINDS.get(kind.name) or (pl.String() if kind.category in TEXTS else None)


def _frame(rows: list[str], kinds: dict[str, Kind]) -> pl.DataFrame:
    """Rows as PostgreSQL writes them, `(0,1.5,"a ""b")`: quotes and backslashes are doubled, within quotes."""
    fields = pl.read_csv(
        "\n".join([row[1:-1] for row in rows]).encode(),
        has_header=False,
        infer_schema=False,
        new_columns=["0", *(f"{place}" for place in range(1, len(kinds) + 1))],
    )
    pairs = zip(fields.get_columns()[1:], kinds.items(), strict=True)
    return pl.DataFrame([_column(texts.alias(name), kind) for texts, (name, kind) in pairs])


def _column(texts: pl.Series, kind: Kind) -> pl.Series:
    plain = texts.str.replace_all("\\\\", "\\", literal=True)
    if kind.name == "bpchar":
        plain = plain.str.strip_chars_end(" ")  # what it is filled up with
    return from_text(plain, _dtype(kind) or pl.String())
