"""Separated text: what Keras' and Lightning's CSV loggers write, and any table of losses."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl

from goodfit.errors import InputError
from goodfit.logs.collecting import Collector
from goodfit.logs.log import Asked, Fields
from goodfit.logs.names import is_part, is_run, shown
from goodfit.logs.opening import blocks, text_of

MISSING = ("", "na", "n/a", "null", "none", "-", "?")
_SEPARATORS = ",;\t"


def read_separated(path: Path, asked: Asked) -> Fields:
    """Read a table of losses; comma, semicolon or tab, whichever the header has most of.

    A header that comes again, as where a training was taken up, is left out; so is a last line that was cut off.

    Raises:
        InputError: no header, a line of another number of fields, a loss that is no number.
    """
    reader = _Reader(path, asked)
    for line, block in blocks(path):
        reader.add(line, block)
    return reader.fields()


class _Reader:
    def __init__(self, path: Path, asked: Asked) -> None:
        self.path = path
        self.collector = Collector(asked)
        self.header: list[str] = []
        self.header_line = b""
        self.separator = ","
        self.notes: dict[str, None] = {}

    def fields(self) -> Fields:
        if not self.header:
            raise InputError(f"{self.path} is empty: give a log with a header and a row an epoch")
        return Fields(str(self.path), "CSV", self.collector.frame(), self.collector.names, notes=tuple(self.notes))

    def add(self, line: int, block: bytes) -> None:
        text_of(block, self.path, line)
        if not self.header:
            line, block = self._start(line, block)
        if self.header_line and self.header_line in block:
            block = self._without_headers(block)
        if block.strip():
            block = self._whole(line, block)
        if block.strip():
            self.collector.add(self._numbers(line, block))

    def _start(self, line: int, block: bytes) -> tuple[int, bytes]:
        """Take the header off; blank lines and comments may stand before it."""
        while block:
            first, _, block = block.partition(b"\n")
            line += 1
            if first.strip() and not first.startswith(b"#"):
                self._take_header(first.decode().rstrip("\r"))
                self.header_line = first.rstrip(b"\r")
                break
        return line, block

    def _take_header(self, text: str) -> None:
        self.separator = max(_SEPARATORS, key=text.count)
        try:
            names = [name.strip() for name in next(csv.reader([text], delimiter=self.separator, strict=True))]
        except csv.Error:
            raise InputError(f"{self.path}, line 1: a quote is not closed: write a header of names") from None
        if all(_is_number(name) for name in names):
            raise InputError(f"{self.path} begins with numbers: add a header, such as epoch,loss,val_loss")
        names = [name or f"column {place}" for place, name in enumerate(names, start=1)]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise InputError(f"{self.path} has two columns {name!r}: rename one")
        self.header = names

    def _without_headers(self, block: bytes) -> bytes:
        lines = block.split(b"\n")
        kept = [line for line in lines if line.rstrip(b"\r") != self.header_line]
        if len(kept) < len(lines):
            self.notes["the header comes again within the log"] = None
        return b"\n".join(kept)

    def _whole(self, line: int, block: bytes) -> bytes:
        """The block if each line has as many fields as the header; without a last line that was cut off."""
        if b'"' in block:
            return block
        data = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        if not block.endswith(b"\n"):
            ends = np.append(ends, len(data))
        separators = np.flatnonzero(data == ord(self.separator))
        found = np.diff(np.searchsorted(separators, ends), prepend=0)
        lengths = np.diff(ends, prepend=-1) - 1
        blank = (lengths == 0) | ((lengths == 1) & (data[ends - 1] == ord("\r")))
        wrong = np.flatnonzero((found != len(self.header) - 1) & ~blank)
        if not len(wrong):
            return block
        place = int(wrong[0])
        if place == len(ends) - 1 and not block.endswith(b"\n") and found[place] < len(self.header) - 1:
            self.notes["the last line was cut off and is left out"] = None
            return block[: int(ends[place - 1]) + 1] if place else b""
        raise InputError(
            f"{self.path}, line {line + place} has {found[place] + 1} fields, the header has {len(self.header)}: "
            f"add or remove {self.separator!r}"
        )

    def _numbers(self, line: int, block: bytes) -> pl.DataFrame:
        names = self.collector.wanted(self.header)
        try:
            frame = pl.read_csv(
                block,
                separator=self.separator,
                has_header=False,
                schema=dict.fromkeys(self.header, pl.String),
                infer_schema=False,
            )
        except pl.exceptions.PolarsError as error:
            raise InputError(
                f"{self.path}, from line {line} can't be read as a table of {shown(self.header)}: "
                f"{str(error).splitlines()[0]}"
            ) from None
        return frame.select(self._number(frame[name], line) for name in names)

    def _number(self, column: pl.Series, line: int) -> pl.Series:
        texts = column.str.strip_chars()
        if is_run(column.name) or is_part(column.name):
            return texts
        values = texts.cast(pl.Float64, strict=False)
        if values.null_count() == 0:
            return values
        texts = texts.set(texts.str.to_lowercase().is_in(MISSING).fill_null(False), None)
        if self.separator == ";":
            values = texts.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        lost = (values.is_null() & texts.is_not_null()).arg_true()
        if len(lost):
            value = str(texts[int(lost[0])])[:40]
            raise InputError(
                f"{self.path}: {column.name!r} holds {value!r} (from line {line}, row {int(lost[0]) + 1}), "
                "which is no number: write numbers, and nothing where there is none"
            )
        return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
