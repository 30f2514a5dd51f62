"""goodfit fit: from a table to a model, its verdicts and its report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from goodfit.commands.folder import open_folder, write_run
from goodfit.commands.large import for_search
from goodfit.commands.reading import Source, read_source
from goodfit.commands.terminal import print_json, print_table, progress, say, waiting
from goodfit.diagnosis import diagnose
from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.ranges import has_ranges
from goodfit.report.diagnosing import changes_of
from goodfit.report.summary import summarize_fit
from goodfit.report.tables import Labels
from goodfit.report.tested import tested_fit
from goodfit.saving import REPORT
from goodfit.studies.budget import USUAL_BUDGET, read_seconds, training_until
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import Fit, Plan, fit, model_of
from goodfit.studies.problem import Problem
from goodfit.studies.rating import check_costs, check_metric
from goodfit.studies.testing import split_test
from goodfit.studies.trials import gather_evidence
from goodfit.studies.usual import usual_settings
from goodfit.training import Backend, Checkpoint, Execution

TEST_SHARE = 0.2
SEARCHED, TESTED = 1_000_000, 200_000
"""Rows at most of a table in files that a search learns from, and that its model is tested on."""
RESERVE = 7.0
"""Seconds of a budget kept for scoring and writing."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        source: what to learn.
        recipe: its text; None to search, as with ranges.
        budget: time granted, such as "60s"; None for no limit, or the usual one of a search.
        seed: of everything random.
        out: the run folder.
        json: whether to print JSON.
        started: when the command began, `time.monotonic()`.
        ensemble: networks of a search's model at most.
        storage: URL of a database for a search's trials; None for a file in the run folder.
        metric: what a search's trials are chosen by, a key of `goodfit.metrics`; None for the held-out loss.
        costs: of a false alarm and of a miss, such as "1:10"; None for no threshold by costs.
        backend: who trains; None for this process.
    """

    source: Source
    recipe: str | None
    budget: str | None
    seed: int
    out: Path
    json: bool
    started: float
    ensemble: int = 32
    storage: str | None = None
    metric: str | None = None
    costs: str | None = None
    backend: Backend | None = None


def run(request: Request) -> None:
    """Fit or search, test, write the run folder, and say what was found."""
    budget = read_seconds(request.budget)
    plan = Plan(seed=request.seed, metric=request.metric, costs=read_costs(request.costs))
    asked = None if request.recipe is None or has_ranges(request.recipe) else Recipe.parse(request.recipe)
    given = read_source(request.source)
    check_metric(plan.metric, given.problem)
    check_costs(plan.costs, given.problem, [np.arange(given.problem.rows)])
    with open_folder(request.out, model=True) as checkpoint:
        with waiting("splitting off test rows"):
            parts, notes = split_test(given.problem, TEST_SHARE, request.seed), given.notes
        del given  # of 20 million rows half a gigabyte
        if asked is None:
            from goodfit.commands import search  # Optuna and its database only where they're used

            train, test = (for_search(p, n, request.seed) for p, n in zip(parts, (SEARCHED, TESTED), strict=True))
            if train.rows < parts[0].rows:
                notes = (*notes, f"the search learned from {train.rows:,} of {parts[0].rows:,} rows; a recipe uses all")
            summary = search.run(request, train, test, notes, plan=plan, budget=budget or USUAL_BUDGET)
        else:
            summary = _fit(request, asked, *parts, notes, plan=plan, budget=budget, checkpoint=checkpoint)
    _show(summary, request)


def read_costs(text: str | None) -> tuple[float, float] | None:
    """Read what a false alarm and a miss cost.

    Args:
        text: two numbers above 0, such as "1:10"; None for none.

    Raises:
        InputError: anything else.

    Example:
        >>> read_costs("1:10")
        (1.0, 10.0)
    """
    if text is None:
        return None
    try:
        alarm, miss = (float(part) for part in text.split(":"))
    except ValueError:
        alarm, miss = math.nan, math.nan
    if not (0 < alarm < math.inf and 0 < miss < math.inf):
        raise InputError(
            f"--costs {text}: give those of a false alarm and of a miss, two numbers above 0, such as 1:10"
        )
    return alarm, miss


def _fit(
    request: Request,
    asked: Recipe,
    train: Problem,
    test: Problem,
    notes: tuple[str, ...],
    *,
    plan: Plan,
    budget: float | None,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    recipes = list(dict.fromkeys([Recipe(), asked]))
    deadline = training_until(budget, request.started, reserve=RESERVE)
    with progress("training") as on_epoch:
        fitted = fit(
            train,
            recipes,
            plan=replace(plan, use=len(recipes) - 1),
            settings=usual_settings(train),
            execution=Execution(deadline=deadline, backend=request.backend),
            on_epoch=on_epoch,
            checkpoint=checkpoint,
        )
    with waiting("scoring"):
        summary = _summary(fitted, test, request, notes)
    write_run(
        request.out, summary, history_frame([c.results for c in fitted.candidates]), model_of(fitted, fitted.best)
    )
    return summary


def _summary(fitted: Fit, test: Problem, request: Request, notes: tuple[str, ...]) -> dict[str, Any]:
    source = request.source
    labels = Labels("fit", source.title, source.data.name, test.name, {}, notes)
    evidence = gather_evidence(fitted)
    tested = tested_fit(fitted, test, request.seed)
    return summarize_fit(fitted, diagnose(evidence), labels, tested) | changes_of(evidence)


def _show(summary: dict[str, Any], request: Request) -> None:
    if request.json:
        print_json(summary | {"run": str(request.out)})
        return
    say(summary["headline"], style="bold")
    print_table(summary["table"])
    if "search" in summary:
        _show_search(summary["search"])
    if "decision" in summary:
        say(summary["decision"]["told"])
    for verdict in summary["verdicts"]:
        if verdict["outcome"] == "fired":
            told = f"{verdict['severity']}: {verdict['title'].lower()} ({verdict['name']}); {verdict['advice']}"
            say(told, wrap=True)
    for note in summary["data"]["notes"]:
        say(f"note: {note}", wrap=True)
    say(f"chosen: {summary['chosen']}")
    say(f"report: {request.out / REPORT}")


def _show_search(found: dict[str, Any]) -> None:
    say(found["told"])
    for sentence in found["sentences"]:
        say(f"- {sentence}")
    for advice in found["advice"]:
        say(advice, style="bold")
