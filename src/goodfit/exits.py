"""What a command says and does where the system fails it."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TextIO


def say(line: str) -> None:
    """A line on standard error; where nobody can read it any more, nowhere."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Send what a stream still holds nowhere, or Python would try to write it again at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def told(error: OSError) -> str:
    """An error of the system in a line."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}no space left on the disk; free some and give the same command again: nothing was half-written"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{where}no permission; choose another place with --out"
    return f"{where}{error.strerror or error}; choose another place with --out"
