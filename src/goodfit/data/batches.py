"""Table files a piece at a time: frames of the same columns, from files of any size."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from goodfit.columnar import check_claims, checked, refusing
from goodfit.data.readers import SEPARATED, check_path, separated, separator_of, whole_only
from goodfit.data.shelf import ROWS_AT_ONCE
from goodfit.errors import InputError
from goodfit.files import Unzipped

BYTES_AT_ONCE = 1 << 26
"""Of text that is read together."""
MOST_OF_A_RECORD = 8 * BYTES_AT_ONCE
OF_GZIP = 5
"""How many times larger than its compressed form a text is taken to be."""

Texts = frozenset[str]
"""Names of columns that are text whatever a piece of them looks like."""


@dataclass(frozen=True)
class Batches:
    """A table as a series of frames.

    Args:
        name: for messages.
        size: bytes that it takes in memory, as a float a value; a guess where the file doesn't say.
        frames: called with the columns that are text; begins anew with each call.
    """

    name: str
    size: int
    frames: Callable[[Texts], Iterator[pl.DataFrame]]


def batches(path: str | Path) -> Batches:
    """A table file that need not fit into memory.

    Args:
        path: .parquet, .arrow, .feather, .ipc, .csv, .txt, .tsv or .tab; separated text also with .gz after it.

    Raises:
        InputError: the file is absent, unreadable, or of a kind that can only be read whole. What is wrong further on
            is found while it is read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "sales.csv")
        ...     _ = path.write_text("day,price\\n2024-05-01,1.5\\n2024-05-02,NA\\n")
        ...     [frame["price"].to_list() for frame in batches(path).frames(frozenset())]
        [[1.5, None]]
    """
    path = Path(path)
    suffix, zipped = check_path(path)
    if suffix in SEPARATED:
        size = path.stat().st_size * (OF_GZIP if zipped else 1)
        return Batches(str(path), 2 * size, lambda texts: _separated(path, zipped, texts))
    if whole_only(path):
        raise InputError(f"{path} can only be read whole: convert it to Parquet")
    if suffix == ".parquet":
        return _parquet(path)
    return Batches(str(path), 2 * path.stat().st_size, lambda _: _arrow(path))


@contextmanager
def counted_from(rows: int) -> Iterator[None]:
    """A refusal of what stands in a piece says where its rows begin: so many stand before it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{error}" + f"; rows are counted from row {rows + 1}" * (rows > 0)) from None


def _parquet(path: Path) -> Batches:
    with refusing(str(path), "parquet"):
        metadata = pq.read_metadata(path)
        check_claims(metadata, path.stat().st_size, str(path))
    return Batches(str(path), 8 * metadata.num_rows * metadata.num_columns, lambda _: _parquet_frames(path))


def _parquet_frames(path: Path) -> Iterator[pl.DataFrame]:
    with (
        refusing(str(path), "parquet"),
        pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file,
    ):
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE // 4):
            yield checked(pa.Table.from_batches([batch]))


def _arrow(path: Path) -> Iterator[pl.DataFrame]:
    with refusing(str(path), "arrow"), pa.OSFile(str(path)) as file:
        streamed = file.read(6) != b"ARROW1"
        file.seek(0)
        reader = ipc.open_stream(file) if streamed else ipc.open_file(file)
        every = reader if streamed else (reader.get_batch(place) for place in range(reader.num_record_batches))
        for batch in every:
            if batch.num_rows:
                yield checked(pa.Table.from_batches([batch]))


def _separated(path: Path, zipped: bool, texts: Texts) -> Iterator[pl.DataFrame]:
    header, before = b"", 0
    for piece in _pieces(path, zipped):
        yield separated(header + piece, path, before=before - header.count(b"\n"), texts=texts)
        header = header or _header(piece, path)
        before += piece.count(b"\n")


def _header(piece: bytes, path: Path) -> bytes:
    """The line of names, with its end."""
    text = piece.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    end = text.find(b"\n") + 1
    for field in _quoted(path, text).finditer(text):
        if field.start() >= end:
            break
        end = end if field.end() < end else text.find(b"\n", field.end()) + 1
    return text[:end] if end else text


def _pieces(path: Path, zipped: bool) -> Iterator[bytes]:
    """Whole records: a piece ends at a line's end that stands in no quoted field."""
    rest, quoted = b"", None
    try:
        with path.open("rb") as file:
            content = Unzipped(file, path) if zipped else file
            while more := content.read(BYTES_AT_ONCE):
                rest += more
                quoted = quoted or _quoted(path, rest)
                if end := _last_end(rest, quoted):
                    yield rest[:end]
                    rest = rest[end:]
                elif len(rest) > MOST_OF_A_RECORD:
                    raise InputError(f"{path} has a quote that is not closed: write a quote within text as two")
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path} is not a whole gzip file: compress it anew") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    if rest.strip():
        yield rest


def _quoted(path: Path, content: bytes) -> re.Pattern[bytes]:
    """What matches a quoted field, or the rest of the text where its quote isn't closed: a quote opens one at a field's
    start alone."""
    first = content.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").split(b"\n", 1)[0]
    separator = re.escape(separator_of(first.decode("utf-8", "replace"), path).encode())
    return re.compile(rb'"(?<![^\n\r' + separator + rb']")(?:[^"]++|"")*+(?:"|\Z)')


def _last_end(text: bytes, quoted: re.Pattern[bytes]) -> int:
    """The place after the last line's end that stands in no quoted field; 0 if there is none."""
    end = text.rfind(b"\n") + 1
    for start, stop in reversed([field.span() for field in quoted.finditer(text)]):
        if stop < end:
            break
        end = end if end <= start else text.rfind(b"\n", 0, start) + 1
    return end
