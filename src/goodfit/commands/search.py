"""goodfit fit without a recipe, or with ranges: search within the time granted, and prove what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from goodfit.commands.folder import SEARCH, write_run
from goodfit.commands.terminal import search_progress
from goodfit.regularizers.ranges import Space
from goodfit.report.diagnosing import changes_of
from goodfit.report.searching import add_search, add_tested
from goodfit.report.summary import summarize_fit
from goodfit.report.tables import Labels
from goodfit.report.tested import tested_search
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import Plan
from goodfit.studies.problem import Problem
from goodfit.studies.searching.defaults import default_choices
from goodfit.studies.searching.diagnosing import diagnose_search
from goodfit.studies.searching.finding import Found, find
from goodfit.studies.searching.pace import Pace
from goodfit.studies.searching.store import Store, job_of
from goodfit.training import Execution

if TYPE_CHECKING:
    from goodfit.commands.fit import Request

RESERVE = 2.0
"""Seconds of a budget for starting, testing and writing, beside a twentieth of it."""


def run(
    request: Request, train: Problem, test: Problem, notes: tuple[str, ...], *, plan: Plan, budget: float
) -> dict[str, Any]:
    """Search for so many seconds, test and write the run folder; its summary."""
    problem = train.merged()
    choices = default_choices(problem, Space.of(request.recipe))
    store = Store(request.out / SEARCH, job_of(problem, choices, plan), request.storage)
    granted = max(0.95 * budget - RESERVE, budget / 2)
    with search_progress("searching", granted) as on_standing:
        found = find(
            problem,
            choices,
            plan=plan,
            pace=Pace(granted, started=request.started),
            execution=Execution(backend=request.backend),
            store=store,
            networks=request.ensemble,
            on_standing=on_standing,
        )
    labels = Labels("fit", request.source.title, request.source.data.name, test.name, {}, notes)
    summary = _summary(found, test, labels, request.seed)
    history = history_frame([candidate.results for candidate in found.ablation.fit.candidates])
    write_run(request.out, summary, history, found.chosen.model)
    store.clear()
    return summary


def _summary(found: Found, test: Problem, labels: Labels, seed: int) -> dict[str, Any]:
    (diagnosis, evidence), tested = diagnose_search(found), tested_search(found, test, seed)
    summary = summarize_fit(found.ablation.fit, diagnosis, labels, tested.on_test) | changes_of(evidence)
    add_search(summary, found, tested)
    add_tested(summary, tested)
    return summary
