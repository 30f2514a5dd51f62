"""goodfit report: a run's report, made anew."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from goodfit.commands.terminal import print_json, print_raw
from goodfit.errors import InputError
from goodfit.locking import alone_in
from goodfit.report import render_kept
from goodfit.saving import REPORT, read_summary, write_all


def run(source: Path, out: Path | None, *, json: bool) -> None:
    """Write the report of a run folder into it, or elsewhere, and print where.

    Raises:
        InputError: no run there, or one that can't be read or shown; another process is at work in the folder that the
            report goes to.
    """
    path = out or source / REPORT
    if not source.is_dir():
        raise InputError(f"no run in {source}: give a folder that goodfit wrote")
    with alone_in(source) if path.parent.resolve() == source.resolve() else nullcontext():
        page = render_kept(*read_summary(source), source)
        write_all(path.parent, {path.name: page.encode("utf-8", "replace")})
    if json:
        print_json({"report": str(path)})
    else:
        print_raw(f"{path}\n")
