"""Frames to one file, a piece after the other; it takes its place when it is whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from goodfit.commands.spreadsheet import csv_bytes
from goodfit.locking import hold
from goodfit.saving import draft_of


def _csv(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    rows = 0
    for frame in frames:
        file.write(csv_bytes(frame, header=not rows))
        rows += frame.height
    return rows


def _json_lines(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    rows = 0
    for frame in frames:
        frame.write_ndjson(file)
        rows += frame.height
    return rows


def _parquet(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    first = _arrow(next(frames))
    with pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        rows = int(first.num_rows)
        for frame in frames:
            writer.write_table(_arrow(frame).cast(first.schema))
            rows += frame.height
    return rows


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


WRITERS: dict[str, Callable[[Iterator[pl.DataFrame], IO[bytes]], int]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
}
"""By the suffix of the file; each gives back how many rows it wrote."""


def write_frames(frames: Iterator[pl.DataFrame], path: Path) -> int:
    """Write frames of the same columns, at least one, and say how many rows there were.

    Raises:
        InputError: another process is writing it.
        OSError: the file can't be written; its `filename` is the one that was wanted, and what was there is as it was.
    """
    draft, held = draft_of(path), list[int]()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held.append(hold(draft, f"writing {path}", "file"))
        with draft.open("wb") as file:
            rows = WRITERS[path.suffix](frames, file)
        if sys.platform == "win32":  # nobody moves an open file there
            os.close(held.pop())
        os.replace(draft, path)
        while held:
            os.close(held.pop())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        while held:
            with suppress(OSError):
                draft.unlink()
            os.close(held.pop())
    return rows
