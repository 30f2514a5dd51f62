"""goodfit report: a run's report, made anew."""

from __future__ import annotations

from pathlib import Path

from goodfit.commands.terminal import print_json, print_raw
from goodfit.report import render
from goodfit.saving import REPORT, read_summary, write_all


def run(source: Path, out: Path | None, *, json: bool) -> None:
    """Write the report of a run folder into it, or elsewhere, and print where.

    Raises:
        InputError: no run there, or one that can't be read.
    """
    path = out or source / REPORT
    write_all(path.parent, {path.name: render(*read_summary(source)).encode("utf-8", "replace")})
    if json:
        print_json({"report": str(path)})
    else:
        print_raw(f"{path}\n")
