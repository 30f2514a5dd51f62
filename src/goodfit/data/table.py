"""Raw input -> a checked table: columns of numbers, booleans, categories or dates, with missing values marked."""

from __future__ import annotations

import datetime
import decimal
import itertools
import numbers
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from goodfit.data.shelf import Shelf, taken
from goodfit.errors import InputError

Kind = Literal["number", "boolean", "category", "date", "text", "image", "sound"]

LARGEST = 1e300  # beyond it, sums and differences of two values overflow
WORDS = {
    "number": "numbers",
    "boolean": "booleans",
    "category": "text",
    "date": "dates",
    "text": "text",
    "image": "pictures",
    "sound": "sounds",
}


@dataclass(frozen=True, eq=False)
class Column:
    """One column: `values` (n,) as its kind says.

    number, boolean (0 or 1) and date (seconds since 1970-01-01 UTC): float64, NaN where missing.
    category, text: int32 codes into `levels` (sorted, distinct), -1 where missing; `reader` names the sentence encoder
    that reads a text, if any does.
    image: uint8 pixels (n, C, H, W). sound: float32 spectrograms in dB (n, bands, frames). None of them missing.
    """

    name: str
    kind: Kind
    values: npt.NDArray[Any]
    levels: tuple[str, ...] = ()
    reader: str = ""

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which rows have no value, (n,)."""
        if self.kind in ("image", "sound"):
            return np.zeros(len(self.values), dtype=bool)
        return np.asarray(self.values < 0 if self.kind in ("category", "text") else np.isnan(self.values))

    def example(self, row: int) -> str:
        """The value in a row (counted from 0) as an error message shows it."""
        value = self.values[row]
        if self.kind in ("category", "text"):
            return repr(self.levels[value])
        if self.kind in ("image", "sound"):
            return f"one of shape {value.shape}"
        if self.kind == "date":
            return str(np.datetime64(int(value), "s"))
        return f"{value:g}"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one length, with distinct names; on a shelf if memory can't hold them and what is made of them."""

    columns: tuple[Column, ...]
    rows: int
    shelf: Shelf | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def take(self, row_indices: npt.NDArray[np.int64]) -> Table:
        """The table of these rows (counted from 0), in this order; a row may be taken more than once."""
        columns = tuple(replace(c, values=taken(c.values, row_indices, self.shelf)) for c in self.columns)
        return replace(self, columns=columns, rows=len(row_indices))

    def part(self, rows: slice) -> Table:
        """Neighbouring rows, as views."""
        columns = tuple(replace(column, values=column.values[rows]) for column in self.columns)
        return replace(self, columns=columns, rows=len(columns[0].values))

    def renamed(self, names: Sequence[str]) -> Table:
        """The same columns under other names, one a column.

        Raises:
            InputError: there are more or fewer names than columns.
        """
        if len(names) != len(self.columns):
            raise InputError(f"the table has {counted(len(self.columns), 'column')} where {len(names)} are wanted")
        columns = zip(self.columns, names, strict=True)
        return replace(self, columns=tuple(replace(column, name=name) for column, name in columns))

    def drop(self, name: str) -> Table:
        """The table without one column."""
        if name not in self.names:
            raise InputError(f"there is no column {name!r} to drop; the columns are {listed(self.names)}")
        return replace(self, columns=tuple(column for column in self.columns if column.name != name))


def to_table(X: Any, names: Sequence[str] | None = None) -> Table:
    """Check raw input once and give it as a table.

    Args:
        X: 2-D array, list of rows, or data frame, of shape (n, D), n and D at least 1, or a table as it is. Any data
            frame that narwhals knows (pandas, polars, pyarrow, ...). A number array gives number columns, also where it
            holds booleans; an object array and a list of rows give the kind that each column's values have. None, NaN,
            NaT and null are missing.
        names: D distinct column names; None: the data frame's own, x0, x1, ... for arrays and lists.

    Returns:
        Text, categorical and enum columns as categories; numbers; booleans; dates and times as dates. Text that looks
        like a date stays a category. A column without any value is a number column of NaN.

    Raises:
        InputError: no rows or no columns, equal names, infinite or nested values, not two-dimensional.

    Example:
        >>> to_table([[1.5, "a"], [None, "b"]], names=["size", "colour"]).columns[1].levels
        ('a', 'b')
    """
    if isinstance(X, Table):
        return X if names is None else X.renamed(names)
    X = X.collect() if isinstance(X, pl.LazyFrame) else X
    _refuse_equal_columns(X)
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        given, length, parts = [str(name) for name in frame.columns], len(frame), list(frame.iter_columns())
    else:
        parts, length = _columns_of_rows(X) if isinstance(X, (list, tuple)) else _columns_of_array(X)
        given = [f"x{i}" for i in range(len(parts))]
    if names is not None and len(names) != len(parts):
        raise InputError(f"{len(names)} names were given for {len(parts)} columns")
    if not parts:
        raise InputError(f"no columns: 0 feature(s) (shape=({length}, 0)) while a minimum of 1 is required.")
    if not length:
        raise InputError(f"no rows: 0 sample(s) (shape=(0, {len(parts)})) while a minimum of 1 is required.")
    final = given if names is None else [str(name) for name in names]
    refuse_equal_names(final)
    return Table(tuple(to_column(part, name) for part, name in zip(parts, final, strict=True)), length)


def to_column(values: Any, name: str) -> Column:
    """One column of raw values, of the kind that they have.

    Args:
        values: 1-D array, list, or series of any data frame library, of shape (n,).
        name: its name, for the column and for messages.

    Raises:
        InputError: infinite, nested or otherwise unusable values.

    Example:
        >>> to_column([True, None, False], "member").values
        array([ 1., nan,  0.])
    """
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        if series.dtype == nw.Object:
            return _from_objects(series.to_list(), name)
        polars = series.to_polars()
        return _from_polars(polars.cast(pl.String) if series.dtype == nw.Categorical else polars, name)
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return number_column(name, values.astype(np.float64))
    return _from_objects(values.tolist() if isinstance(values, np.ndarray) else list(values), name)


def number_column(name: str, values: npt.NDArray[np.float64], kind: Kind = "number") -> Column:
    """A column of float64 values, NaN where missing, refused where a value is infinite or too large to compute with."""
    wrong = np.flatnonzero(np.abs(values) > LARGEST)
    if wrong.size:
        raise InputError(
            f"column {name!r} has {counted(wrong.size, 'infinite (inf) or too large value')}, first in row "
            f"{wrong[0] + 1}: replace by a number or leave empty"
        )
    return Column(name, kind, values)


def counted(count: int, noun: str) -> str:
    """A count and its noun, such as `1 row` and `2 rows`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names for a message, the first few of them: `'a', 'b', ...`."""
    shown = [repr(name) for name in itertools.islice(names, most + 1)]
    return ", ".join([*shown[:most], "..."] if len(shown) > most else shown)


def refuse_equal_names(names: Sequence[str]) -> None:
    """Raise InputError where two columns have one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"more than one column is named {listed(twice)}: give each column its own name")


def _refuse_equal_columns(X: Any) -> None:
    """Refuse them before narwhals does, whose message has several lines."""
    names = getattr(X, "column_names", getattr(X, "columns", ()))  # pyarrow's columns are the values
    refuse_equal_names([str(name) for name in names])


def _columns_of_rows(X: Sequence[Any]) -> tuple[list[Any], int]:
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in X]
    flat = next((i for i, row in enumerate(rows) if not isinstance(row, (list, tuple))), None)
    if flat is not None:
        raise InputError(f"row {flat + 1} is not a list of values: give a list of rows. Reshape your data.")
    ragged = next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if ragged is not None:
        raise InputError(f"row {ragged + 1} has {len(rows[ragged])} values, row 1 has {len(rows[0])}")
    return [list(column) for column in zip(*rows, strict=True)], len(rows)


def _columns_of_array(X: Any) -> tuple[list[Any], int]:
    if hasattr(X, "toarray"):
        raise InputError("sparse input is not supported: give a dense array, X.toarray()")
    masked = isinstance(X, np.ma.MaskedArray)
    array = np.ma.filled(X.astype(np.float64), np.nan) if masked else np.asarray(X)
    if array.dtype.kind == "c":
        raise InputError("Complex data not supported: give real and imaginary part as two columns")
    if array.ndim != 2:
        raise InputError(f"a table has rows and columns, this array has shape {array.shape}. Reshape your data.")
    return list(np.array(array.T, np.float64 if array.dtype.kind in "fiub" else None, order="C")), len(array)


def _from_polars(series: pl.Series, name: str) -> Column:
    dtype = series.dtype
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _category(series.cast(pl.String), name)
    if dtype in (pl.Datetime, pl.Date):
        # whole microseconds since the epoch; a time zone is accounted for already
        return number_column(name, _floats(series.cast(pl.Datetime("us")).to_physical()) / 1e6, "date")
    if dtype == pl.Duration:
        return number_column(name, _floats(series.cast(pl.Duration("us")).to_physical()) / 1e6)
    if dtype == pl.Time:
        return number_column(name, _floats(series.to_physical()) / 1e9)
    if dtype == pl.Boolean:
        return Column(name, "boolean", _floats(series))
    if dtype.is_numeric() or dtype == pl.Null:
        return number_column(name, _floats(series))
    if dtype == pl.Object:
        return _from_objects(series.to_list(), name)
    raise InputError(
        f"column {name!r} holds values of type {dtype}: give numbers, text, booleans or dates, one to a cell"
    )


def _floats(series: pl.Series) -> npt.NDArray[np.float64]:
    return np.array(series.cast(pl.Float64).to_numpy(), dtype=np.float64)


def _category(series: pl.Series, name: str) -> Column:
    levels = series.drop_nulls().unique().sort()
    codes = series.cast(pl.Enum(levels)).to_physical().cast(pl.Int32).fill_null(-1)
    return Column(name, "category", np.array(codes.to_numpy(), dtype=np.int32), tuple(levels.to_list()))


def _from_objects(values: list[Any], name: str) -> Column:
    """Python values: booleans, numbers or dates where all are; text where they are not; nested ones are refused."""
    nested = next((v for v in values if isinstance(v, (list, tuple, set, dict, np.ndarray, bytes))), None)
    if nested is not None:
        raise InputError(f"column {name!r} holds {type(nested).__name__} values: give one number or text to a cell")
    absent = [is_missing(v) for v in values]
    present = {type(v) for v, gone in zip(values, absent, strict=True) if not gone}
    if any(issubclass(t, (complex, np.complexfloating)) for t in present):
        raise InputError("Complex data not supported: give real and imaginary part as two columns")
    if present and all(issubclass(t, (bool, np.bool_)) for t in present):
        return Column(name, "boolean", _objects_as_floats(values, absent, name))
    if all(issubclass(t, (numbers.Real, decimal.Decimal, np.bool_)) for t in present):
        return number_column(name, _objects_as_floats(values, absent, name))
    texts: list[Any] = [None if gone else v for v, gone in zip(values, absent, strict=True)]
    if all(issubclass(t, datetime.date) for t in present):
        return number_column(name, np.array([np.nan if v is None else _seconds(v) for v in texts]), "date")
    return _category(pl.Series([None if v is None else str(v) for v in texts], dtype=pl.String), name)


def _objects_as_floats(values: list[Any], absent: list[bool], name: str) -> npt.NDArray[np.float64]:
    try:
        return np.array([np.nan if gone else float(v) for v, gone in zip(values, absent, strict=True)], np.float64)
    except OverflowError:
        raise InputError(f"column {name!r} holds a whole number that is too large for a float: make it text") from None


def is_missing(value: Any) -> bool:
    """Whether a Python value stands for none: None, NaN, NaT or pandas' NA."""
    if isinstance(value, str):
        return False
    # pandas' NA is neither equal nor unequal to itself, and is not to be imported for its name alone
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(value != value)  # noqa: PLR0124


def _seconds(value: datetime.date) -> float:
    when = value if isinstance(value, datetime.datetime) else datetime.datetime(value.year, value.month, value.day)
    return (when if when.tzinfo else when.replace(tzinfo=datetime.UTC)).timestamp()
