"""Columns of pictures, sounds and texts, from arrays and lists: a table of one of them is a row's whole input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from goodfit.data.table import Column, Table, is_missing, to_table
from goodfit.errors import InputError

MEDIA = ("image", "sound", "text")
PICTURES = {3: "(n, height, width)", 4: "(n, channels, height, width)"}


def picture_table(pixels: Any, name: str = "image") -> Table:
    """A table of pictures.

    Args:
        pixels: uint8 `(n, H, W)` grey, `(n, C, H, W)`, or `(n, H, W, C)`, with 1 or 3 channels.
        name: of the column.

    Raises:
        InputError: another shape or type, or no picture.

    Example:
        >>> picture_table(np.zeros((2, 8, 8, 3), np.uint8)).columns[0].values.shape
        (2, 3, 8, 8)
    """
    array = np.asarray(pixels)
    if array.ndim not in PICTURES or not array.size:
        raise InputError(f"pictures have shape {array.shape}: give {' or '.join(PICTURES.values())}")
    if array.dtype != np.uint8:
        raise InputError(f"pictures hold {array.dtype}: give pixels from 0 to 255 as uint8")
    if array.ndim == 3:
        array = array[:, None]
    elif array.shape[1] not in (1, 3) and array.shape[3] in (1, 3):
        array = np.moveaxis(array, 3, 1)
    if array.shape[1] not in (1, 3):
        raise InputError(f"pictures have shape {np.shape(pixels)}: give 1 channel (grey) or 3 (red, green, blue)")
    return Table((Column(name, "image", np.ascontiguousarray(array)),), len(array))


def sound_table(decibels: npt.NDArray[np.float32], name: str = "sound") -> Table:
    """A table of sounds, from log-mel spectrograms in dB `(n, bands, frames)`.

    Example:
        >>> sound_table(np.zeros((2, 64, 10), np.float32)).rows
        2
    """
    return Table((Column(name, "sound", np.asarray(decibels, np.float32)),), len(decibels))


def text_table(texts: Sequence[Any], name: str = "text", *, reader: str = "") -> Table:
    """A table of texts; None counts as the empty text.

    Args:
        texts: n of them.
        name: of the column.
        reader: the sentence encoder that reads them, see `goodfit.texts.sentences`; "" for words.

    Raises:
        InputError: something else than texts, or none.

    Example:
        >>> text_table(["so good", "so bad", None]).columns[0].levels
        ('', 'so bad', 'so good')
    """
    for place, text in enumerate(texts):
        if not isinstance(text, str) and text is not None:
            raise InputError(f"text {place + 1} is {text!r}: give texts")
    if not len(texts):
        raise InputError("no texts: give one or more")
    try:
        series = pl.Series(name, list(texts), dtype=pl.String).fill_null("")
    except UnicodeEncodeError as error:
        place = next(i for i, text in enumerate(texts) if text and error.object in text)
        raise InputError(
            f"text {place + 1} holds {error.object[error.start]!a}, half of a character: replace it"
        ) from None
    levels = series.unique().sort()
    codes = series.cast(pl.Enum(levels)).to_physical().cast(pl.Int32)
    return Table((Column(name, "text", np.array(codes.to_numpy()), tuple(levels.to_list()), reader),), len(series))


def texts_of(column: Column) -> list[str]:
    """The texts of a column, one a row; the empty text where missing."""
    return [column.levels[code] if code >= 0 else "" for code in column.values.tolist()]


def read_rows(X: Any) -> Table:
    """Any input of a network as a table: pictures, texts, or rows of columns.

    Args:
        X: uint8 pictures as `picture_table` takes them; a list, array or series of texts, some of them missing or none;
            a table, or what `to_table` takes.

    Example:
        >>> read_rows(["good", "bad"]).columns[0].kind, read_rows([[1.0], [2.0]]).columns[0].kind
        ('text', 'number')
    """
    if isinstance(X, np.ndarray) and X.ndim in PICTURES:
        return picture_table(X)
    series = nw.from_native(X, series_only=True, pass_through=True)
    texts = series.to_list() if isinstance(series, nw.Series) else X
    flat = isinstance(texts, list | tuple) or (isinstance(texts, np.ndarray) and texts.ndim == 1)
    if flat and any(isinstance(text, str) for text in texts):
        others = [text for text in texts if not isinstance(text, str)]
        if all(np.ndim(other) == 0 and is_missing(other) for other in others):
            return text_table([text if isinstance(text, str) else None for text in texts])
    return to_table(X)


def medium_of(table: Table) -> Column | None:
    """The column of pictures, sounds or texts that a table consists of; None for a table of other columns.

    Raises:
        InputError: there are other columns beside it.
    """
    found = next((column for column in table.columns if column.kind in MEDIA), None)
    if found is not None and len(table.columns) > 1:
        raise InputError(
            f"column {found.name!r} holds {found.kind}s: give it alone, without {len(table.columns) - 1} more"
        )
    return found
