"""goodfit predict: a run's model on a new table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl

from goodfit.blend import AnyModel
from goodfit.commands.large import frames_of
from goodfit.commands.spreadsheet import csv_bytes
from goodfit.commands.terminal import counting, print_json, print_raw
from goodfit.commands.writing import WRITERS, write_frames
from goodfit.data.batches import counted_from
from goodfit.data.collecting import (
    SUFFIXES,
    Collection,
    Medium,
    collect_files,
    collect_folder,
    collect_paths,
    collect_texts,
)
from goodfit.data.databases import Query
from goodfit.data.sources import Origin, folder_of, read_table
from goodfit.data.table import Table, to_table
from goodfit.decision import codes_of
from goodfit.errors import InputError
from goodfit.saving import read_model


def run(
    source: Path, new: Origin, out: Path | None, *, column: str | None, json: bool, memory: int | None = None
) -> None:
    """Predict each row of a new table or query, or each file of a folder: to a file, or as CSV to standard output.

    CSV is for people and their spreadsheets too: what these would run is guarded. JSON lines and Parquet hold the
    classes as they are. A table that takes more than `memory` is predicted a piece after the other.

    Raises:
        InputError: no model there, a table that it can't read, or a file name of an unknown kind.
    """
    if out and out.suffix not in WRITERS:
        raise InputError(f"-o {out}: the name must end in {', '.join(WRITERS)}")
    frames = _frames(read_model(source), new, column, memory)
    if out:
        with counting("predicting") as on_rows:
            rows = write_frames(_counted(frames, on_rows), out)
        if json:
            print_json({"rows": rows, "out": str(out)})
    elif json:
        print_json({"predictions": [row for frame in frames for row in frame.to_dicts()]})
    else:
        for place, frame in enumerate(frames):
            print_raw(csv_bytes(frame, header=not place).decode())


def _counted(frames: Iterator[pl.DataFrame], on_rows: Callable[[int], None]) -> Iterator[pl.DataFrame]:
    rows = 0
    for frame in frames:
        yield frame
        rows += frame.height
        on_rows(rows)


def _frames(model: AnyModel, new: Origin, column: str | None, memory: int | None) -> Iterator[pl.DataFrame]:
    """The predictions, a piece of the new rows after the other."""
    if model.medium is None:
        texts = frozenset(field.name for field in model.encoders[0].schema.fields if field.kind == "category")
        rows = 0
        for frame in frames_of(new, memory, texts):
            with counted_from(rows):
                yield predictions(model, frame)
            rows += frame.height
    else:
        found = _new_rows(model, new, column)
        beside = {"file": list(found.names)} if found.names else {}
        yield pl.DataFrame(beside | _predicted(model, found.table))


def predictions(model: AnyModel, frame: pl.DataFrame) -> pl.DataFrame:
    """A row's class, by the model's decision, with all probabilities, or its number."""
    known = set(model.encoders[0].schema.names)
    used = [name for name in frame.columns if name in known]
    return pl.DataFrame(_predicted(model, to_table(frame.select(used) if used else frame)))


def _new_rows(model: AnyModel, new: Origin, column: str | None) -> Collection:
    """New pictures, sounds or texts, brought to the form of the training's."""
    kind, form = cast(Medium, model.medium), model.encoders[0].schema.form
    if not isinstance(new, Query):
        if new.is_dir():
            return collect_folder(new, kind, form=form)
        if new.suffix.lower() in SUFFIXES[kind]:
            return collect_files([new], kind, form=form)
    frame = read_table(new)
    name = column or model.columns[0]
    return collect_texts(frame, name) if kind == "text" else collect_paths(frame, name, folder_of(new), kind, form)


def _predicted(model: AnyModel, table: Table) -> dict[str, Any]:
    predicted = model.predict(table.renamed(model.columns) if model.medium else table)
    if model.task == "regression":
        return {"prediction": predicted[:, 0]}
    named = {f"probability_{name}": predicted[:, i] for i, name in enumerate(model.classes.tolist())}
    best = [model.classes.tolist()[code] for code in codes_of(predicted, model.decision)]
    return {"prediction": best} | named
