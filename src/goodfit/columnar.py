"""Parquet and Arrow files of others -> data frames, checked before anything is built of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, cast

import polars as pl

from goodfit.errors import InputError
from goodfit.files import FREE

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

UNFOLDED = 1000
"""A table may take so many times the bytes of its file, at 8 bytes a cell: runs of one value are packed tightly."""
_OTHERS = (OSError, ValueError, TypeError, OverflowError, MemoryError)


def read_columnar(content: bytes, name: str, kind: Literal["parquet", "arrow"]) -> pl.DataFrame:
    """A frame from the bytes of a file.

    Damaged and hostile files are refused by pyarrow, which checks all that a file claims; polars would end the process.

    Args:
        content: of a Parquet file, an Arrow file or an Arrow stream.
        name: of the file, for messages.
        kind: which of them; streams count as "arrow".

    Raises:
        InputError: it is no such file, damaged, or says more values than a file of its size warrants.
    """
    with refusing(name, kind):
        return checked(_parquet(content, name) if kind == "parquet" else _arrow(content))


@contextmanager
def refusing(name: str, kind: str) -> Iterator[None]:
    """Whatever goes wrong with a damaged file inside is an InputError."""
    import pyarrow as pa

    try:
        yield
    except InputError:
        raise
    except (pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException, *_OTHERS):
        raise InputError(f"{name} is not a whole {kind} file: write or download it anew") from None


def checked(table: pa.Table) -> pl.DataFrame:
    """A frame of a table, or of a piece of one, once pyarrow has checked all of it."""
    import pyarrow as pa

    table.validate(full=True)
    bare = [_bare(field) for field in table.schema]
    return cast(pl.DataFrame, pl.from_arrow(table.cast(pa.schema(bare))))


def check_claims(told: pq.FileMetaData, size: int, name: str) -> None:
    """Raise InputError where a Parquet file of so many bytes says that it holds more than it warrants."""
    least, most = _claimed(told)
    if least < 0 or 8 * most > max(FREE, UNFOLDED * size):
        raise InputError(
            f"{name} says that it holds {most:,} values, too many for a file of {size:,} bytes: write it anew, "
            "or in parts"
        )


def _bare(field: pa.Field) -> pa.Field:
    """A column's field without metadata; names that are no UTF-8, on which polars would stop, are a `ValueError`."""
    _ = field.name
    for place in range(field.type.num_fields):
        _bare(field.type.field(place))
    return field.remove_metadata()


def _parquet(content: bytes, name: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content))
    check_claims(file.metadata, len(content), name)
    return file.read(use_threads=False)


def _claimed(told: pq.FileMetaData) -> tuple[int, int]:
    """The least of the counts of a file, of its groups of rows and of their columns; and the values by the greatest."""
    groups = [told.row_group(place) for place in range(told.num_row_groups)]
    rows = [group.num_rows for group in groups]
    values = [group.column(place).num_values for group in groups for place in range(group.num_columns)]
    most = max(told.num_columns * max(told.num_rows, sum(rows)), sum(values))
    return min([told.num_rows, *rows, *values]), most


def _arrow(content: bytes) -> pa.Table:
    import pyarrow as pa

    buffer = pa.BufferReader(content)
    if content.startswith(b"ARROW1"):
        return pa.ipc.open_file(buffer).read_all()
    return pa.ipc.open_stream(buffer).read_all()
