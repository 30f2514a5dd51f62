"""Opening what others made: only whole files, and no more memory than a file warrants."""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path
from typing import IO

from goodfit.errors import InputError

FREE = 1 << 28
"""Bytes that any file may unfold to, and beyond that:"""
UNFOLDED = 200
"""times its own size. Tables and logs are packed to between a half and a fiftieth."""
_BLOCK = 1 << 22


def refuse_special(path: Path) -> None:
    """Raise InputError for a pipe, a socket or a device, which may never end, nor ever begin.

    What can't be asked, such as a file that isn't there, is left to whoever opens it.

    Example:
        >>> refuse_special(Path(os.devnull))
        Traceback (most recent call last):
        goodfit.errors.InputError: /dev/null is a device, a pipe or a socket: name a file
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path} is a device, a pipe or a socket: name a file")


def warranted(size: int) -> int:
    """Bytes that the content of a file may take, unpacked.

    Args:
        size: of the file in bytes, 0 or more.

    Example:
        >>> warranted(1_000) == FREE, warranted(10_000_000)
        (True, 2000000000)
    """
    return max(FREE, UNFOLDED * size)


class Unzipped:
    """The content of a gzip file, until there is more of it than the file warrants."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._content, self._path = gzip.GzipFile(fileobj=file), path
        self._left = warranted(os.fstat(file.fileno()).st_size)

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as many or all.

        Raises:
            InputError: there are too many.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK), b""))
        content = self._content.read(min(size, self._left + 1))
        self._left -= len(content)
        if self._left < 0:
            raise InputError(
                f"{self._path} unfolds to more than {UNFOLDED} times its size: unpack it yourself if that is right"
            )
        return content
