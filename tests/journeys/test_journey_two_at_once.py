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


def test_a_killed_search_keeps_nobody_out(csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("fit", csv, *SEARCH, "--budget", "8s", "--out", run)
    assert struck_by(KILLED, *command).status == -signal.SIGKILL
    assert len(batches(run)) == 1
    assert_done(goodfit(*command))
    assert {path.name for path in run.iterdir()} == RUN_FILES | {"search"}
