"""What a command shows on a terminal: progress on standard error, tables and lines on standard output.

Nothing else writes there, so that names and values from elsewhere act on no terminal: `visible` is applied here.
"""

from __future__ import annotations

import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from goodfit.exits import drop
from goodfit.report.wording import MISSING, score
from goodfit.saving import json_text
from goodfit.studies.searching.standing import Standing, Watch
from goodfit.training import Progress as Epoch
from goodfit.visible import visible

WIDTH_OF_A_PIPE = 200
LABEL, COLUMN = 30, 16
"""Characters of a table's first column at most, and of the others."""
MOST_IN_CELL = 240
"""Characters of a name in a table's cell."""


class Steady:
    """Standard error as a bar of progress needs it: once the terminal is gone, what is written goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write, if that is still possible."""
        try:
            return self.stream.write(text)
        except OSError:
            drop(self.stream)
            return len(text)

    def flush(self) -> None:
        """Likewise."""
        try:
            self.stream.flush()
        except OSError:
            drop(self.stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for every table in a pipe."""
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)


def cell(text: str, style: str = "", *, most: int = MOST_IN_CELL) -> Text:
    """A text in a cell of a table."""
    return Text(visible(text, most=most), style=style)


def say(text: str = "", *, style: str | None = None, wrap: bool = False) -> None:
    """A line on standard output, however long, or broken where the terminal ends."""
    console().print(visible(text), style=style, soft_wrap=not wrap)


def say_aside(text: str) -> None:
    """A line on standard error."""
    print(visible(text), file=sys.stderr)


def print_raw(text: str) -> None:
    """Text for other programs, UTF-8 like the tables that are read: as it is in a pipe, visible on a terminal."""
    shown = visible(text, keep="\n", most=None) if sys.stdout.isatty() else text
    sys.stdout.flush()
    sys.stdout.buffer.write(shown.encode("utf-8", "surrogateescape"))


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    print(json_text(value))


def reading_width() -> int:
    """Columns that a text is set in: no more than the terminal has, nor than one likes to read."""
    return min(console().width, 100) if sys.stdout.isatty() else 80


def print_cells(table: Table) -> None:
    """A table made of cells, as wide as one likes to read."""
    console().print(table, width=reading_width())


def print_wrapped(text: str, *, style: str | None = None, indent: str = "") -> None:
    """A line on standard output, broken between words at the reading width; the further lines are indented."""
    text = visible(text, keep="\n\t")
    for line in textwrap.wrap(text, reading_width(), subsequent_indent=indent, break_on_hyphens=False) or [""]:
        say(line, style=style)


@contextmanager
def progress(label: str) -> Iterator[Callable[[Epoch], None] | None]:
    """A progress bar of epochs with the time left, on standard error; nothing in a pipe.

    Yields:
        What to call after each epoch, or None.
    """
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs, {task.fields[alive]} of {task.fields[members]} networks training, left", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=cast(TextIO, Steady(sys.stderr))), transient=True) as bar:
        task = bar.add_task(label, total=None, alive=0, members=0)

        def update(epoch: Epoch) -> None:
            bar.update(task, completed=epoch.epoch, total=epoch.max_epochs, alive=epoch.alive, members=epoch.members)

        yield update


@contextmanager
def counting(label: str) -> Iterator[Callable[[int], None]]:
    """How many rows a long work has come to, on standard error; nothing in a pipe.

    Yields:
        What to call with the number of rows done.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows, {task.fields[speed]:,.0f} a second", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=cast(TextIO, Steady(sys.stderr))), transient=True) as bar:
        task = bar.add_task(label, total=None, speed=0.0)
        started = time.monotonic()

        def update(rows: int) -> None:
            bar.update(task, completed=rows, speed=rows / max(time.monotonic() - started, 1e-3))

        yield update


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """What is being done and for how long, on standard error, where its end isn't known; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=cast(TextIO, Steady(sys.stderr))), transient=True) as bar:
        bar.add_task(label, total=None)
        yield


@contextmanager
def search_progress(label: str, budget: float) -> Iterator[Watch | None]:
    """A bar of a search's time on standard error, with what it has found so far; nothing in a pipe.

    Yields:
        What to call after each epoch, or None.
    """
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[told]}", markup=False),
    )
    with Progress(*columns, console=Console(file=cast(TextIO, Steady(sys.stderr))), transient=True) as bar:
        task = bar.add_task(label, total=budget, told="")

        def update(standing: Standing) -> None:
            best = f"best held-out loss {score(standing.best)}" if math.isfinite(standing.best) else "first trials"
            alive = f"{standing.epoch.alive} of {standing.epoch.members} networks training"
            told = f"{standing.left:.0f} s left, {best}, {standing.trials} trials done, {alive}"
            bar.update(task, completed=budget - standing.left, told=told)

        yield update


def print_table(table: Mapping[str, Any], title: str = "") -> None:
    """A comparison's table: a row a recipe, the interval under each value, baselines below.

    Where the terminal is too narrow for all columns, they are shown a part after the other.
    """
    out = console()
    if title:
        say(title, style="bold", wrap=True)
    label = min(LABEL, max(cell_len(cell(row["label"]).plain) for row in [*table["rows"], *table["baselines"]]))
    fitting = max(1, (out.width - label) // (COLUMN + 2))
    metrics = table["metrics"]
    for start in range(0, len(metrics), fitting):
        out.print(_part(table, metrics[start : start + fitting], label))
    say(table["note"], style="dim", wrap=True)


def _part(table: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]], label: int) -> Table:
    """Some columns of a table."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    shown.add_column("", width=label, overflow="fold")
    for metric in metrics:
        shown.add_column(cell(metric["label"]), justify="right", width=COLUMN, overflow="fold")
    for row in table["rows"]:
        shown.add_row(cell(row["label"]), *(_cell(row["cells"].get(m["key"]), m) for m in metrics))
    for row in table["baselines"]:
        cells = (_cell(row["cells"].get(m["key"]), m) for m in metrics)
        shown.add_row(cell(row["label"], "italic"), *cells)
    return shown


def _cell(estimate: Mapping[str, float] | None, metric: Mapping[str, Any]) -> Text:
    """The value, and its interval on the line below."""
    if estimate is None or not math.isfinite(estimate["value"]):
        return Text(MISSING)
    shares = bool(metric["percent"])
    found = Text(score(estimate["value"], as_percent=shares) + (" %" if shares else ""))
    low, high = (score(estimate[end], as_percent=shares) for end in ("low", "high"))
    return found if MISSING in (low, high) else found.append(f"\n{low} to {high}", style="dim")
