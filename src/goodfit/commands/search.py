"""goodfit fit without a recipe, or with ranges: search within the time granted, and prove what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodfit.commands.folder import SEARCH, open_folder, write_run
from goodfit.commands.reading import Given, Source
from goodfit.commands.terminal import console, print_json, print_table, search_progress
from goodfit.diagnosis import diagnose
from goodfit.regularizers.ranges import Space
from goodfit.report.diagnosing import changes_of
from goodfit.report.searching import add_tested, summarize_search
from goodfit.report.summary import summarize_fit
from goodfit.report.tables import Labels
from goodfit.report.tested import tested_search
from goodfit.saving import REPORT
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import Plan
from goodfit.studies.searching.defaults import default_choices
from goodfit.studies.searching.finding import find
from goodfit.studies.searching.pace import Pace
from goodfit.studies.searching.store import Store, job_of
from goodfit.studies.testing import split_test
from goodfit.studies.trials import gather_evidence
from goodfit.training import Execution

TEST_SHARE = 0.2
USUAL_BUDGET = 60.0
"""Seconds, where the user says nothing of time."""
RESERVE = 2.0
"""Seconds of a budget for starting, testing and writing, beside a twentieth of it."""


@dataclass(frozen=True)
class Search:
    """What the user asked for.

    Args:
        source: what to learn.
        space: the recipes to choose among; an empty one for the usual.
        budget: seconds granted.
        seed: of everything random.
        out: the run folder.
        networks: of the model at most.
        storage: URL of a database for the trials; None for a file in the run folder.
        json: whether to print JSON.
        started: when the command began, `time.monotonic()`.
    """

    source: Source
    space: Space
    budget: float
    seed: int
    out: Path
    networks: int
    storage: str | None
    json: bool
    started: float


def run(asked: Search, given: Given) -> None:
    """Search, test, write the run folder, and say what was found."""
    open_folder(asked.out, model=True)
    train, test = split_test(given.problem, TEST_SHARE, asked.seed)
    problem = train.merged()
    choices, plan = default_choices(problem, asked.space), Plan(seed=asked.seed)
    store = Store(asked.out / SEARCH, job_of(problem, choices, plan), asked.storage)
    granted = max(0.95 * asked.budget - RESERVE, asked.budget / 2)
    with search_progress("searching", granted) as on_standing:
        found = find(
            problem,
            choices,
            plan=plan,
            pace=Pace(granted, started=asked.started),
            execution=Execution(),
            store=store,
            networks=asked.networks,
            on_standing=on_standing,
        )
    fitted = found.ablation.fit
    evidence, tested = gather_evidence(fitted), tested_search(found, test, asked.seed)
    labels = Labels("fit", asked.source.title, asked.source.data.name, test.name, {}, given.notes)
    summary = summarize_fit(fitted, diagnose(evidence), labels, tested.on_test) | changes_of(evidence)
    summary |= summarize_search(found)
    add_tested(summary, tested)
    history = history_frame([candidate.results for candidate in fitted.candidates])
    write_run(asked.out, summary, history, found.chosen.model)
    store.clear()
    _show(summary, asked)


def _show(summary: dict[str, Any], asked: Search) -> None:
    if asked.json:
        print_json(summary | {"run": str(asked.out)})
        return
    out = console()
    out.print(summary["headline"], style="bold", soft_wrap=True)
    print_table(summary["table"])
    out.print(summary["search"]["told"], soft_wrap=True)
    for sentence in summary["search"]["sentences"]:
        out.print(f"- {sentence}", soft_wrap=True)
    for advice in summary["search"]["advice"]:
        out.print(advice, style="bold", soft_wrap=True)
    for verdict in summary["verdicts"]:
        if verdict["outcome"] == "fired":
            out.print(f"{verdict['severity']}: {verdict['title'].lower()} ({verdict['name']}); {verdict['advice']}")
    for note in summary["data"]["notes"]:
        out.print(f"note: {note}")
    out.print(f"chosen: {summary['chosen']}\nreport: {asked.out / REPORT}", soft_wrap=True)
