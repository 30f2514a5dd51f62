"""One process at a time in a folder."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from goodfit import locking
from goodfit.errors import InputError
from goodfit.locking import LOCK, alone_in

HOLDS = """
import sys
from pathlib import Path
from goodfit.locking import alone_in
with alone_in(Path(sys.argv[1])):
    print("holds", flush=True)
    sys.stdin.readline()
"""


def holder(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", HOLDS, folder], stdin=-1, stdout=-1, text=True)
    assert process.stdout.readline() == "holds\n"
    return process


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path):
    folder = tmp_path / "above" / "run"
    with holder(folder) as first:
        for _ in range(2):  # being refused takes nothing from the first
            with (
                pytest.raises(InputError, match=r"another process is at work in .*run: wait for its end"),
                alone_in(folder),
            ):
                pass
        assert (folder / LOCK).exists()
        first.communicate("end\n")
    assert not folder.exists()
    with alone_in(folder):
        (folder / "kept").touch()
    assert [path.name for path in folder.iterdir()] == ["kept"]


def test_a_killed_process_keeps_nobody_out(tmp_path):
    with holder(tmp_path) as first:
        first.kill()
        first.communicate()
    assert (tmp_path / LOCK).exists()
    with alone_in(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_within_a_process_too(tmp_path):
    with alone_in(tmp_path), pytest.raises(InputError, match="at work"), alone_in(tmp_path):
        pass


def test_a_lock_that_its_owner_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    locked, tries = locking._locked, []

    def after_the_owner_left(opened: int) -> bool:
        tries.append(opened)
        if len(tries) == 1:
            (tmp_path / LOCK).unlink()
        return locked(opened)

    monkeypatch.setattr(locking, "_locked", after_the_owner_left)
    with alone_in(tmp_path):
        assert (tmp_path / LOCK).exists()
    assert len(tries) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fcntl, by whose absence of locks this is tried")
def test_where_there_are_no_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    import fcntl

    def unknown(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with alone_in(tmp_path), alone_in(tmp_path):
        pass


def test_the_first_leaves_the_seconds_lock_in_a_folder_made_anew(tmp_path):
    folder = tmp_path / "run"
    first = alone_in(folder)
    first.__enter__()
    (folder / LOCK).unlink()
    with holder(folder) as second:
        first.__exit__(None, None, None)
        assert (folder / LOCK).exists()
        with pytest.raises(InputError, match="at work"), alone_in(folder):
            pass
        second.communicate("end\n")


def test_a_folder_that_is_removed_again_and_again(tmp_path, monkeypatch):
    def gone(*_: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(locking.os, "open", gone)
    with pytest.raises(FileNotFoundError, match="again and again"), alone_in(tmp_path / "run"):
        pass


class OfWindows:
    """What Windows' module of locks does, as far as its documentation says: a stand-in, for none of this ran there."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.owners: dict[int, int] = {}

    def locking(self, opened: int, mode: int, size: int) -> None:
        assert (mode, size) == (self.LK_NBLCK, 1)
        assert os.lseek(opened, 0, os.SEEK_CUR) > 1 << 29, "no other handle may write over a locked byte"
        file = os.fstat(opened).st_ino
        if self.owners.setdefault(file, opened) != opened:
            raise PermissionError(errno.EACCES, "Permission denied")


@pytest.fixture
def windows(monkeypatch):
    """The branch for Windows, over a stand-in of its locks and a file that can't be removed while it is open."""
    fake, close, unlink = OfWindows(), os.close, Path.unlink

    def closed(opened: int) -> None:
        fake.owners = {file: owner for file, owner in fake.owners.items() if owner != opened}
        close(opened)

    def removed(path: Path, missing_ok: bool = False) -> None:
        if path.exists() and path.stat().st_ino in fake.owners:
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
        unlink(path, missing_ok)

    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    monkeypatch.setattr(locking.sys, "platform", "win32")
    monkeypatch.setattr(locking.os, "close", closed)
    monkeypatch.setattr(Path, "unlink", removed)
    return fake


def test_the_logic_for_windows_over_a_stand_in_of_its_locks(windows, tmp_path):
    """Not Windows itself: that its module is called as it asks to be, and that the lock goes once it is closed."""
    folder = tmp_path / "run"
    with alone_in(folder):
        assert len(windows.owners) == 1
        with pytest.raises(InputError, match="at work"), alone_in(folder):
            pass
        assert (folder / LOCK).exists()
        (folder / "kept").touch()
    assert windows.owners == {}
    assert [path.name for path in folder.iterdir()] == ["kept"]
    with alone_in(folder):
        pass


def test_files_take_their_places_on_windows_once_they_are_closed(windows, tmp_path, monkeypatch):
    from goodfit.saving import write_all

    replace = os.replace

    def replaced(source: Path, target: Path) -> None:
        assert source.stat().st_ino not in windows.owners
        replace(source, target)

    monkeypatch.setattr(os, "replace", replaced)
    write_all(tmp_path, {"a": b"1", "b": b"2"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "b": b"2"}
