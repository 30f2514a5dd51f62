"""Contestants in turn, several rounds of it, and what came of it as aligned text."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from unittest.mock import patch

import torch
from rivals import ROWS, Task, Trial, make_rows, timed

from goodfit.regularizers import Recipe
from goodfit.training import Data, Execution, Run, Settings, train

EPOCHS = 2
"""Epochs of the rivals, and those after which the losses of all are compared."""


@dataclass(frozen=True)
class Entry:
    """A contestant: its row's name, how it trains, what it trains, the rivals it is compared with."""

    name: str
    run: Callable[[Task], Trial]
    task: Task
    rivals: tuple[str, ...] = ()


@dataclass
class Contest:
    """All trials, by entry and width."""

    entries: Sequence[Entry]
    widths: Sequence[int]
    trials: dict[tuple[str, int], list[Trial]] = field(default_factory=dict)

    def warm(self) -> None:
        for entry in self.entries:
            entry.run(replace(entry.task, width=self.widths[0], epochs=1))

    def round(self, name: str) -> None:
        """Every entry once, so that whatever else the machine does hits all alike."""
        for width in self.widths:
            print(f"{name}, width {width}", file=sys.stderr)
            for entry in self.entries:
                trial = entry.run(task_at(entry, width))
                self.trials.setdefault((entry.name, width), []).append(trial)

    def of(self, name: str, width: int) -> list[Trial]:
        return self.trials[name, width]

    def microseconds(self, name: str, width: int) -> list[float]:
        return [trial.microseconds for trial in self.of(name, width)]

    def ratios(self, rival: str, name: str, width: int) -> list[float]:
        """The rival's time over the entry's, round by round."""
        both = zip(self.microseconds(rival, width), self.microseconds(name, width), strict=True)
        return [slow / fast for slow, fast in both]

    def loss(self, name: str, width: int) -> float:
        return statistics.mean(trial.loss for trial in self.of(name, width))


def task_at(entry: Entry, width: int) -> Task:
    """The entry's task at a width: whoever trains longer than the rivals does so only where a step is short."""
    return replace(entry.task, width=width, epochs=max(min(EPOCHS, entry.task.epochs), entry.task.epochs * 64 // width))


def recipe_of(task: Task) -> Recipe:
    parts = ["batch_norm=1"] * task.batch_norm + ["dropout=0.2 input=0.1"] * task.dropout + ["weight_decay=0.01"]
    return Recipe.parse(", ".join(parts))


def make_data() -> Data:
    x, y = make_rows()
    return Data(x[None], y[None, :, None], torch.ones(ROWS), "binary")


def ours(task: Task, engine: str = "compiled", precision: str = "float32", measures: bool = True) -> Trial:
    """goodfit; the loss is that of the epoch at which the rivals stop. Without measuring, losses are of one row."""
    everything = torch.arange(ROWS).numpy()
    recipe, data = recipe_of(task), make_data()
    runs = [Run(recipe, seed, everything, everything[:0]) for seed in range(task.members)]
    settings = Settings(hidden=(task.width, task.width), max_epochs=task.epochs, precision=precision)
    execution = Execution(device=task.device, engine=engine)
    results = []
    with nullcontext() if measures else patch("goodfit.training.rows.EVALUATED_ROWS", 1):
        trial = timed(lambda _: results.extend(train(data, runs, settings, execution=execution)), task)
    at = min(EPOCHS, task.epochs) - 1
    losses = [float(result.history.train[at]) for result in results] if measures else [math.nan]
    return replace(trial, loss=statistics.mean(losses))


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, least and most."""
    low, middle, high = (f"{f(values):.{digits}f}" for f in (min, statistics.median, max))
    return f"{middle} ({low}-{high})"


def print_table(title: str, columns: Sequence[object], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
    first = max(len(name) for name, _ in rows)
    wide = max(len(cell) for cells in (map(str, columns), *(cells for _, cells in rows)) for cell in cells)
    print(f"\n{title}")
    print(" " * first, *(f"{column!s:>{wide}}" for column in columns), sep="  ")
    for name, cells in rows:
        print(f"{name:<{first}}", *(f"{cell:>{wide}}" for cell in cells), sep="  ")
