"""The commands on a run that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goodfit.options import Json, Memory, NewColumn, NewRows, Predictions, Query, TrainedRun, origin_of, size_of


def predict(
    run: TrainedRun,
    new: NewRows,
    query: Query = None,
    column: NewColumn = None,
    memory: Memory = None,
    out: Predictions = None,
    json: Json = False,
) -> None:
    """Predict every row of a new table with a run's model."""
    from goodfit.commands import predict as command

    command.run(run, origin_of(new, query), out, column=column, json=json, memory=size_of(memory))


def export(
    run: TrainedRun,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file.")] = Path("model.onnx"),
    json: Json = False,
) -> None:
    """Write a run's model as an ONNX file, which predicts without goodfit; needs goodfit\\[onnx]."""
    from goodfit.commands import export as command

    command.run(run, out, json=json)


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file; by default in the run.")] = None,
    json: Json = False,
) -> None:
    """Write a run's report anew: one HTML file that needs no network."""
    from goodfit.commands import report as command

    command.run(run, out, json=json)
