"""TensorBoard's folders: event files, a folder a run, or a folder for training and one for validation."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from goodfit.errors import InputError
from goodfit.logs.collecting import Collector
from goodfit.logs.events import scalars
from goodfit.logs.log import Asked, Fields
from goodfit.logs.names import has_side, is_epoch, is_part, is_run, is_step
from goodfit.logs.opening import opened
from goodfit.logs.records import read_records

MARK = "tfevents"


@dataclass
class _Scalar:
    """A tag's steps and values as they were written."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))


Series = dict[str, _Scalar]


def event_files(folder: Path) -> list[Path]:
    """The event files below a folder, in the order in which they were begun."""
    return sorted(path for path in folder.rglob(f"*{MARK}*") if path.is_file())


def read_tensorboard(path: Path, asked: Asked) -> Fields:
    """Read an event file, or the event files below a folder.

    Where steps come again, as after a training was taken up, what was written later counts, as in TensorBoard.

    Raises:
        InputError: a folder without event files, or files without a scalar.
    """
    files = event_files(path) if path.is_dir() else [path]
    if not files:
        raise InputError(
            f"{path} is a folder without a log (no *{MARK}*, run.json, metrics.csv or trainer_state.json): name a file"
        )
    notes: dict[str, None] = {}
    runs: dict[str, Series] = {}
    for file in files:
        run, before = _place(file, path)
        _take(file, runs.setdefault(run, {}), before, notes)
    runs = {run: series for run, series in runs.items() if series}
    if not runs:
        raise InputError(f"{path} holds no scalar: write the losses with add_scalar, or name another log")
    collector = Collector(asked)
    by_epoch = any(_is_of_keras(name) for series in runs.values() for name in series)
    for run, series in runs.items():
        names = [
            name for name in collector.wanted(list(series)) if not (is_step(name) or is_run(name) or is_part(name))
        ]
        named = [name for name in names if _is_of_keras(name)] if by_epoch else names
        kept = {name: _in_order(series[name], notes) for name in named}
        if kept:
            collector.add(_rows(kept).with_columns(run=pl.lit(run)))
    frame = collector.frame()
    if by_epoch and "step" in frame.columns:
        frame = frame.rename({"step": "epoch"})
    return Fields(str(path), "TensorBoard", frame, collector.names, tuple(notes))


def _is_of_keras(name: str) -> bool:
    """Keras counts epochs for this loss, and steps for its others."""
    return name.rpartition("/")[2] == "epoch_loss"


def _place(file: Path, root: Path) -> tuple[str, str]:
    """The run that a file belongs to, and what its folder adds to the tags: Keras writes train and validation."""
    folders = list(file.parent.relative_to(root).parts) if root.is_dir() else []
    if folders and has_side(folders[-1]):
        return "/".join(folders[:-1]), folders[-1] + "/"
    return "/".join(folders), ""


def _take(file: Path, series: Series, before: str, notes: dict[str, None]) -> None:
    """Add a file's scalars."""
    with opened(file) as content:
        try:
            for record in read_records(content):
                if record is None:
                    notes[f"{file.name} is cut off or damaged: what comes before is used"] = None
                    return
                for tag, step, value in scalars(record):
                    name = before + tag if before and not has_side(tag) else tag
                    scalar = series.setdefault(name, _Scalar())
                    scalar.steps.append(step)
                    scalar.values.append(value)
        except ValueError:
            notes[f"{file.name} is damaged: what comes before is used"] = None


def _in_order(scalar: _Scalar, notes: dict[str, None]) -> pl.DataFrame:
    """A scalar's steps and values; of a stretch that was written twice, the later one."""
    step, value = np.array(scalar.steps, dtype=np.int64), np.array(scalar.values, dtype=np.float64)
    later = np.minimum.accumulate(step[::-1])[::-1]
    kept = np.append(step[:-1] < later[1:], True)
    if not kept.all():
        notes["steps come again: what was written later counts"] = None
    return pl.DataFrame({"step": step[kept].astype(np.float64), "value": value[kept]})


def _rows(kept: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """All scalars by step, a step a row."""
    long = pl.concat(frame.with_columns(name=pl.lit(name)) for name, frame in kept.items())
    wide = long.pivot("name", index="step", values="value", aggregate_function="last").sort("step")
    epochs = [name for name in wide.columns if is_epoch(name)]
    return wide.drop(name for name in epochs if wide[name].null_count())
