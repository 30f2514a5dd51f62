"""Tables as CSV that a spreadsheet may open: a text that it would take for a formula stays a text."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

_FORMULA = r"^(?:[\s\x00-\x1f]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]|[\t\r\n])"
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
TEXTS = (pl.String, pl.Categorical, pl.Enum)


def csv_bytes(frame: pl.DataFrame, *, raw: bool = False, header: bool = True) -> bytes:
    """A frame as CSV in UTF-8.

    Spreadsheets run a cell that begins with `=`, `+`, `-` or `@` (or one of these in its wide form), also after blanks,
    a tab or the end of a line, which some of them drop. Such a text or name of a column gets an apostrophe before it,
    with which spreadsheets mark texts. Columns of numbers, dates and booleans are as they are, and so is a text that
    is a number, such as `-5`.

    Args:
        frame: columns of numbers, texts, booleans and dates.
        raw: leave everything as it is.
        header: whether the names come first.

    Example:
        >>> csv_bytes(pl.DataFrame({"=a": ["=1+1", "-5", "fine"], "b": [-1, 2, 3]})).decode().split()
        ["'=a,b", "'=1+1,-1", '-5,2', 'fine,3']
    """
    return (frame if raw else guarded(frame)).write_csv(include_header=header).encode()


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before each text and name that a spreadsheet would run."""
    texts = [name for name, dtype in frame.schema.items() if dtype in TEXTS]
    safe = frame.with_columns(_text(name) for name in texts)
    return safe.select(pl.col(old).alias(new) for old, new in zip(frame.columns, _names(frame.columns), strict=True))


def _text(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String)
    runs = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return pl.when(runs).then(pl.lit("'") + text).otherwise(text).alias(name)


def _names(names: Iterable[str]) -> list[str]:
    """The columns' names, still all different."""
    every, found = list(names), list[str]()
    texts = pl.Series(every, dtype=pl.String).str
    runs = texts.contains(_FORMULA) & ~texts.contains(_NUMBER)
    for name, guard in zip(every, runs.to_list(), strict=True):
        own = f"'{name}" if guard else name
        while guard and own in {*every, *found}:
            own = f"'{own}"
        found.append(own)
    return found
