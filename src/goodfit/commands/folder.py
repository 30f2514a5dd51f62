"""Where a command leaves its run, and the state of an unfinished one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from goodfit.errors import InputError
from goodfit.model import Model
from goodfit.report import write_report
from goodfit.saving import MODEL, REPORT, SUMMARY, run_files, write_all
from goodfit.training import Checkpoint

STATE = "unfinished.safetensors"
OURS = {MODEL, SUMMARY, REPORT, STATE}


def open_folder(out: Path) -> Checkpoint:
    """Check that a run may be written there, before any work is done.

    Raises:
        InputError: the path is a file, or a folder with other things in it.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file: give a folder, new or of an earlier run")
    if out.is_dir():
        names = {path.name for path in out.iterdir()}
        if names and not names & OURS:
            raise InputError(f"--out {out} is a folder with other things in it: give a new one")
    out.mkdir(parents=True, exist_ok=True)
    return Checkpoint(out / STATE)


def write_run(out: Path, summary: dict[str, Any], history: pl.DataFrame, model: Model | None = None) -> None:
    """Write the whole run folder, report included, and drop the state of the unfinished run."""
    report = {REPORT: lambda path: write_report(summary, history, path)}
    write_all(out, run_files(model, summary, history) | report)
    (out / STATE).unlink(missing_ok=True)
