"""One process at a time in a folder."""

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
    import errno
    import fcntl

    def unknown(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with alone_in(tmp_path), alone_in(tmp_path):
        pass
