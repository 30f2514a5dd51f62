"""Rating predictions: their scores, the one that a plan chooses by, and the threshold that serves it or costs best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from goodfit.alarms import best_threshold
from goodfit.decision import Decision
from goodfit.errors import InputError
from goodfit.metrics import BALANCED_ACCURACY, classification_scores, metrics_of, regression_scores
from goodfit.studies.problem import Floats, Ints, Problem

if TYPE_CHECKING:
    from goodfit.studies.fitting import Plan


def scores_of(
    problem: Problem, predicted: Floats, rows: Ints | None = None, *, threshold: float | None = None
) -> dict[str, float]:
    """All scores of predictions for a problem's rows (or some of them), by the metrics' keys.

    Args:
        problem: the rows and what is true of them.
        predicted: `(r, C)` for the rows asked for.
        rows: their numbers; None is all.
        threshold: of the rarer of two classes, for balanced accuracy.
    """
    chosen = np.arange(problem.rows) if rows is None else rows
    target, weights = problem.target[chosen], problem.weights[chosen]
    if problem.task == "regression":
        return regression_scores(target, predicted[:, 0], weights)
    return classification_scores(target, predicted, positive=problem.positive, threshold=threshold, weights=weights)


def rated(problem: Problem, predicted: Floats, rows: Ints, metric: str) -> float:
    """Predictions `(r, C)` for rows by a metric, with its sign turned where lower is better.

    Balanced accuracy is that at the threshold that serves it best on these rows.
    """
    higher = next(m.higher_is_better for m in metrics_of(problem.task) if m.key == metric)
    threshold = threshold_of(problem, predicted, rows) if metric == BALANCED_ACCURACY.key else None
    value = scores_of(problem, predicted, rows, threshold=threshold)[metric]
    return value if higher else -value


def threshold_of(problem: Problem, predicted: Floats, rows: Ints) -> float | None:
    """The threshold that serves balanced accuracy best on held-out rows; None but for two classes, both among them."""
    if problem.positive is None or len(np.unique(problem.target[rows])) < 2:
        return None
    truth = problem.target[rows] == problem.positive
    return best_threshold(truth, predicted[:, problem.positive], weights=problem.weights[rows])


def check_metric(metric: str | None, problem: Problem) -> None:
    """Raise InputError where the task has no such metric."""
    keys = [m.key for m in metrics_of(problem.task)]
    if metric is not None and metric not in keys:
        raise InputError(f"metric is {metric!r}; for this task there are {', '.join(keys)}")


def check_costs(costs: tuple[float, float] | None, problem: Problem, held_out: Sequence[Ints]) -> None:
    """Raise InputError where costs are given and no threshold can be chosen by them.

    Args:
        costs: of a false alarm and of a miss.
        problem: whose target must be one of two classes.
        held_out: rows that networks hold out, among which both classes must be.
    """
    if costs is None:
        return
    if problem.task != "binary":
        found = "is a number" if problem.task == "regression" else f"has {len(problem.classes)} classes"
        raise InputError(f"costs are for a target of two classes, this one {found}: leave them out")
    rows = np.unique(np.concatenate([np.empty(0, np.int64), *held_out]))
    if not len(rows):
        raise InputError("validation=0 holds out no rows to choose a threshold for costs by; give validation=0.2")
    if len(np.unique(problem.target[rows])) < 2:
        raise InputError("the rows held out are of one class: a threshold for costs needs both; give more rows")


def decides(problem: Problem, plan: Plan) -> bool:
    """Whether a plan asks for a threshold: by its costs, or by its metric of two classes."""
    return problem.task == "binary" and (plan.costs is not None or plan.metric == BALANCED_ACCURACY.key)


def decision_of(problem: Problem, predicted: Floats, rows: Ints, plan: Plan) -> Decision | None:
    """The threshold of the rarer of two classes that serves a plan's costs, or its metric, best on held-out rows.

    Args:
        problem: the rows and what is true of them.
        predicted: `(r, C)` for rows, by networks that held them out.
        rows: their numbers.
        plan: what to choose by.

    Returns:
        None where the likelier class is to be taken: without costs, but for balanced accuracy of two classes; and
        where the rows are of one class.
    """
    if problem.positive is None or not decides(problem, plan) or len(np.unique(problem.target[rows])) < 2:
        return None
    truth, chance = problem.target[rows] == problem.positive, predicted[:, problem.positive]
    threshold = best_threshold(truth, chance, costs=plan.costs, weights=problem.weights[rows])
    return Decision(problem.positive, threshold)
