"""What a search found, as plain data: the model, its honest loss, what each technique does, and what else there is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.report.tested import TestedSearch
from goodfit.report.wording import score
from goodfit.studies.ablation import Ablation, Effect
from goodfit.studies.baselines import Baseline, better_baseline
from goodfit.studies.fitting import scores_of
from goodfit.studies.problem import Problem
from goodfit.studies.samples import row_losses
from goodfit.studies.searching.batch import Trial
from goodfit.studies.searching.choosing import Chosen
from goodfit.studies.searching.finding import Found
from goodfit.studies.testing import Tested


def summarize_search(found: Found) -> dict[str, Any]:
    """The part of a summary that only a search has, under "search"."""
    problem, chosen = found.ablation.fit.prepared.problem, found.chosen
    trials, estimate = _counts(found.trials), _estimate(chosen)
    return {
        "search": {
            "told": estimate_line(estimate, trials["to the end"]),
            "seconds": found.seconds,
            "trials": trials,
            "space": str(found.choices.space),
            "model": _model(chosen),
            "estimate": estimate,
            "scores": scores_of(problem, chosen.predicted, chosen.rows),
            "ablation": found.ablation.to_dict(),
            "sentences": sentences(found.ablation),
            "baselines": [_baseline(problem, baseline) for baseline in found.baselines],
            "advice": advice(found),
            "best": _best(found.trials),
        }
    }


def sentences(ablation: Ablation) -> list[str]:
    """What each technique does, a sentence each."""
    return [_sentence(effect) for effect in ablation.effects]


def _sentence(effect: Effect) -> str:
    low, high = score(-effect.without.high), score(-effect.without.low)
    if effect.verdict == "unclear":
        doubt = f"{effect.technique}: whether it helps can't be told with these rows"
        return f"{doubt}; leaving it out changes the held-out loss by {low} to {high}"
    if effect.verdict == "helps":
        return f"{effect.technique} helps: leaving it out raises the held-out loss by {low} to {high}"
    return (
        f"{effect.technique} harms: leaving it out lowers the held-out loss by {score(effect.without.low)} to "
        f"{score(effect.without.high)}"
    )


def advice(found: Found) -> list[str]:
    """Which baseline the user had better take, if any: one that is better, or a linear model that is as good."""
    problem, chosen = found.ablation.fit.prepared.problem, found.chosen
    luck = chosen.corrected.estimate.value - chosen.corrected.naive
    losses = row_losses(problem, chosen.predicted, chosen.rows) + luck
    lines = []
    for rival in better_baseline(found.baselines, losses, problem, rows=chosen.rows):
        lower = f"{score(-rival.difference.high)} to {score(-rival.difference.low)}"
        if rival.verdict == "better":
            lines.append(f"take {rival.name} instead: its held-out loss is lower by {lower}")
        elif rival.verdict == "alike" and rival.name.endswith("regression"):
            lines.append(
                f"{rival.name} is as good as far as these rows can tell, and simpler: consider taking it instead"
            )
    return lines


def add_tested(summary: dict[str, Any], tested: TestedSearch) -> None:
    """Enter test scores of a search's model and of the baselines into the table of its summary."""
    table, networks = summary["table"], summary["search"]["model"]["networks"]
    keys = {metric["key"] for metric in table["metrics"]}
    what = "the best network" if networks == 1 else f"the model: {networks} networks together"
    table["rows"].append({"recipe": "", "label": what, "cells": _cells(tested.model, keys), "differences": {}})
    for name, scores in tested.baselines.items():
        table["baselines"].append({"label": name, "cells": _cells(scores, keys)})


def _cells(tested: Tested, keys: set[str]) -> dict[str, Any]:
    return {f"test_{key}": value.to_dict() for key, value in tested.scores.items() if f"test_{key}" in keys}


def estimate_line(estimate: Mapping[str, Any], trials: int) -> str:
    """How good the model is on rows that it has not seen, and how much of its looks is luck."""
    fair, luck = estimate["corrected"], 100 * estimate["optimism"]
    among = f"corrected for having been chosen among {trials} trials {score(fair['value'])}"
    between = f"({score(fair['low'])} to {score(fair['high'])})"
    return f"Held-out loss of the model {score(estimate['naive'])}; {among} {between}: {luck:.1f} % of it was luck."


def _counts(trials: Sequence[Trial]) -> dict[str, int]:
    return {
        "all": len(trials),
        "to the end": sum(trial.usable for trial in trials),
        "dropped": sum(trial.predicted is None and math.isfinite(trial.loss) for trial in trials),
        "diverged": sum(not math.isfinite(trial.loss) for trial in trials),
    }


def _model(chosen: Chosen) -> dict[str, Any]:
    picks = [
        {
            "recipe": str(pick.trial.draft.recipe),
            "learning_rate": pick.trial.draft.learning_rate,
            "hidden": list(pick.trial.draft.shape.hidden),
            "pieces": pick.trial.draft.shape.pieces,
            "batch_size": pick.trial.draft.shape.batch_size,
            "share": pick.count / sum(p.count for p in chosen.picks),
        }
        for pick in chosen.picks
    ]
    return {"networks": len(chosen.model.members), "picks": picks, "temperature": chosen.model.temperature}


def _estimate(chosen: Chosen) -> dict[str, Any]:
    corrected = chosen.corrected
    return {"naive": corrected.naive, "corrected": corrected.estimate.to_dict(), "optimism": corrected.optimism}


def _baseline(problem: Problem, baseline: Baseline) -> dict[str, Any]:
    rows = np.flatnonzero(np.isfinite(baseline.predicted).all(1))
    scores = scores_of(problem, baseline.predicted[rows], rows) if len(rows) else {}
    return {"name": baseline.name, "scores": scores, "seconds": baseline.seconds, "note": baseline.note}


def _best(trials: Sequence[Trial], most: int = 20) -> list[dict[str, Any]]:
    usable = sorted((trial for trial in trials if trial.usable), key=lambda trial: trial.loss)
    return [
        {
            "number": trial.number,
            "recipe": str(trial.draft.recipe),
            "loss": trial.loss,
            "epochs": trial.epochs,
            "learning_rate": trial.draft.learning_rate,
            "hidden": list(trial.draft.shape.hidden),
            "pieces": trial.draft.shape.pieces,
            "batch_size": trial.draft.shape.batch_size,
        }
        for trial in usable[:most]
    ]
