"""What a command shows on a terminal: progress on standard error, tables and lines on standard output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from goodfit.report.wording import MISSING, number
from goodfit.training import Progress as Epoch

WIDTH_OF_A_PIPE = 200


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for every table in a pipe."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=1, ensure_ascii=False))


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
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs, {task.fields[alive]} of {task.fields[members]} networks training, left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None, alive=0, members=0)

        def update(epoch: Epoch) -> None:
            bar.update(task, completed=epoch.epoch, total=epoch.max_epochs, alive=epoch.alive, members=epoch.members)

        yield update


def print_table(table: Mapping[str, Any], title: str = "") -> None:
    """A comparison's table: a row a recipe, the interval under each value, baselines below."""
    shown = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("", overflow="fold", min_width=18, max_width=40)
    for metric in table["metrics"]:
        shown.add_column(metric["label"], justify="right", vertical="top")

    def cells(row: Mapping[str, Any]) -> list[Text]:
        return [_cell(row["cells"].get(metric["key"]), metric) for metric in table["metrics"]]

    for row in table["rows"]:
        shown.add_row(Text(row["label"]), *cells(row))
    for row in table["baselines"]:
        shown.add_row(Text(row["label"], style="italic"), *cells(row))
    out = console()
    out.print(shown)
    out.print(table["note"], style="dim")


def _cell(estimate: Mapping[str, float] | None, metric: Mapping[str, Any]) -> Text:
    """The value, and its interval on the line below."""
    if estimate is None or not math.isfinite(estimate["value"]):
        return Text(MISSING)
    shares = bool(metric["percent"])
    cell = Text(_short(estimate["value"], shares) + (" %" if shares else ""))
    low, high = estimate["low"], estimate["high"]
    if not (math.isfinite(low) and math.isfinite(high)):
        return cell
    return cell.append(f"\n{_short(low, shares)} to {_short(high, shares)}", style="dim")


def _short(value: float, shares: bool) -> str:
    """A number of a table: shares in percent with one decimal, others with three; minus nought is nought."""
    if shares:
        return f"{round(100 * value, 1) + 0.0:.1f}"
    return f"{round(value, 3) + 0.0:.3f}" if abs(value) < 1000 else number(float(value))
