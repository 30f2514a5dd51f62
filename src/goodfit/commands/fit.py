"""goodfit fit: from a table to a model, its verdicts and its report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goodfit.commands.folder import open_folder, write_run
from goodfit.commands.reading import read_file
from goodfit.commands.terminal import console, print_json, print_table, progress
from goodfit.diagnosis import diagnose
from goodfit.metrics import Task
from goodfit.regularizers import Recipe
from goodfit.report.diagnosing import changes_of
from goodfit.report.summary import summarize_fit
from goodfit.report.tables import Labels, OnTest
from goodfit.saving import REPORT
from goodfit.statistics import Estimate
from goodfit.studies.budget import read_seconds
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import (
    CANDIDATES,
    Fit,
    Plan,
    fit,
    held_out_predictions,
    model_of,
    scores_of,
    threshold_of,
    usual_batch_size,
)
from goodfit.studies.problem import Problem
from goodfit.studies.testing import Predictor, Tested, score_on, split_test
from goodfit.studies.trials import gather_evidence
from goodfit.training import Execution, Settings

TEST_SHARE = 0.2
RESERVE = 7.0
"""Seconds of a budget kept for scoring and writing."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        data: the file.
        target: the column to predict.
        recipe: its text; None to choose.
        task: None to tell by the target.
        budget: time granted, such as "60s"; None for no limit.
        seed: of everything random.
        out: the run folder.
        json: whether to print JSON.
        started: when the command began, `time.monotonic()`.
    """

    data: Path
    target: str
    recipe: str | None
    task: Task | None
    budget: str | None
    seed: int
    out: Path
    json: bool
    started: float


def run(request: Request) -> None:
    """Fit, test, write the run folder, and say what was found."""
    budget = read_seconds(request.budget)
    recipes = _candidates(request.recipe)
    problem = read_file(request.data, request.target, request.task)
    checkpoint = open_folder(request.out, model=True)
    train, test = split_test(problem, TEST_SHARE, request.seed)
    deadline = math.inf if budget is None else request.started + max(budget - RESERVE, budget / 3)
    with progress("training") as on_epoch:
        fitted = fit(
            train,
            recipes,
            plan=Plan(seed=request.seed, use=len(recipes) - 1 if request.recipe else None),
            settings=Settings(batch_size=usual_batch_size(train.rows)),
            execution=Execution(deadline=deadline),
            on_epoch=on_epoch,
            checkpoint=checkpoint,
        )
    summary = _summary(fitted, test, request)
    model = model_of(fitted, fitted.best)
    write_run(request.out, summary, history_frame([c.results for c in fitted.candidates]), model)
    _show(summary, request)


def _candidates(recipe: str | None) -> list[Recipe]:
    """The recipe that was asked for beside no regularization, or the usual ones to choose from."""
    texts = CANDIDATES if recipe is None else ("none", recipe)
    return list(dict.fromkeys(Recipe.parse(text) for text in texts))


def _summary(fitted: Fit, test: Problem, request: Request) -> dict[str, Any]:
    labels = Labels("fit", f"{request.data.name}: {request.target}", request.data.name, request.target, {})
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
    return OnTest(test, predictors[-1].predicted, dict(zip(shown, tested, strict=True)), baseline)


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
    out.print(summary["headline"], style="bold")
    print_table(summary["table"])
    for verdict in summary["verdicts"]:
        if verdict["outcome"] == "fired":
            out.print(f"{verdict['severity']}: {verdict['title'].lower()} ({verdict['name']}); {verdict['advice']}")
    for note in summary["data"]["notes"]:
        out.print(f"note: {note}")
    out.print(f"chosen: {summary['chosen']}\nreport: {request.out / REPORT}", soft_wrap=True)
