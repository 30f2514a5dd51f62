"""goodfit fit: from a table to a model, its verdicts and its report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from goodfit.commands.folder import open_folder, write_run
from goodfit.commands.reading import Source, read_source
from goodfit.commands.terminal import console, print_json, print_table, progress
from goodfit.diagnosis import diagnose
from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Kind
from goodfit.report.diagnosing import changes_of
from goodfit.report.summary import summarize_fit
from goodfit.report.tables import Labels, OnTest
from goodfit.saving import REPORT
from goodfit.statistics import Estimate
from goodfit.studies.budget import read_seconds
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import (
    Fit,
    Plan,
    as_resampled,
    fit,
    held_out_predictions,
    model_of,
    scores_of,
    threshold_of,
)
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.testing import Predictor, Tested, score_on, split_test
from goodfit.studies.trials import gather_evidence
from goodfit.studies.usual import candidates_for, usual_settings
from goodfit.training import Execution

TEST_SHARE = 0.2
RESERVE = 7.0
"""Seconds of a budget kept for scoring and writing."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        source: what to learn.
        recipe: its text; None to choose.
        budget: time granted, such as "60s"; None for no limit.
        seed: of everything random.
        out: the run folder.
        json: whether to print JSON.
        started: when the command began, `time.monotonic()`.
    """

    source: Source
    recipe: str | None
    budget: str | None
    seed: int
    out: Path
    json: bool
    started: float


def run(request: Request) -> None:
    """Fit, test, write the run folder, and say what was found."""
    budget = read_seconds(request.budget)
    asked = None if request.recipe is None else Recipe.parse(request.recipe)
    given = read_source(request.source)
    problem = given.problem
    recipes = _candidates(asked, problem.kind)
    checkpoint = open_folder(request.out, model=True)
    train, test = split_test(problem, TEST_SHARE, request.seed)
    deadline = math.inf if budget is None else request.started + max(budget - RESERVE, budget / 3)
    with progress("training") as on_epoch:
        fitted = fit(
            train,
            recipes,
            plan=Plan(seed=request.seed, use=len(recipes) - 1 if request.recipe else None),
            settings=usual_settings(train),
            execution=Execution(deadline=deadline),
            on_epoch=on_epoch,
            checkpoint=checkpoint,
        )
    summary = _summary(fitted, test, request, given.notes)
    model = model_of(fitted, fitted.best)
    write_run(request.out, summary, history_frame([c.results for c in fitted.candidates]), model)
    _show(summary, request)


def _candidates(asked: Recipe | None, kind: Kind) -> list[Recipe]:
    """The recipe that was asked for beside no regularization, or the usual ones to choose from."""
    return candidates_for(kind) if asked is None else list(dict.fromkeys([Recipe(), asked]))


def _summary(fitted: Fit, test: Problem, request: Request, notes: tuple[str, ...]) -> dict[str, Any]:
    source = request.source
    labels = Labels("fit", source.title, source.data.name, test.name, {}, notes)
    evidence = gather_evidence(fitted)
    tested = _tested(fitted, test, request.seed)
    return summarize_fit(fitted, diagnose(evidence), labels, tested) | changes_of(evidence)


def _tested(fitted: Fit, test: Problem, seed: int) -> OnTest:
    """Score no regularization, where it was tried, the chosen candidate, and the constant prediction."""
    plain = [i for i, candidate in enumerate(fitted.candidates) if not candidate.recipe.parts]
    none = [i for i in plain if any(result.outcome != "diverged" for result in fitted.candidates[i].results)]
    shown = list(dict.fromkeys([*none, fitted.chosen]))
    predictors = [_predictor(fitted, i, test) for i in shown]
    tested = score_on(test, predictors, seed)
    constant = scores_of(test, _constant(fitted.prepared.problem, test.rows))
    baseline = Tested({key: Estimate(value, value, value) for key, value in constant.items()}, {})
    raw = _as_resampled(fitted, test)
    return OnTest(test, predictors[-1].predicted, dict(zip(shown, tested, strict=True)), baseline, raw)


def _as_resampled(fitted: Fit, test: Problem) -> Floats | None:
    """The chosen candidate's predictions without the repair of what synthetic rows do to probabilities."""
    best = fitted.best
    if all(result.run.shift is None for result in best.results):
        return None
    raw = replace(best, results=tuple(as_resampled(result) for result in best.results))
    return model_of(fitted, raw).predict(test.table)


def _predictor(fitted: Fit, place: int, test: Problem) -> Predictor:
    """A candidate's predictions for the test rows, and its threshold, chosen on rows that its networks held out."""
    candidate = fitted.candidates[place]
    rows, held_out = held_out_predictions(fitted.prepared, candidate.results)
    threshold = threshold_of(fitted.prepared.problem, held_out, rows)
    return Predictor(model_of(fitted, candidate).predict(test.table), threshold)


def _constant(train: Problem, rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The best prediction that looks at no column: the mean, or the shares of the classes."""
    if train.task == "regression":
        return np.full((rows, 1), np.average(train.target, weights=train.weights))
    shares = np.bincount(train.target, train.weights, minlength=len(train.classes))
    return np.tile(shares / shares.sum(), (rows, 1))


def _show(summary: dict[str, Any], request: Request) -> None:
    if request.json:
        print_json(summary | {"run": str(request.out)})
        return
    out = console()
    out.print(summary["headline"], style="bold", soft_wrap=True)
    print_table(summary["table"])
    for verdict in summary["verdicts"]:
        if verdict["outcome"] == "fired":
            out.print(f"{verdict['severity']}: {verdict['title'].lower()} ({verdict['name']}); {verdict['advice']}")
    for note in summary["data"]["notes"]:
        out.print(f"note: {note}")
    out.print(f"chosen: {summary['chosen']}\nreport: {request.out / REPORT}", soft_wrap=True)
