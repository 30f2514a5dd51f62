"""Two processes on one run folder: the second is refused, the first isn't hurt, and a killed one keeps nobody out."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from commandline import QUICK, RUN_FILES, assert_done, assert_refused, contents, goodfit, program
from searches import KILLED, SEARCH, WAITING, batches, command_of, struck_by

import goodfit as library
from goodfit.errors import InputError

IN_USE = ("another process is at work in", "wait for its end")
WAITS_WHILE_TRAINING = """
import sys
from goodfit import cli
from goodfit.commands import folder

class Saving(folder.Checkpoint):
    waits = True

    def save(self, *state):
        super().save(*state)
        if self.waits:
            self.waits = False
            print("kept", flush=True)
            sys.stdin.readline()

folder.Checkpoint = lambda path: Saving(path, interval=0)
cli.main()
"""
HOLDS = """
import sys
from pathlib import Path
from goodfit.locking import alone_in
with alone_in(Path(sys.argv[1])):
    print("holds", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def waiting(command: list[str]) -> Iterator[subprocess.Popen]:
    """A process that has kept something and waits; in the end it goes on, and is done."""
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout.readline() == "kept\n"
        try:
            yield process
        finally:
            _, told = process.communicate("go on\n")
        assert (process.returncode, told) == (0, "")


def test_a_second_search_in_the_folder_is_refused(csv: Path, table: pl.DataFrame, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("fit", csv, *SEARCH, "--budget", "12s", "--out", run)
    with waiting(command_of(WAITING, *command)):
        before = contents(run)
        assert_refused(program(*command), "goodfit fit: ", *IN_USE, str(run))
        assert_refused(goodfit("fit", csv, "--target", "left", *QUICK, "--out", run), *IN_USE)
        with pytest.raises(InputError, match=IN_USE[0]):
            library.search(table.drop("left"), table["left"], space="l2=1e-5..0.1", budget=3, folder=run)
        assert contents(run) == before
    assert {path.name for path in run.iterdir()} == RUN_FILES | {"search"}


@pytest.mark.slow
def test_a_second_training_in_the_folder_is_refused(csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("fit", csv, "--target", "left", *QUICK, "--out", run)
    with waiting([sys.executable, "-c", WAITS_WHILE_TRAINING, *map(str, command)]):
        before = contents(run)
        assert_refused(program(*command), *IN_USE)
        compared = goodfit("compare", csv, "--target", "left", "--recipe", "none", "--out", run)
        assert_refused(compared, "goodfit compare: ", *IN_USE)
        assert contents(run) == before
    assert {path.name for path in run.iterdir()} == RUN_FILES


def test_every_command_that_writes_into_the_folder_is_refused(csv: Path, run: Path) -> None:
    """A run is there already; it isn't touched."""
    model = library.load(run)
    command = ("fit", csv, "--target", "left", *QUICK, "--out", run)
    with waiting([sys.executable, "-c", WAITS_WHILE_TRAINING, *map(str, command)]):
        before = contents(run)
        assert_refused(goodfit("report", run), "goodfit report: ", *IN_USE)
        assert_refused(goodfit("report", run, "--out", run / "other.html"), *IN_USE)
        with pytest.raises(InputError, match=IN_USE[0]):
            model.save(run)
        assert contents(run) == before
    assert_done(goodfit("report", run))
    assert {path.name for path in run.iterdir()} == RUN_FILES


@pytest.mark.parametrize("command", ["diagnose", "compare", "demo", "augment"])
def test_every_command_is_refused_in_a_folder_that_another_works_in(command: str, csv: Path, tmp_path: Path) -> None:
    """And is not where the other was killed, whose lock goes with it."""
    given = {
        "diagnose": (csv, "--target", "left", "--budget", "1s"),
        "compare": (csv, "--target", "left", *QUICK, "--recipe", "none", "--seeds", 2),
        "demo": ("--seeds", 2),
        "augment": ("table", csv, tmp_path / "out", "--target", "left", "--with", "smote=1"),
    }
    asked = (command, *given[command], *(() if command == "augment" else ("--out", tmp_path / "out")))
    other = subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path / "out"], stdin=-1, stdout=-1, text=True)
    assert other.stdout.readline() == "holds\n"
    assert_refused(goodfit(*asked), f"goodfit {command}: ", *IN_USE)
    other.kill()
    other.communicate()
    assert (tmp_path / "out" / ".lock").exists()
    if command in {"compare", "augment"}:
        assert_done(goodfit(*asked))
        assert ".lock" not in contents(tmp_path / "out")


def test_two_that_write_one_file(trained: Path, table: pl.DataFrame, csv: Path, tmp_path: Path) -> None:
    """The second is refused while the first writes; a draft that a killed one left is in nobody's way."""
    out = tmp_path / "predicted.csv"
    holds = HOLDS.replace("alone_in(Path(sys.argv[1]))", "nullcontext(hold(Path(sys.argv[1]), 'there', 'file'))")
    holds = holds.replace("import alone_in", "import hold\nfrom contextlib import nullcontext")
    command = [sys.executable, "-c", holds, tmp_path / ".predicted.csv.new"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "holds\n"
        done = goodfit("predict", trained, csv, "-o", out)
        assert_refused(done, f"another process is writing {out}", "wait for its end, or give another file")
        assert not out.exists()
        other.kill()
        other.communicate()
    assert_done(goodfit("predict", trained, csv, "-o", out))
    assert [path.name for path in tmp_path.iterdir()] == ["predicted.csv"]
    assert pl.read_csv(out).height == table.height


def test_a_search_in_python_keeps_others_out_and_its_folder_clean(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(*_: object) -> None:
        library.search(X, y, **asked)

    X, y, folder = table.drop("left"), table["left"], tmp_path / "kept"
    asked = {"space": "l2=1e-5..0.1, early_stopping=3", "budget": 3, "folder": folder}
    with monkeypatch.context() as patch:
        patch.setattr("goodfit.studies.searching.store.Store.keep", again)
        with pytest.raises(InputError, match=IN_USE[0]):
            library.search(X, y, **asked)
    library.search(X, y, **asked)
    assert [path.name for path in folder.iterdir()] == ["trials.db"]


@pytest.mark.slow
def test_a_killed_search_keeps_nobody_out(csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("fit", csv, *SEARCH, "--budget", "8s", "--out", run)
    assert struck_by(KILLED, *command).status == -signal.SIGKILL
    assert len(batches(run)) == 1
    assert_done(goodfit(*command))
    assert {path.name for path in run.iterdir()} == RUN_FILES | {"search"}
