"""Where a command leaves its run, and the state of an unfinished one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import polars as pl

from goodfit.blend import Blend
from goodfit.errors import InputError
from goodfit.locking import LOCK, alone_in
from goodfit.model import Model
from goodfit.report import render
from goodfit.saving import HISTORY, MODEL, REPORT, SUMMARY, draft_of, run_files, write_all
from goodfit.studies.searching.store import is_barely_begun, is_search
from goodfit.training import Checkpoint

STATE, SEARCH = "unfinished.safetensors", "search"
FILES = (MODEL, SUMMARY, HISTORY, REPORT)


@contextmanager
def open_folder(out: Path, *, model: bool) -> Iterator[Checkpoint]:
    """Check that a run may be written there, before any work is done, and keep other processes out until it is.

    Args:
        out: the folder; a new one is removed again if nothing was written.
        model: whether the run has one.

    Raises:
        InputError: the path is a file, a folder with other things in it, or with the model of another kind of run;
            another process is at work there.
        OSError: nothing can be written there.
    """
    if out.is_dir():
        names = {path.name for path in out.iterdir()} - {LOCK}
        known = names & {*FILES, STATE, *_remains(out)} or is_search(out / SEARCH)
        if names and not known and not (names == {SEARCH} and is_barely_begun(out / SEARCH)):
            raise InputError(f"--out {out} is a folder with other things in it: give a new one")
        if MODEL in names and not model:
            raise InputError(
                f"--out {out} holds a trained model, and this run has none to put in its place: give a new folder"
            )
        if not os.access(out, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission", str(out))
    elif out.exists():
        raise InputError(f"--out {out} is a file: give a folder, new or of an earlier run")
    with alone_in(out):
        yield Checkpoint(out / STATE)


def open_if_given(out: Path | None) -> AbstractContextManager[Checkpoint | None]:
    """The folder of a run without a model, where there is one."""
    return open_folder(out, model=False) if out else nullcontext()


def write_run(out: Path, summary: dict[str, Any], history: pl.DataFrame, model: Model | Blend | None = None) -> None:
    """Write the whole run folder, report included, and drop the state of the unfinished run."""
    write_all(out, run_files(model, summary, history) | {REPORT: render(summary, history).encode("utf-8", "replace")})
    for name in (STATE, *_remains(out)):
        (out / name).unlink(missing_ok=True)


def _remains(out: Path) -> list[str]:
    """What a process that was killed may leave."""
    return [(out / STATE).with_suffix(".tmp").name, *(draft_of(out / name).name for name in FILES)]
