"""The command line as tests call it: in this process, or as a program of its own."""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from goodfit import cli

PROGRAM = Path(sys.executable).with_name("goodfit")
QUICK = ("--recipe", "l2=0.001, early_stopping=2")
USUAL = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""A user's environment: where output is buffered, a program may learn only at its end that none can be written."""
RUN_FILES = {"model.safetensors", "run.json", "history.parquet", "report.html"}
AT_A_SAVE = """
import os, shutil, sys
from goodfit import start
from goodfit.commands import folder

class Saving(folder.Checkpoint):
    left = int(sys.argv.pop(1))

    def save(self, *state):
        super().save(*state)
        type(self).left -= 1
        if self.left == 0:
            exec(what)

what = sys.argv.pop(1)
folder.Checkpoint = lambda path: Saving(path, interval=0)
start.main()
"""


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    status: int
    out: str
    err: str


def goodfit(*arguments: object) -> Done:
    """Run a command in this process, where a warning is an error, with pipes for its output."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    argv = ["goodfit", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(warnings, "showwarning"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Done(status, *texts)


def program(*arguments: object, **environment: str) -> Done:
    """Run the installed program, with pipes for its output."""
    command = [PROGRAM, *map(str, arguments)]
    ended = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=USUAL | environment, check=False
    )
    return Done(ended.returncode, ended.stdout, ended.stderr)


def python(code: str, *arguments: object) -> Done:
    """Run a piece of Python in a fresh process."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return Done(ended.returncode, ended.stdout, ended.stderr)


def at_a_save(number: int, what: str, *arguments: object) -> Done:
    """The program, with a piece of Python run after this save of its state."""
    return python(AT_A_SAVE, number, what, *arguments)


def assert_refused(done: Done, *words: str) -> None:
    """Status 2, nothing on standard output, and one line on standard error that has all the words."""
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1, done.err
    assert done.err.startswith("goodfit")
    missing = [word for word in words if word not in done.err]
    assert not missing, f"{missing} not in {done.err!r}"


def assert_done(done: Done) -> None:
    """Status 0 and nothing on standard error."""
    assert (done.status, done.err) == (0, "")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder, hidden ones too, with its bytes; None for a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
