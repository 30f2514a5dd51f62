"""goodfit diagnose of a table: does a network overfit on it, and what else is wrong?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from goodfit.commands.folder import open_if_given, write_run
from goodfit.commands.reading import Source, read_source
from goodfit.commands.terminal import print_json, print_wrapped, progress, say
from goodfit.commands.verdicts import check_names, exit_status, print_verdicts
from goodfit.regularizers import Recipe
from goodfit.report.diagnosing import summarize_diagnosis
from goodfit.report.tables import Labels
from goodfit.saving import REPORT
from goodfit.studies.budget import read_seconds, training_until
from goodfit.studies.diagnosing import diagnose_problem
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import Plan
from goodfit.studies.subject import Subject
from goodfit.studies.usual import usual_settings
from goodfit.training import Backend, Execution

RESERVE = 3.0
"""Seconds of a budget kept for reading the results and writing."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        source: what to learn.
        recipe: the regularization of the network that is asked about.
        budget: time granted, such as "60s"; None for no limit.
        seed: of everything random.
        out: the run folder, or None to write none.
        fail_on: verdicts that make the exit status 1.
        backend: who trains; None for this process.
    """

    source: Source
    recipe: str
    budget: str | None
    seed: int
    out: Path | None
    fail_on: tuple[str, ...]
    backend: Backend | None = None


def run(request: Request, *, started: float, json: bool) -> int:
    """Diagnose, show the verdicts, write the run folder if asked for, and return the exit status."""
    check_names(request.fail_on)
    budget, recipe = read_seconds(request.budget), Recipe.parse(request.recipe)
    given = read_source(request.source, enough=False)
    problem, source = given.problem, request.source
    deadline = training_until(budget, started, reserve=RESERVE)
    execution = Execution(deadline=deadline, backend=request.backend)
    subject = Subject(recipe, usual_settings(problem), Plan(seed=request.seed), execution)
    labels = Labels("diagnose", source.title, source.data.name, problem.name, {}, given.notes)
    with open_if_given(request.out) as checkpoint:
        with progress("training") as on_epoch:
            found = diagnose_problem(problem, replace(subject, on_epoch=on_epoch, checkpoint=checkpoint))
        summary = summarize_diagnosis(found, problem, labels)
        if request.out:
            trials = found.evidence.trials if found.evidence else ()
            write_run(request.out, summary, history_frame([t.results for t in trials if t.kind == "dose"]))
    if json:
        print_json(found.diagnosis.to_dict() | {"headline": summary["headline"]})
    else:
        print_wrapped(summary["headline"], style="bold")
        print_verdicts(found.diagnosis.verdicts)
        if request.out:
            say(f"report: {request.out / REPORT}")
    return exit_status(found.diagnosis, request.fail_on)
