"""Table files -> data frames: separators, missing markers and dates found out, faults named by their line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from pathlib import Path

import polars as pl

from goodfit.columnar import read_columnar
from goodfit.data.table import counted, refuse_equal_names
from goodfit.errors import InputError
from goodfit.files import Unzipped, refuse_special

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
SEPARATED = (".csv", ".txt", ".tsv", ".tab")
JSON_LINES = (".jsonl", ".ndjson")
ARROW = (".arrow", ".feather", ".ipc")
KNOWN = (*SEPARATED, ".parquet", *ARROW, *JSON_LINES)

_SEPARATORS = ",;\t|"


def read(path: str | Path) -> pl.DataFrame:
    """Read a table file by its suffix.

    Args:
        path: .csv or .txt (separated by comma, semicolon, tab or bar, whichever the header has most of), .tsv or .tab
            (tabs), .parquet, .arrow, .feather or .ipc, .jsonl or .ndjson; each also with .gz after it.

    Returns:
        At least one row. In separated text a column is of numbers, dates or booleans where all of its values are;
        `MISSING` texts are null, spaces around values and blank lines are dropped, and between semicolons a comma may
        be the decimal point.

    Raises:
        InputError: the file is absent, a folder, not readable, empty, of unknown suffix, damaged, or not UTF-8; two
            columns have one name; a line has more or fewer fields than the header.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "sales.csv")
        ...     _ = path.write_text("day;price\\n2024-05-01;1,5\\n2024-05-02;NA\\n")
        ...     read(path).to_dict(as_series=False)["price"]
        [1.5, None]
    """
    path = Path(path)
    suffix, zipped = check_path(path)
    content = _content(path, zipped)
    if suffix in SEPARATED:
        frame = separated(content, path)
    elif suffix in JSON_LINES:
        frame = _read_json_lines(content, path)
    else:
        frame = read_columnar(content, str(path), "parquet" if suffix == ".parquet" else "arrow")
    if frame.is_empty():
        raise InputError(f"{path} has no rows of values: add rows below the column names")
    return frame


def check_path(path: Path) -> tuple[str, bool]:
    """What kind of file it is by its suffix, and whether it is compressed.

    Raises:
        InputError: a folder, no file, or of unknown suffix.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    suffix = "".join((suffixes[:-1] if zipped else suffixes)[-1:])
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file in it")
        if not path.exists():
            raise InputError(f"there is no file {path}: check the name and the folder")
        refuse_special(path)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    if suffix not in KNOWN:
        raise InputError(f"{path}: unknown kind of file {suffix!r}; known are {', '.join(KNOWN)}, also with .gz")
    return suffix, zipped


def whole_only(path: Path) -> bool:
    """Whether a file's kind can't be read a piece at a time."""
    suffix, zipped = check_path(path)
    return suffix in JSON_LINES or (zipped and suffix not in SEPARATED)


def _content(path: Path, zipped: bool) -> bytes:
    try:
        with path.open("rb") as file:
            content = Unzipped(file, path).read() if zipped else file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path} is not a whole gzip file: compress it anew") from None
    except PermissionError:
        raise InputError(f"no permission to read {path}: ask for it, or copy the file") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    if not content.strip():
        raise InputError(f"{path} is empty: it needs column names and rows")
    return content


def _text(content: bytes, path: Path, before: int = 0) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the byte order mark that the codec cuts off is at the start, so it shifts no line
        line = error.object.count(b"\n", 0, error.start) + 1 + before
        byte = error.object[error.start]
        raise InputError(f"{path}, line {line}: byte 0x{byte:02X} is not UTF-8: save it as UTF-8") from None


def separated(content: bytes, path: Path, *, before: int = 0, texts: frozenset[str] = frozenset()) -> pl.DataFrame:
    """The table of separated text, or of a piece of it below its header.

    Args:
        content: a header and records.
        path: for messages, and for its suffix.
        before: lines of the file that stand before this content, for messages.
        texts: columns that are text whatever they hold here.

    Raises:
        InputError: not UTF-8, equal names, or a line of more or fewer fields than the header.
    """
    text = _text(content, path, before).lstrip("\r\n")
    skipped = content.count(b"\n") - text.count("\n") + before
    text = text if "\n" in text else text.replace("\r", "\n")
    separator = separator_of(text.split("\n", 1)[0], path)
    try:
        frame = _parsed(_plain_records(text, separator, skipped), separator, texts)
    except InputError as error:
        raise InputError(f"{path}{error}") from None
    found = [column.name for column in frame if column.dtype == pl.String]
    return frame.with_columns(_tidied(frame[name], separator, numbers=name not in texts) for name in found)


def separator_of(header: str, path: Path) -> str:
    """A tab by the file's suffix, else what the header has most of outside quotes."""
    tabs = path.name.lower().removesuffix(".gz").endswith((".tsv", ".tab"))
    return "\t" if tabs else max(_SEPARATORS, key=re.sub(r'"[^"]*"', "", header).count)


def _plain_records(text: str, separator: str, skipped: int) -> str:
    """The text if each line has as many fields as the header; without blank lines, and quoted only where needed."""
    records = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    plain = io.StringIO()
    writer = csv.writer(plain, delimiter=separator, lineterminator="\n")
    try:
        header = next(records)
        if _even(text, separator, len(header)):
            return text
        writer.writerow(header)
        start = records.line_num + 1
        for record in records:
            if len(record) not in (0, len(header)):
                raise InputError(
                    f", line {start + skipped} has {counted(len(record), 'field')}, the header has {len(header)}: "
                    f"add or remove {separator!r}, or put quotes around text that contains it"
                )
            if record:
                writer.writerow(record)
            start = records.line_num + 1
    except csv.Error:
        raise InputError(
            f", line {records.line_num + skipped}: a quote is not closed, has text after it, or holds more than "
            f"{csv.field_size_limit()} characters: write a quote within text as two"
        ) from None
    return plain.getvalue()


def _even(text: str, separator: str, width: int) -> bool:
    """Whether each line plainly has the fields that it should; quick, and True only if so."""
    if '"' in text or "\r" in text.replace("\r\n", ""):
        return False
    lines = text.removesuffix("\n").split("\n")
    return all(line.count(separator) == width - 1 for line in lines) and not any(line in ("", "\r") for line in lines)


def _parsed(text: str, separator: str, texts: frozenset[str]) -> pl.DataFrame:
    header = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    names = [name.strip() or f"column {place}" for place, name in enumerate(header, start=1)]
    try:
        refuse_equal_names(names)
        return pl.read_csv(
            text.encode(),
            separator=separator,
            new_columns=names,
            null_values=list(MISSING),
            infer_schema_length=None,
            try_parse_dates=True,
            schema_overrides={name: pl.String for name in names if name in texts},
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(f" can't be read as a table: {str(error).splitlines()[0]}") from None
    except InputError as error:
        raise InputError(f": {error}") from None


def _tidied(column: pl.Series, separator: str, *, numbers: bool) -> pl.Series:
    """Text without the spaces around it; if wanted as numbers where all of it are, now that these are gone."""
    texts = column.str.strip_chars()
    texts = texts.set(texts.is_in(MISSING).fill_null(False), None)
    if not numbers:
        return texts
    digits = texts.str.replace(",", ".", literal=True) if separator == ";" else texts
    values = digits.cast(pl.Float64, strict=False)
    return values if values.null_count() == texts.null_count() else texts


def _read_json_lines(content: bytes, path: Path) -> pl.DataFrame:
    text = _text(content, path)
    try:
        return pl.read_ndjson(text.encode(), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip() and not _is_object(line):
                raise InputError(
                    f"{path}, line {number} is not a JSON object: write one to a line, null where missing"
                ) from None
        raise InputError(f"{path} can't be read as JSON lines: {str(error).splitlines()[0]}") from None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line, parse_constant=_refuse_constant), dict)
    except ValueError:
        return False


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)
