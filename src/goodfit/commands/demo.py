"""goodfit demo: four configurations on a known fraud problem, or on real loans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from goodfit.commands.compare import finish, train_all
from goodfit.commands.folder import open_if_given
from goodfit.commands.reading import problem_of
from goodfit.data.splits import distinct
from goodfit.examples import load_loans, simulate
from goodfit.metrics import classification_scores
from goodfit.regularizers import Recipe
from goodfit.report.tables import Labels
from goodfit.statistics import mean_interval
from goodfit.studies.comparison import Comparison, Repeats
from goodfit.studies.problem import Floats, Problem
from goodfit.training import Backend, Execution, Settings

CONFIGURATIONS = {
    "none": "no regularization",
    "l2=0.001": "L2 only",
    "dropout=0.5 input=0.1": "dropout only",
    "l2=0.001, dropout=0.5 input=0.1, early_stopping=10": "L2 + dropout + early stopping",
}
SETTINGS = Settings(hidden=(64, 64), max_epochs=30)


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        data: "fraud", simulated transactions, or "loans", real ones.
        seeds: repeats.
        seed: of everything random.
        out: the run folder.
        json: whether to print JSON.
        backend: who trains; None for this process.
    """

    data: Literal["fraud", "loans"]
    seeds: int
    seed: int
    out: Path
    json: bool
    backend: Backend | None = None


def run(request: Request) -> None:
    """Train the four configurations over the seeds, print the table, write the report."""
    problem, truth = _problem(request)
    recipes = [Recipe.parse(text) for text in CONFIGURATIONS]
    repeats = Repeats(seeds=request.seeds, seed=request.seed)
    title = "10,000 card transactions, 500 of them fraud" if truth is not None else "9,857 loans, 5 % of them bad"
    labels = Labels("demo", title, request.data, problem.name, CONFIGURATIONS)
    with open_if_given(request.out) as checkpoint:
        execution = Execution(backend=request.backend)
        comparison = train_all(problem, recipes, repeats, SETTINGS, checkpoint, execution=execution)
        extra = [] if truth is None else [_best_reachable(comparison, truth)]
        finish(comparison, labels, out=request.out, json=request.json, extra=extra)


def _problem(request: Request) -> tuple[Problem, Floats | None]:
    """The problem, and the true probability of fraud of each row of the merged problem where it is known."""
    if request.data == "loans":
        return problem_of(load_loans(), "target", name="loans"), None
    simulated = simulate(request.seed)
    problem = problem_of(simulated.frame, "label", name="fraud")
    kept = distinct(problem.table, problem.target, problem.weights, order="content")
    return problem, simulated.probability[kept.rows]


def _best_reachable(comparison: Comparison, truth: Floats) -> dict[str, Any]:
    """Scores of the true probabilities on the same rows: what no model can beat on average."""
    problem = comparison.prepared.problem
    alarm = problem.positive or 0
    probabilities = np.empty((len(truth), 2))
    probabilities[:, alarm], probabilities[:, 1 - alarm] = truth, 1 - truth
    share = float(truth.mean())
    repeats = []
    for split in comparison.splits:
        parts = {"train": split.train, "test": split.test}
        scores = {
            part: classification_scores(
                problem.target[rows], probabilities[rows], positive=problem.positive, threshold=share
            )
            for part, rows in parts.items()
        }
        seen, unseen = scores["train"], scores["test"]
        row = {f"train_{key}": value for key, value in seen.items()}
        row |= {f"test_{key}": value for key, value in unseen.items()}
        repeats.append(row | {f"gap_{key}": seen[key] - unseen[key] for key in seen})
    cells = {
        key: mean_interval([row[key] for row in repeats], test_share=comparison.test_share).to_dict()
        for key in repeats[0]
    }
    return {"label": "best reachable (the true probability)", "cells": cells}
