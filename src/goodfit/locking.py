"""One process at a time in a folder: by a lock of the system, which goes with its process however that ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from goodfit.errors import InputError

LOCK = ".lock"


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
        _removed(folder / LOCK)
        os.close(opened)
        if sys.platform == "win32":
            _removed(folder / LOCK)
        if made:
            with suppress(OSError):
                folder.rmdir()


def _taken(folder: Path) -> int:
    """The lock, opened; a file that its last owner removed while this one opened it is none."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            opened = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue
        if not _locked(opened):
            os.close(opened)
            raise InputError(f"another process is at work in {folder}: wait for its end, or give another folder")
        if _is(opened, folder / LOCK):
            return opened
        os.close(opened)


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

            msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
