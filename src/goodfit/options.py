"""The arguments that several commands share, and what is long to tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Data = Annotated[
    str,
    typer.Argument(
        help="A table (CSV, TSV, Parquet, Arrow, JSON lines), a folder with a folder of files for each class, or, with "
        "--query, a database: postgresql://user@host/name, sqlite:///file.db, duckdb:///file.duckdb.",
        show_default=False,
    ),
]
DataOrLog = Annotated[
    str,
    typer.Argument(
        help="A table (with --target), a database (with --query and --target), a folder of pictures, sounds or texts "
        "(with --kind), or a training log: CSV, JSON, JSON lines, TensorBoard events, a run folder.",
        show_default=False,
    ),
]
Query = Annotated[
    str | None,
    typer.Option(
        help="What to read from a database, such as 'select * from loans'; nothing can be changed there.",
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
Time = Annotated[
    str | None,
    typer.Option(
        help="A table's column of dates or numbers: rows are split in their order, so that none is held out that is "
        "earlier than one learned from. It's no input, for the rows to come lie beyond all times learned from.",
        show_default=False,
    ),
]
TextEncoder = Annotated[
    str,
    typer.Option(
        help="A frozen sentence encoder to read texts with: a model's folder, or a package that carries one; by "
        "default words are counted.",
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
SearchedRecipe = Annotated[
    str | None,
    typer.Option(
        help="Regularizers and doses, such as 'l2=1e-3, dropout=0.3'; ranges, such as 'l2=1e-6..0.1', are searched; "
        "by default it searches among all that is usual."
    ),
]
SearchBudget = Annotated[
    str | None, typer.Option(help="Time granted, such as 30s or 2min; a search takes 60s by default.")
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="What a search's trials are chosen by, such as roc_auc; by default the held-out loss. With "
        "balanced_accuracy two classes are told apart at the threshold that serves it best.",
        show_default=False,
    ),
]
Costs = Annotated[
    str | None,
    typer.Option(
        help="Of a false alarm and of a miss, such as 1:10: the rarer of two classes is predicted from the threshold "
        "on that costs least.",
        show_default=False,
    ),
]
Ensemble = Annotated[int, typer.Option(min=1, help="Networks of a search's model at most.")]
Store = Annotated[
    str | None,
    typer.Option(
        help="URL of a database for a search's trials (postgresql://...); by default a file in the run folder.",
        show_default=False,
    ),
]
Backend = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Who trains: this process, or a Ray cluster (needs goodfit\\[ray]); the networks are the same."),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="A Ray cluster's: auto, host:port, ray://host:port; by default that of RAY_ADDRESS, of this machine, or "
        "one of its own.",
        show_default=False,
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Where the files of a table go that memory can't hold; by default beside the run folder, named *.cache.",
        show_default=False,
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        help="What a table may take, such as 3GB: a job that needs more learns from files; by default what is free.",
        show_default=False,
    ),
]
TrainedRun = Annotated[Path, typer.Argument(help="A run folder, or its model.safetensors.", show_default=False)]
NewRows = Annotated[
    str,
    typer.Argument(
        help="A table with the columns of the training, or, with --query, a database's URL; for pictures and sounds a "
        "folder, or one file.",
        show_default=False,
    ),
]
NewColumn = Annotated[
    str | None, typer.Option(help="A table's column of texts or paths; by default named as in the training.")
]
Examples = Annotated[
    str,
    typer.Argument(
        metavar="IN",
        help="A picture, a sound, a text (.txt), a folder of them, a table of texts or of rows, or, with --query, a "
        "database's URL.",
        show_default=False,
    ),
]
NewFolder = Annotated[
    Path,
    typer.Argument(metavar="OUT", help="The folder to write, new or of an earlier augment.", show_default=False),
]
Techniques = Annotated[
    str, typer.Option("--with", help="Techniques and doses, such as 'rotate=15, flip'.", show_default=False)
]
Variants = Annotated[
    int, typer.Option("--n", min=1, max=64, help="Variants of each example; of a table, smote says how many rows.")
]
TextsColumn = Annotated[
    str | None, typer.Option(help="A table's column of texts; by default its only one.", show_default=False)
]
ClassColumn = Annotated[str | None, typer.Option(help="The column of a table's classes.", show_default=False)]
Recipes = Annotated[
    list[str], typer.Option(help="A recipe; give the option once for each. The first is the reference.")
]
FailOn = Annotated[
    list[str] | None, typer.Option(help="Exit with 1 if this verdict fires; give the option once for each.")
]
Predictions = Annotated[
    Path | None, typer.Option("--out", "-o", help="A .csv, .parquet or .jsonl file; by default CSV is printed.")
]
RawCsv = Annotated[
    bool,
    typer.Option(
        "--raw-csv", help="Leave texts in augmented.csv that a spreadsheet would run as formulas as they are."
    ),
]
RunFolder = Annotated[Path, typer.Option("--out", help="Where the run folder goes.")]
ReportFolder = Annotated[
    Path | None, typer.Option("--out", help="Where a run folder with a report goes; none by default.")
]
TrainField = Annotated[
    str | None, typer.Option("--train", help="A log's field of the training loss; by default it tells.")
]
ValidationField = Annotated[
    str | None, typer.Option("--validation", help="A log's field of the validation loss; by default it tells.")
]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"goodfit {version('goodfit')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


def in_files(source: Any, cache: Path | None, memory: str | None, out: Path | None) -> Any:
    """The same source, with where its table goes if memory can't hold it."""
    run = out or Path("goodfit-run")
    beside = run.with_name(f"{run.name}.cache")
    return replace(source, cache=cache or beside, memory=size_of(memory))


def size_of(memory: str | None) -> int | None:
    """Bytes, if any are named."""
    from goodfit.commands.sizes import read_size

    return None if memory is None else read_size(memory)


def origin_of(data: str, query: str | None) -> Any:
    """Where rows come from: a path, or a query to a database."""
    from goodfit.data import sources

    return sources.origin_of(data, query)


def source_of(data: str, query: str | None, target: str | None, *options: Any) -> Any:
    """What is to be learned, of the options that say so."""
    from goodfit.commands.reading import Source

    kind, text, path, group, moment, task, encoder = options
    return Source(origin_of(data, query), target, task, kind, text if path is None else path, group, moment, encoder)


def trainer(backend: str, address: str | None) -> Any:
    """Who trains, of the options that say so; None for this process."""
    from goodfit.backends import backend_of

    return backend_of(backend, address)
