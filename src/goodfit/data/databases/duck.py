"""Rows of a query to a DuckDB file, by Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from goodfit.data.databases import failing
from goodfit.data.databases.values import WHOLE, in_range
from goodfit.data.table import refuse_equal_names
from goodfit.errors import InputError
from goodfit.urls import shown, split_url

SETTINGS: dict[str, Any] = {
    "TimeZone": "UTC",
    "python_enable_replacements": False,  # or a query could name this program's own variables
    "autoinstall_known_extensions": False,
}
KINDS: dict[str, pl.DataType] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"), pl.Int64()),
    **dict.fromkeys(("ubigint", "hugeint", "uhugeint", "decimal", "float", "double", "null"), pl.Float64()),
    **dict.fromkeys(("varchar", "uuid", "enum"), pl.String()),
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), pl.Datetime("us")),
    "timestamp with time zone": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "time": pl.Time(),
}
ADVICE = {
    "list": "take what you need, such as x[1] or len(x)",
    "array": "take what you need, such as x[1]",
    "struct": "take its fields, such as x.name",
    "map": "take what you need, such as x['key']",
    "JSON": "take what you need, such as x->>'key'",
    "interval": "write epoch(x) for seconds",
    "blob": "write hex(x) for text",
}
USUAL = "write x::varchar for text"


def frames(url: str, query: str, rows: int) -> Iterator[pl.DataFrame]:
    """The rows, in frames of so many at most.

    Raises:
        InputError: as for `goodfit.data.databases.batches`.
    """
    try:
        import duckdb
    except ImportError:
        raise InputError(f"{shown(url)} needs DuckDB: pip install goodfit[duckdb]") from None
    with closing(_opened(url)) as connection:
        try:
            relation = _relation(connection, url, query)
            kinds = _kinds(relation.columns, relation.types)
            with relation.to_arrow_reader(rows) as reader:
                for batch in reader:
                    yield _frame(batch, kinds)
        except InputError:
            raise
        except duckdb.IOException as error:
            raise failing.went_away(url, str(error)) from None
        except (duckdb.Error, OSError) as error:
            raise failing.cannot_answer(url, str(error)) from None


def _opened(url: str) -> Any:
    import duckdb

    path = split_url(url).name
    if not Path(path).exists():
        raise failing.no_such_file(url, path)
    try:
        return duckdb.connect(path, read_only=True, config=SETTINGS)
    except duckdb.Error as error:
        told = str(error)
        remedy = "end what else uses it" if "lock" in told else "give a file that DuckDB wrote"
        raise failing.cannot_open(url, told, remedy) from None


def _relation(connection: Any, url: str, query: str) -> Any:
    """The query, bound and not yet run; in read-only mode DuckDB still writes other files by copy and export."""
    statements = connection.extract_statements(query)
    if len(statements) > 1:
        raise failing.several_statements(url)
    if not statements or statements[0].type.name != "SELECT":
        raise failing.no_rows_asked(url)
    return connection.sql(query)


def _kinds(names: list[str], types: list[Any]) -> dict[str, pl.DataType]:
    refuse_equal_names(names)
    found = {}
    for name, kind in zip(names, types, strict=True):
        told = "JSON" if str(kind) == "JSON" else kind.id
        if told not in KINDS:
            raise failing.unfit_column(name, str(kind), ADVICE.get(told, USUAL))
        found[name] = KINDS[told]
    return found


def _frame(batch: Any, kinds: dict[str, pl.DataType]) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(batch))
    return in_range(pl.DataFrame([_column(frame[name], kind) for name, kind in kinds.items()]))


def _column(series: pl.Series, kind: pl.DataType) -> pl.Series:
    exact = series.cast(pl.String) if isinstance(series.dtype, WHOLE) else series
    return exact.cast(kind)
