"""Searches of the command that something happens to after their first batch was kept."""

import subprocess
import sys
from pathlib import Path

from commandline import Done

SEARCH = ("--target", "left", "--recipe", "l2=off|1e-5..0.1, dropout=0..0.4, early_stopping=3")
STRUCK = """
import sys
from goodfit import cli
from goodfit.studies.searching import store

keep, happens, when = store.Store.keep, sys.argv.pop(1), sys.argv.pop(1)

def struck(self, batch):
    if when == "before the second" and self.written == 1:
        exec(happens)
    keep(self, batch)
    if when == "after the first" and self.written == 1:
        exec(happens)

store.Store.keep = struck
cli.main()
"""
"""A program in whose search a piece of Python is run before or after a batch is kept."""
KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
WAITING = "import sys; print('kept', flush=True); sys.stdin.readline()"


def command_of(happens: str, *arguments: object, when: str = "after the first") -> list[str]:
    return [sys.executable, "-c", STRUCK, happens, when, *map(str, arguments)]


def struck_by(happens: str, *arguments: object, when: str = "after the first") -> Done:
    """The search, with a piece of Python run in the midst of it."""
    command = command_of(happens, *arguments, when=when)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return Done(ended.returncode, ended.stdout, ended.stderr)


def batches(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "search").glob("batch-*"))
