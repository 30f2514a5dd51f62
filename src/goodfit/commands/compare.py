"""goodfit compare: recipes side by side, paired over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodfit.commands.folder import open_if_given, write_run
from goodfit.commands.reading import Source, read_source
from goodfit.commands.terminal import print_json, print_table, progress, say, waiting
from goodfit.regularizers import Recipe
from goodfit.report.summary import summarize_comparison
from goodfit.report.tables import Labels, comparison_table
from goodfit.saving import REPORT
from goodfit.studies.budget import read_seconds, training_until
from goodfit.studies.comparison import Comparison, Repeats, compare
from goodfit.studies.findings import history_frame
from goodfit.studies.problem import Problem
from goodfit.studies.usual import usual_settings
from goodfit.training import Backend, Checkpoint, Execution, Settings

RESERVE = 3.0
"""Seconds of a budget kept for scoring and writing."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        source: what to learn.
        recipes: their texts; the first is the reference.
        seeds: repeats.
        seed: of everything random.
        out: the run folder, or None to write none.
        json: whether to print JSON.
        budget: time granted, such as "60s"; None for no limit.
        started: `time.monotonic()` when the command began.
        backend: who trains; None for this process.
    """

    source: Source
    recipes: Sequence[str]
    seeds: int
    seed: int
    out: Path | None
    json: bool
    budget: str | None = None
    started: float = 0.0
    backend: Backend | None = None


def run(request: Request) -> None:
    """Compare, print the table, and write the run folder if asked for."""
    recipes, budget = [Recipe.parse(text) for text in request.recipes], read_seconds(request.budget)
    given = read_source(request.source)
    problem, source = given.problem, request.source
    labels = Labels("compare", source.title, source.data.name, problem.name, {}, given.notes)
    repeats = Repeats(seeds=request.seeds, seed=request.seed)
    with open_if_given(request.out) as checkpoint:
        deadline = training_until(budget, request.started, reserve=RESERVE)
        execution = Execution(deadline=deadline, backend=request.backend)
        comparison = train_all(problem, recipes, repeats, usual_settings(problem), checkpoint, execution=execution)
        finish(comparison, labels, out=request.out, json=request.json)


def train_all(
    problem: Problem,
    recipes: Sequence[Recipe],
    repeats: Repeats,
    settings: Settings,
    checkpoint: Checkpoint | None,
    *,
    execution: Execution,
) -> Comparison:
    """Train with a progress bar, and with a state to resume from if there is a place for it."""
    with progress("training") as on_epoch:
        return compare(
            problem,
            recipes,
            repeats=repeats,
            settings=settings,
            execution=execution,
            on_epoch=on_epoch,
            checkpoint=checkpoint,
        )


def finish(
    comparison: Comparison,
    labels: Labels,
    *,
    out: Path | None,
    json: bool,
    extra: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the run folder and show the table."""
    if out:
        with waiting("scoring"):
            summary = summarize_comparison(comparison, labels, extra)
        write_run(out, summary, history_frame(comparison.results))
    if json:
        print_json(comparison.to_dict() | ({"run": str(out)} if out else {}))
        return
    table = comparison_table(comparison, labels, extra)
    print_table(table)
    if labels.command == "compare":
        print_differences(table)
    if out:
        say(f"report: {out / REPORT}")


def print_differences(table: Mapping[str, Any]) -> None:
    """The paired differences from the first recipe."""
    first, *others = table["rows"]
    rows = [{"label": row["label"], "cells": row["differences"]} for row in others]
    if rows:
        note = "Differences that an interval without 0 supports are more than chance."
        shown = {"metrics": table["metrics"], "rows": rows, "baselines": [], "note": note}
        print_table(shown, f"minus {first['label']}")
