"""One process at a time in a folder: by a lock of the system, which goes with its process however that ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from goodfit.errors import InputError

LOCK = ".lock"
FAR = 1 << 30
"""The byte that is locked on Windows, where nothing else may write to a locked one: beyond all that is written."""
TRIES = 100
"""To make a folder that others remove."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder while this one works in it.

    Args:
        folder: made if it isn't there, and removed again if nothing came of it. On a file system without locks nobody
            is kept out.

    Raises:
        InputError: another process works in it.
        OSError: nothing can be written there.
    """
    made = not folder.exists()
    opened = _taken(folder)
    try:
        yield
    finally:
        own = _is(opened, folder / LOCK)  # not where the folder was removed meanwhile, and another process made it anew
        if own:
            _removed(folder / LOCK)
        os.close(opened)
        if own and sys.platform == "win32":
            _removed(folder / LOCK)
        if made:
            with suppress(OSError):
                folder.rmdir()


def hold(path: Path, doing: str, what: str) -> int:
    """Open a file, made if it isn't there, under a lock that goes with the number that this gives.

    Args:
        path: the file; one that its last owner moved or removed while this one opened it is none.
        doing: what another process is at, where it has the lock.
        what: to give another of then.

    Raises:
        InputError: another process has it.
        OSError: it can't be opened.
    """
    while True:
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _locked(opened):
            os.close(opened)
            raise InputError(f"another process is {doing}: wait for its end, or give another {what}")
        if _is(opened, path):
            return opened
        os.close(opened)


def _taken(folder: Path) -> int:
    """The lock, opened, in the folder that is there or made anew."""
    for _ in range(TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return hold(folder / LOCK, f"at work in {folder}", "folder")
    raise FileNotFoundError(errno.ENOENT, "it is removed again and again", str(folder))


def _is(opened: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), path.stat())
    except FileNotFoundError:
        return False


def _removed(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _locked(opened: int) -> bool:
    """Whether nobody else has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(opened, FAR, os.SEEK_SET)
            msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
