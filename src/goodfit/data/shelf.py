"""Arrays that lie in files: where a table is larger than the memory that it may take."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goodfit.errors import InputError

ROWS_AT_ONCE = 1 << 20
"""Rows that are worked on together where all of them may not fit into memory."""


@dataclass(frozen=True)
class Shelf:
    """A folder for arrays. Each is a file without a name, which ends with the array: nothing is left after a crash.

    The system keeps in memory what of them is in use, and writes the rest to the disk when others need the room.
    """

    folder: Path

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array of zeros in a file.

        Raises:
            InputError: no room on the disk, or no permission to write there.
        """
        kind = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        if not size:
            return np.zeros(shape, kind)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                _reserve(file.fileno(), size)
                return np.asarray(np.memmap(file, dtype=kind, mode="r+", shape=shape))
        except OSError as error:
            raise InputError(
                f"a table that memory can't hold needs {size / 1e9:.1f} GB in {self.folder}: {error.strerror}; make "
                "room there, or name another folder with --cache"
            ) from None


def taken(values: npt.NDArray[Any], rows: npt.NDArray[np.int64], shelf: Shelf | None) -> npt.NDArray[Any]:
    """`values[rows]`, on a shelf if there is one."""
    if shelf is None:
        return np.asarray(values[rows])
    out = shelf.empty((len(rows), *values.shape[1:]), values.dtype)
    for part in parts(len(rows)):
        out[part] = values[rows[part]]
    return out


def parts(rows: int, size: int = ROWS_AT_ONCE) -> Iterator[slice]:
    """Rows in pieces that memory holds, at least one."""
    return (slice(start, min(start + size, rows)) for start in range(0, max(rows, 1), size))


def _reserve(file: int, size: int) -> None:
    """Take the room on the disk now: where it is missing later, writing to memory would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
