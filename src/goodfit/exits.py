"""What a command says and does where the system fails it."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress


def drop_output() -> None:
    """Send what standard output still holds nowhere, or Python would try to write it again at its end."""
    with suppress(OSError):
        output = sys.stdout.fileno()
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)


def told(error: OSError) -> str:
    """An error of the system in a line."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}no space left on the disk; free some and give the same command again: nothing was half-written"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{where}no permission; choose another place with --out"
    return f"{where}{error.strerror or error}; choose another place with --out"
