"""The command line: parse, one call, exit status. Nothing heavy is imported before a command is known."""

from __future__ import annotations

import io
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from goodfit.errors import DamagedFile, DoubtfulRecipe, InputError, LostRuns, SlowerTraining
from goodfit.exits import drop, say, told
from goodfit.finished import export, predict, report
from goodfit.options import (
    Address,
    Backend,
    Budget,
    Cache,
    ClassColumn,
    Costs,
    Data,
    DataOrLog,
    Ensemble,
    Examples,
    FailOn,
    Group,
    Json,
    Kind,
    Memory,
    Metric,
    NewFolder,
    PathColumn,
    Query,
    RawCsv,
    Recipes,
    ReportFolder,
    RunFolder,
    SearchBudget,
    SearchedRecipe,
    Seed,
    Seeds,
    Store,
    Target,
    Task,
    Techniques,
    TextColumn,
    TextEncoder,
    TextsColumn,
    Time,
    TrainField,
    ValidationField,
    Variants,
    Version,
    in_files,
    origin_of,
    source_of,
    trainer,
)
from goodfit.stopping import SAID, Stopped
from goodfit.urls import is_url, told_urls
from goodfit.visible import visible

STARTED = time.monotonic()
USAGE_ERROR: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="goodfit",
    help="Tells whether a neural network overfits, finds the regularization that cures it, and proves the cure.",
    epilog="Exit status: 0 done, 1 a verdict of --fail-on fired, 2 bad input or usage, "
    "130 interrupted by Ctrl-C, 143 told to end, 129 its terminal closed (the same command goes on where it stopped).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def common(version: Version = False) -> None:
    """What all commands share."""


@app.command(epilog="Example: goodfit demo --out demo-run")
def demo(
    data: Annotated[Literal["fraud", "loans"], typer.Option(help="Simulated card frauds, or real loans.")] = "fraud",
    out: Annotated[Path, typer.Option(help="Where the run folder goes.")] = Path("goodfit-demo"),
    seeds: Seeds = 10,
    seed: Seed = 0,
    backend: Backend = "local",
    address: Address = None,
    json: Json = False,
) -> None:
    """Four configurations on 10,000 transactions: a table with error bars, and a report."""
    from goodfit.commands import demo as command

    command.run(command.Request(data, seeds, seed, out, json, trainer(backend, address)))


@app.command(
    epilog="Examples: goodfit fit loans.csv --target default --budget 60s --out loans-run; goodfit fit sqlite:///my.db "
    "--query 'select * from loans' --target default; goodfit fit digits/ --kind image; goodfit fit reviews.csv --kind "
    "text --text-column text --target label; goodfit fit words/ --kind audio --group '^\\[a-z]+'"
)
def fit(
    data: Data,
    target: Target = None,
    query: Query = None,
    recipe: SearchedRecipe = None,
    kind: Kind = None,
    text_column: TextColumn = None,
    path_column: PathColumn = None,
    text_encoder: TextEncoder = "",
    group: Group = None,
    time: Time = None,
    task: Task = None,
    budget: SearchBudget = None,
    metric: Metric = None,
    costs: Costs = None,
    ensemble: Ensemble = 32,
    store: Store = None,
    cache: Cache = None,
    memory: Memory = None,
    seed: Seed = 0,
    out: RunFolder = Path("goodfit-run"),
    backend: Backend = "local",
    address: Address = None,
    json: Json = False,
) -> None:
    """Split off test rows, diagnose, find the recipe, train, and write a run folder with model and report."""
    from goodfit.commands import fit as command

    source = source_of(data, query, target, kind, text_column, path_column, group, time, task, text_encoder)
    source, where = in_files(source, cache, memory, out), trainer(backend, address)
    asked = command.Request(source, recipe, budget, seed, out, json, STARTED, ensemble, store, metric, costs, where)
    command.run(asked)


@app.command(epilog="Example: goodfit compare loans.csv --target default --recipe none --recipe 'l2=1e-3, dropout=0.3'")
def compare(
    data: Data,
    recipe: Recipes,
    target: Target = None,
    query: Query = None,
    kind: Kind = None,
    text_column: TextColumn = None,
    path_column: PathColumn = None,
    text_encoder: TextEncoder = "",
    group: Group = None,
    time: Time = None,
    task: Task = None,
    seeds: Seeds = 10,
    budget: Budget = None,
    cache: Cache = None,
    memory: Memory = None,
    seed: Seed = 0,
    out: ReportFolder = None,
    backend: Backend = "local",
    address: Address = None,
    json: Json = False,
) -> None:
    """Compare recipes on rows that no run has seen: scores and paired differences, with 95 % intervals."""
    from goodfit.commands import compare as command

    source = source_of(data, query, target, kind, text_column, path_column, group, time, task, text_encoder)
    source = in_files(source, cache, memory, out)
    command.run(command.Request(source, recipe, seeds, seed, out, json, budget, STARTED, trainer(backend, address)))


@app.command(
    epilog="Examples: goodfit diagnose loans.csv --target default --out diagnosis; goodfit diagnose metrics.csv "
    "--fail-on overfitting"
)
def diagnose(
    source: DataOrLog,
    target: Annotated[str | None, typer.Option(help="The column to predict, of a table.")] = None,
    query: Query = None,
    kind: Kind = None,
    text_column: TextColumn = None,
    path_column: PathColumn = None,
    text_encoder: TextEncoder = "",
    group: Group = None,
    time: Time = None,
    recipe: Annotated[str, typer.Option(help="Regularization of the network that is asked about.")] = "none",
    task: Task = None,
    budget: Budget = None,
    seed: Seed = 0,
    out: ReportFolder = None,
    train: TrainField = None,
    validation: ValidationField = None,
    fail_on: FailOn = None,
    backend: Backend = "local",
    address: Address = None,
    json: Json = False,
) -> int:
    """Tell whether a network overfits, underfits or neither, and what else is wrong: on a table, or from a log."""
    names = tuple(fail_on or ())
    if target is not None or kind is not None or query is not None or is_url(source):
        from goodfit.commands import diagnose as on_table

        rows = source_of(source, query, target, kind, text_column, path_column, group, time, task, text_encoder)
        asked = on_table.Request(rows, recipe, budget, seed, out, names, trainer(backend, address))
        return on_table.run(asked, started=STARTED, json=json)
    from goodfit.commands import diagnose_log as from_log

    return from_log.run(from_log.Request(Path(source), train, validation, names, json))


app.command(epilog="Example: goodfit predict loans-run new.csv -o predictions.csv")(predict)
app.command(epilog="Example: goodfit export loans-run -o loans.onnx")(export)
app.command(epilog="Example: goodfit report loans-run -o report.html")(report)


@app.command(
    epilog="Examples: goodfit augment image photos/ augmented --with 'rotate=15, flip'; goodfit augment audio words/ "
    "augmented --with 'pitch_shift=3, white_noise=10'; goodfit augment text reviews.csv augmented --with synonyms=0.3; "
    "goodfit augment table loans.csv augmented --target default --with smote=0.5"
)
def augment(
    kind: Annotated[
        Literal["image", "text", "audio", "table"], typer.Argument(help="What the examples are.", show_default=False)
    ],
    source: Examples,
    out: NewFolder,
    techniques: Techniques,
    n: Variants = 8,
    column: TextsColumn = None,
    target: ClassColumn = None,
    query: Query = None,
    raw_csv: RawCsv = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Augment a few examples to look at or listen to: files, and a contact sheet with the originals beside them."""
    from goodfit.commands import augment as command

    rows = origin_of(source, query)
    command.run(command.Request(kind, rows, out, techniques, n, seed, column, target, raw_csv), json=json)


def main() -> None:
    """Run the command line and exit with its status."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the locale has no letters for is no fault
    sys.exit(_status())


def _status() -> int:
    try:
        status = _run()
        sys.stdout.flush()
        return status
    except InputError as error:
        return _fail(str(error))
    except USAGE_ERROR as error:
        return _fail(f"{error.format_message().rstrip('.') or 'no command'}. See {_command()} --help.")
    except (KeyboardInterrupt, typer.Abort) as stop:
        return _fail(SAID, status=stop.status if isinstance(stop, Stopped) else 130)
    except BrokenPipeError:  # whoever read it, such as head, has read enough
        drop(sys.stdout)
        return 0
    except OSError as error:
        drop(sys.stdout)
        return _fail(told(error))


def _run() -> int:
    """Parse and call, without typer's own handling of interruptions and broken pipes, which says nothing."""
    try:
        with typer.main.get_command(app).make_context("goodfit", sys.argv[1:]) as context:
            return int(context.command.invoke(context) or 0)
    except typer.Exit as done:
        return done.exit_code


def _fail(message: str, status: int = 2) -> int:
    say(visible(f"{_command()}: {' '.join(told_urls(message, *sys.argv).split())}"))
    return status


def _command() -> str:
    known = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    return "goodfit " + sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] in known else "goodfit"


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    plain = issubclass(category, DamagedFile | DoubtfulRecipe | LostRuns | SlowerTraining)
    _fail(f"warning: {'' if plain else f'{category.__name__}: '}{message}")
