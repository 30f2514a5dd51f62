"""A disk that fills, a folder that can't be written, and one that vanishes: told in a line, with nothing lost."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from commandline import QUICK, RUN_FILES, assert_done, assert_refused, at_a_save, contents, goodfit
from endurance_kills import files_of, timeless

from goodfit import saving
from goodfit.training import Checkpoint, checkpoint

FIT = ("--target", "left", *QUICK)
WRITES = ("Path.mkdir", "Path.write_bytes", "os.open", "os.fsync", "os.replace")


class Disk:
    """Counts what is written, and has no space from the n-th time on."""

    def __init__(self, patch: pytest.MonkeyPatch, below: Path, full_at: int = 10**9) -> None:
        self.count, self.full_at, self.below = 0, full_at, below
        for name in WRITES:
            where = {"Path": Path, "os": os}[name.partition(".")[0]]
            patch.setattr(where, name.partition(".")[2], self.wrapped(getattr(where, name.partition(".")[2])))

    def wrapped(self, write: Callable[..., object]) -> Callable[..., object]:
        def tried(target: object, *rest: object, **named: object) -> object:
            own = isinstance(target, int) or str(target).startswith(str(self.below))
            self.count += own
            if own and self.count >= self.full_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), None if isinstance(target, int) else str(target))
            return write(target, *rest, **named)

        return tried


def full_at_each_write(places: Callable[[int], list[int]], csv: Path, run: Path) -> None:
    before = contents(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint.Checkpoint, "due", True)
        disk = Disk(patch, run)
        assert_done(goodfit("fit", csv, *FIT, "--seed", 1, "--out", run))
    expected = timeless(files_of(run))
    for place in places(disk.count):
        shutil.rmtree(run)
        run.mkdir()
        for name, content in before.items():
            (run / name).write_bytes(content or b"")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoint.Checkpoint, "due", True)
            Disk(patch, run, place)
            done = goodfit("fit", csv, *FIT, "--seed", 1, "--out", run)
        assert_refused(done, str(run), "no space left on the disk; free some and give the same command again")
        left = contents(run)
        left.pop("unfinished.safetensors", None)
        left.pop(".lock", None)
        renames = disk.count - place  # that didn't come: the last writes, which few file systems need space for
        assert left == before or renames < len(RUN_FILES) - 1
        assert left.keys() == before.keys()
        if 0 < renames < len(RUN_FILES) - 1:  # but for the report, which is made anew at will
            assert_refused(goodfit("report", run), "isn't the one that run.json tells of", "half-way")
        assert_done(goodfit("fit", csv, *FIT, "--seed", 1, "--out", run))
        assert timeless(files_of(run)) == expected


def test_full_at_some_writes(csv: Path, run: Path) -> None:
    full_at_each_write(lambda count: [count // 3, count - 6], csv, run)


@pytest.mark.slow
def test_full_at_every_write(csv: Path, run: Path) -> None:
    full_at_each_write(lambda count: list(range(1, count + 1)), csv, run)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    folder, mount = tmp_path / "disk", shutil.which("mount")
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", "size=16m", "none", folder)
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here; a full one is simulated by the tests above")
    yield folder
    subprocess.run(["umount", folder], check=True)


def really_full(trials: int, csv: Path, disk: Path, *options: str) -> int:
    """Fits with so many bytes free, drawn at random: how many were refused."""
    draw, run, filler, refused = np.random.default_rng(0), disk / "run", disk / "filler", 0
    command = ("fit", csv, *FIT, *options, "--out", run)
    assert_done(goodfit(*command))
    expected = timeless(files_of(run))
    for _ in range(trials):
        shutil.rmtree(run)
        free = shutil.disk_usage(disk).free
        filler.write_bytes(bytes(free - int(draw.uniform(0, 1.2) * sum(map(len, expected.values())))))
        done = goodfit(*command)
        if done.status:
            refused += 1
            assert_refused(done, str(run), "no space left on the disk")
            assert not {name for name in contents(disk) if name.endswith(".new")}
            filler.unlink()
            done = goodfit(*command)
        assert_done(done)
        assert timeless(files_of(run)) == expected
        filler.unlink(missing_ok=True)
    return refused


@pytest.mark.slow
def test_really_full_at_random(small_disk: Path, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint.Checkpoint, "due", True)
    assert really_full(2, csv, small_disk) > 0


@pytest.mark.slow
def test_really_full_often(small_disk: Path, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint.Checkpoint, "due", True)
    assert really_full(40, csv, small_disk) > 20


@pytest.mark.slow
def test_a_folder_that_vanishes_is_made_anew(csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert_done(at_a_save(2, "shutil.rmtree(self.path.parent)", "fit", csv, *FIT, "--out", run))
    assert {path.name for path in run.iterdir()} == RUN_FILES


@pytest.mark.slow
def test_a_folder_that_becomes_a_file_is_told(csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    what = "shutil.rmtree(self.path.parent); self.path.parent.write_text('mine')"
    done = at_a_save(2, what, "fit", csv, *FIT, "--out", run)
    assert_refused(done, str(run), "choose another place with --out")
    assert run.read_text() == "mine"


def test_a_failed_save_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="unfinished") as told:
        Checkpoint(tmp_path / "unfinished.safetensors").save({}, "job")
    assert told.value.errno == errno.ENOSPC
    assert contents(tmp_path) == {}


def test_nothing_waits_for_a_draft_that_was_left(tmp_path: Path) -> None:
    (tmp_path / ".a.csv.new").write_bytes(b"half")
    saving.write_all(tmp_path, {"a.csv": b"whole"})
    assert contents(tmp_path) == {"a.csv": b"whole"}
