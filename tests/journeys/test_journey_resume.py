"""Interrupted, killed, and started again with the same command: as if it had never happened."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pexpect
import pytest
from commandline import PROGRAM, QUICK, RUN_FILES, Done, assert_done, contents, goodfit, program
from safetensors.numpy import load_file

from goodfit.locking import LOCK
from goodfit.training import Checkpoint

STATE = "unfinished.safetensors"
FIT = ("--target", "age", "--recipe", "l2=0.001, dropout=0.2, early_stopping=30")
STOPS_ITSELF = """
import os, signal, sys
from goodfit import cli
from goodfit.commands import folder

class Saving(folder.Checkpoint):
    left = 7

    def save(self, *state):
        super().save(*state)
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), getattr(signal, signal_name))

signal_name = sys.argv.pop(1)
folder.Checkpoint = lambda path: Saving(path, interval=0)
cli.main()
"""
"""A program whose training is signalled after the seventh time that it saved its state."""


def stopped_by(name: str, *arguments: object) -> Done:
    command = [sys.executable, "-c", STOPS_ITSELF, name, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return Done(ended.returncode, ended.stdout, ended.stderr)


def tensors(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


def assert_same_tensors(one: Path, other: Path) -> None:
    first, second = tensors(one), tensors(other)
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


@pytest.fixture(scope="module")
def whole(csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert_done(goodfit("fit", csv, *FIT, "--out", folder))
    return folder


@pytest.fixture(scope="module")
def killed(csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of a run after seven epochs."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    assert stopped_by("SIGKILL", "fit", csv, *FIT, "--out", folder).status == -signal.SIGKILL
    return folder


@pytest.fixture
def resumed_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs that trainings go on from."""
    epochs: list[int] = []
    load = Checkpoint.load

    def spy(self: Checkpoint, fingerprint: str) -> object:
        state = load(self, fingerprint)
        epochs.append(int(state["epoch"]) if state else 0)
        return state

    monkeypatch.setattr(Checkpoint, "load", spy)
    return epochs


@pytest.mark.parametrize(
    ("name", "status", "lines"), [("SIGINT", 130, 1), ("SIGKILL", -signal.SIGKILL, 0)], ids=["Ctrl-C", "kill -9"]
)
def test_interrupted_and_resumed_is_never_interrupted(
    name: str, status: int, lines: int, csv: Path, whole: Path, resumed_at: list[int], run: Path
) -> None:
    """In the folder of an older run, which stays until the new one is whole."""
    before = contents(run)
    stopped = stopped_by(name, "fit", csv, *FIT, "--out", run)
    assert (stopped.status, stopped.out, len(stopped.err.splitlines())) == (status, "", lines), stopped.err
    after = contents(run)
    assert after.pop(STATE)
    after.pop(LOCK, None)  # of a process that was killed
    assert after == before
    assert_done(goodfit("fit", csv, *FIT, "--out", run))
    assert resumed_at == [7]
    assert_same_tensors(run, whole)
    assert (run / "history.parquet").read_bytes() == (whole / "history.parquet").read_bytes()
    assert contents(run).keys() == RUN_FILES


@pytest.mark.parametrize("command", ["fit", "compare", "predict"])
def test_interrupted_before_anything_is_done(
    command: str, csv: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("goodfit.data.readers.read", press)
    arguments = (trained, csv) if command == "predict" else (csv, *FIT)
    done = goodfit(command, *arguments, "--out", tmp_path / "out.csv")
    assert (done.status, done.out, len(done.err.splitlines())) == (130, "", 1)
    assert done.err.startswith(f"goodfit {command}: interrupted")
    assert contents(tmp_path) == {}


def test_a_comparison_goes_on_too(csv: Path, resumed_at: list[int], tmp_path: Path) -> None:
    command = ("compare", csv, "--target", "age", *QUICK, "--recipe", "none", "--seeds", 2, "--json", "--out")
    stopped = stopped_by("SIGINT", *command, tmp_path / "run")
    assert stopped.status == 130
    assert stopped.err.startswith("goodfit compare: interrupted")
    resumed, never = goodfit(*command, tmp_path / "run"), goodfit(*command, tmp_path / "other")
    assert_done(resumed)
    assert resumed_at == [7, 0]
    assert resumed.out.replace(str(tmp_path / "run"), str(tmp_path / "other")) == never.out


@pytest.mark.parametrize("change", [("--seed", "1"), ("--recipe", "l2=0.1")])
def test_another_command_starts_anew(
    change: tuple[str, str], csv: Path, killed: Path, resumed_at: list[int], tmp_path: Path
) -> None:
    out = shutil.copytree(killed, tmp_path / "run")
    assert_done(goodfit("fit", csv, *FIT, *change, "--out", out))
    assert_done(goodfit("fit", csv, *FIT, *change, "--out", tmp_path / "other"))
    assert resumed_at == [0, 0]
    assert_same_tensors(out, tmp_path / "other")


LEFTOVERS: dict[str, tuple[str, ...]] = {
    "state half-written": ("unfinished.tmp",),
    "files half-written": (".run.json.new", ".model.safetensors.new", ".history.parquet.new", ".report.html.new"),
}


@pytest.mark.parametrize("names", LEFTOVERS.values(), ids=LEFTOVERS)
def test_what_a_killed_process_leaves_is_in_nobodys_way(
    names: tuple[str, ...], csv: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for name in names:
        (out / name).write_bytes(b"half")
    assert_done(goodfit("fit", csv, *FIT, "--out", out))
    assert {path.name for path in out.iterdir()} == RUN_FILES
    assert_same_tensors(out, whole)


def test_a_damaged_state_is_said_and_trained_anew(csv: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / STATE).write_bytes(b"half")
    done = program("fit", csv, *FIT, "--out", out)
    assert (done.status, len(done.err.splitlines())) == (0, 1)
    assert done.err.startswith(f"goodfit fit: warning: {out / STATE} is damaged")
    assert {path.name for path in out.iterdir()} == RUN_FILES
    assert_same_tensors(out, whole)


def test_control_c_on_a_terminal(csv: Path, whole: Path, tmp_path: Path) -> None:
    """Pressed while the bar shows that networks train; the installed program itself."""
    arguments = list(map(str, ("fit", csv, *FIT, "--out", tmp_path / "run")))
    terminal = pexpect.spawn(str(PROGRAM), arguments, timeout=300, dimensions=(24, 200), encoding="utf-8")
    terminal.expect("networks training")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    said = [line for line in terminal.before.splitlines() if "goodfit" in line]
    assert len(said) == 1
    assert "goodfit fit: interrupted; what was saved is kept, and the same command goes on from there" in said[0]
    assert "Traceback" not in terminal.before
    assert_done(goodfit("fit", csv, *FIT, "--out", tmp_path / "run"))
    assert_same_tensors(tmp_path / "run", whole)
