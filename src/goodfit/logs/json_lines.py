"""JSON lines: an object a step or an epoch, as many own training loops write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from goodfit.errors import InputError
from goodfit.logs.collecting import Collector
from goodfit.logs.log import Asked, Fields
from goodfit.logs.names import is_part, is_run
from goodfit.logs.opening import blocks, text_of
from goodfit.logs.separated import MISSING


def read_json_lines(path: Path, asked: Asked) -> Fields:
    """Read a log of one JSON object a line; objects within objects become names with `/`.

    Python's NaN and Infinity are taken as such. A last line that was cut off is left out.

    Raises:
        InputError: a line is no JSON object, or a loss no number.
    """
    collector, notes = Collector(asked), dict[str, None]()
    for line, block in blocks(path):
        text_of(block, path, line)
        frame = _quick(block)
        if frame is None:
            records, cut = _records(block, path, line)
            if cut:
                notes["the last line was cut off and is left out"] = None
            frame = to_frame(records)
        collector.add(numbers(frame, collector.wanted(frame.columns), str(path)))
    return Fields(str(path), "JSON lines", collector.frame(), collector.names, notes=tuple(notes))


def flattened(record: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """An object without objects within it.

    Example:
        >>> flattened({"epoch": 1, "val": {"loss": 0.5}})
        {'epoch': 1, 'val/loss': 0.5}
    """
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{before}{key}/")
        else:
            flat[f"{before}{key}"] = value
    return flat


def to_frame(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Objects as rows: plain values as text; lists, which are no losses, are left out."""
    rows = [{key: _text(value) for key, value in flattened(record).items()} for record in records]
    names = dict.fromkeys(key for row in rows for key in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def numbers(frame: pl.DataFrame, names: Iterable[str], source: str) -> pl.DataFrame:
    """The named fields as numbers; those that tell runs apart as text.

    Raises:
        InputError: a text is no number.
    """
    return frame.select(_number(frame[name], source) for name in names)


def _number(column: pl.Series, source: str) -> pl.Series:
    if is_run(column.name) or is_part(column.name):
        return column.cast(pl.String)
    if column.dtype != pl.String:
        return column.cast(pl.Float64)
    texts = column.str.strip_chars()
    texts = texts.set(texts.str.to_lowercase().is_in(MISSING).fill_null(False), None)
    values = texts.cast(pl.Float64, strict=False)
    lost = (values.is_null() & texts.is_not_null()).arg_true()
    if len(lost):
        value = str(texts[int(lost[0])])[:40]
        raise InputError(f"{source}: {column.name!r} holds {value!r}, which is no number: write numbers, or null")
    return values


def _quick(block: bytes) -> pl.DataFrame | None:
    """The block by polars' reader; None where that refuses, as of NaN."""
    try:
        frame = pl.read_ndjson(block, infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    while structs := [column.name for column in frame if column.dtype == pl.Struct]:
        for name in structs:
            fields = frame[name].struct.rename_fields([f"{name}/{field}" for field in frame[name].struct.fields])
            if set(fields.struct.fields) & set(frame.columns):
                return None
            frame = frame.with_columns(fields).unnest(name)
    return frame.select(column for column in frame if column.dtype.is_numeric() or column.dtype == pl.String)


def _records(block: bytes, path: Path, line: int) -> tuple[list[Mapping[str, Any]], bool]:
    """The objects of a block, and whether a last one was cut off."""
    records: list[Mapping[str, Any]] = []
    lines = block.split(b"\n")
    for place, content in enumerate(lines):
        if not content.strip():
            continue
        try:
            record = json.loads(content)
        except (ValueError, RecursionError):
            if place == len(lines) - 1:
                return records, True
            record = None
        if not isinstance(record, dict):
            raise InputError(f"{path}, line {line + place} is not a JSON object: write one to a line")
        records.append(record)
    return records, False


def _text(value: Any) -> str | None:
    if isinstance(value, int):
        return str(int(value))
    return repr(value) if isinstance(value, float) else value if isinstance(value, str) else None
