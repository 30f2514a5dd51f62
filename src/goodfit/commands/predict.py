"""goodfit predict: a run's model on a new table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from goodfit.commands.terminal import print_json
from goodfit.data.readers import read
from goodfit.data.table import to_table
from goodfit.errors import InputError
from goodfit.model import Model
from goodfit.saving import read_model, write_all

WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: frame.write_csv(path),
    ".parquet": lambda frame, path: frame.write_parquet(path),
    ".jsonl": lambda frame, path: frame.write_ndjson(path),
}


def run(source: Path, new: Path, out: Path | None, *, json: bool) -> None:
    """Predict each row of a new table: to a file, or as CSV to standard output.

    Raises:
        InputError: no model there, a table that it can't read, or a file name of an unknown kind.
    """
    if out and out.suffix not in WRITERS:
        raise InputError(f"-o {out}: the name must end in {', '.join(WRITERS)}")
    frame = predictions(read_model(source), read(new))
    if out:
        write = WRITERS[out.suffix]
        write_all(out.parent, {out.name: lambda path: write(frame, path)})
    if json:
        print_json({"rows": frame.height, "out": str(out)} if out else {"predictions": frame.to_dicts()})
    elif not out:
        print(frame.write_csv(), end="")


def predictions(model: Model, frame: pl.DataFrame) -> pl.DataFrame:
    """A row's most probable class with all probabilities, or its number."""
    predicted = model.predict(to_table(frame))
    if model.task == "regression":
        return pl.DataFrame({"prediction": predicted[:, 0]})
    named = {f"probability_{name}": predicted[:, i] for i, name in enumerate(model.classes.tolist())}
    best = [model.classes.tolist()[code] for code in predicted.argmax(1)]
    return pl.DataFrame({"prediction": best} | named)
