"""The arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Data = Annotated[
    Path,
    typer.Argument(
        help="A table (CSV, TSV, Parquet, Arrow, JSON lines), or a folder with a folder of files for each class.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None, typer.Option(help="The column to predict; a folder's classes are its folders.", show_default=False)
]
Kind = Annotated[
    Literal["table", "image", "text", "audio"] | None,
    typer.Option(help="What a row is; by default a table's line, or what a folder holds."),
]
TextColumn = Annotated[
    str | None, typer.Option(help="The table's column of texts; by default its only one.", show_default=False)
]
PathColumn = Annotated[
    str | None,
    typer.Option(
        help="The table's column of paths to pictures or sounds; by default its only one.", show_default=False
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        help="A table's column, or a regular expression for files' names ('^\\[a-z]+'): rows of one group, such as a "
        "speaker's, stay together in every split.",
        show_default=False,
    ),
]
Task = Annotated[
    Literal["binary", "multiclass", "regression"] | None, typer.Option(help="Kind of target; by default it tells.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Seeds = Annotated[int, typer.Option(min=2, help="Repeats, each with a new split and new initial weights.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Budget = Annotated[str | None, typer.Option(help="Time granted, such as 30s or 2min.")]
ReportFolder = Annotated[
    Path | None, typer.Option("--out", help="Where a run folder with a report goes; none by default.")
]
