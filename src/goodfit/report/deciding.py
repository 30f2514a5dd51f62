"""What a report says of decisions: calibration, the confusion table at a threshold, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from goodfit.alarms import calibration_bins, confusion_at
from goodfit.studies.fitting import Plan
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.rating import decision_of, threshold_of

HELD_OUT, TEST = "rows held out of training, by networks that did", "test rows"
NOTE = "threshold chosen for balanced accuracy on rows held out of training"

Predicted = tuple[Problem, Floats]
"""Rows, and predictions `(n, C)` for them."""


def decisions(
    name: str, chosen_on: Predicted, shown: Predicted, *, where: str, plan: Plan | None = None
) -> dict[str, Any]:
    """Calibration, and the confusion at the model's own threshold, else at the one that serves balanced accuracy best.

    Args:
        name: of what predicts.
        chosen_on: rows held out, which the threshold is chosen on.
        shown: rows to show decisions of.
        where: what those are.
        plan: what the model was fitted by; None for one without a threshold of its own.

    Returns:
        "calibration" and "confusion", and "decision" if the model has a threshold of its own; nothing but for two
        classes that occur in both parts.
    """
    problem, predicted = shown
    held, alarm = np.arange(chosen_on[0].rows), problem.positive
    threshold, note = threshold_of(*chosen_on, held), NOTE
    if alarm is None or threshold is None or len(np.unique(problem.target)) < 2:
        return {}
    own = decision_of(*chosen_on, held, plan) if plan else None
    told = {}
    if plan and own:
        threshold, note = own.threshold, _told(problem, predicted[:, alarm], own.threshold, plan.costs)
        label = str(problem.classes[alarm])
        told["decision"] = {
            "positive": label,
            "threshold": threshold,
            "costs": plan.costs,
            "told": f"alarms for '{label}': {note}",
        }
    bins = calibration_bins(problem.target == alarm, predicted[:, alarm])
    return told | {
        "calibration": [{"recipe": name, "bins": [asdict(b) for b in bins]}],
        "confusion": confusion(problem, predicted[:, alarm], threshold) | {"note": note, "rows": where},
    }


def confusion(problem: Problem, probability: Floats, threshold: float) -> dict[str, Any]:
    """The confusion table of two classes, the rarer one last.

    Args:
        problem: of two classes.
        probability: `(n,)` of the rarer one.
        threshold: from which on a row is taken for it.
    """
    alarm = problem.positive or 0
    found = confusion_at(problem.target == alarm, probability, threshold)
    counts = [[found.true_negatives, found.false_positives], [found.false_negatives, found.true_positives]]
    classes = [str(problem.classes[1 - alarm]), str(problem.classes[alarm])]
    return {"threshold": threshold, "classes": classes, "counts": counts, "note": NOTE}


def _told(problem: Problem, probability: Floats, threshold: float, costs: tuple[float, float] | None) -> str:
    """The threshold, what it was chosen for, and what that comes to on these rows beside flagging none or all."""
    if costs is None:
        return f"threshold {threshold:.3g} for balanced accuracy, chosen on rows held out of training"
    prices = _prices(problem, probability >= threshold, costs)
    return (
        f"threshold {threshold:.3g} for costs of {costs[0]:g} a false alarm and {costs[1]:g} a miss, chosen on rows "
        f"held out of training; on these rows that costs {prices['that']:.3g} a row, flagging none "
        f"{prices['none']:.3g}, flagging all {prices['all']:.3g}"
    )


def _prices(problem: Problem, flagged: np.ndarray[Any, Any], costs: tuple[float, float]) -> Mapping[str, float]:
    """What a row costs on average where these are flagged, where none is, and where all are."""
    positive = problem.target == problem.positive
    ways = {"that": flagged, "none": np.zeros_like(positive), "all": np.ones_like(positive)}
    each = {way: costs[0] * (marked & ~positive) + costs[1] * (positive & ~marked) for way, marked in ways.items()}
    return {way: float(np.average(cost, weights=problem.weights)) for way, cost in each.items()}
