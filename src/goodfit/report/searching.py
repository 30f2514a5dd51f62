"""What a search found, as plain data: the model, its honest loss, what each technique does, and what else there is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.data.table import counted
from goodfit.report.deciding import HELD_OUT, TEST, decisions
from goodfit.report.tested import TestedSearch
from goodfit.report.wording import percent, score
from goodfit.studies.ablation import Ablation, Effect
from goodfit.studies.baselines import Baseline, better_baseline
from goodfit.studies.problem import Problem
from goodfit.studies.rating import scores_of
from goodfit.studies.samples import row_losses
from goodfit.studies.searching.batch import Trial
from goodfit.studies.searching.choosing import Chosen
from goodfit.studies.searching.finding import Found
from goodfit.studies.testing import Tested

LATE = 1.25
"""Times the budget: a search that takes longer had too little."""


def add_search(summary: dict[str, Any], found: Found, tested: TestedSearch | None = None) -> None:
    """Enter what only a search has into the summary of its ablation's fit, and its model into the headline."""
    summary |= summarize_search(found, tested)
    estimate, networks = summary["search"]["estimate"], summary["search"]["model"]["networks"]
    fair, name = estimate["corrected"], "one network" if networks == 1 else f"{networks} networks together"
    between = f"{score(fair['value'])} ({score(fair['low'])} to {score(fair['high'])})"
    if not found.diagnosable:
        summary["table"]["note"] += _shorter(*found.lengths)
        summary["headline"] = "There was too little time to tell whether it overfits: a larger budget does."
    summary["headline"] += f" The model is {name}, with a held-out {estimate['name']} of {between}, luck taken off."


def summarize_search(found: Found, tested: TestedSearch | None = None) -> dict[str, Any]:
    """The part of a summary that only a search has, under "search", and the decisions of its model.

    Args:
        found: what came of the search.
        tested: how the model did on test rows; None shows its decisions on rows held out.
    """
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
            "sentences": sentences(found.ablation, chosen.picks[0].trial.epochs),
            "baselines": [_baseline(problem, baseline) for baseline in found.baselines],
            "advice": advice(found),
            "best": _best(found.trials),
        }
    } | _decisions(found, tested)


def _shorter(reached: int, whole: int) -> str:
    """What an ablation that had little time does to a table that the model stands in."""
    return (
        f" There was time for {counted(reached, 'epoch')} of the networks of each recipe, where the model's trained for"
        f" up to {whole}: it is ahead by that, too."
    )


def _decisions(found: Found, tested: TestedSearch | None) -> dict[str, Any]:
    """Calibration and confusion of the model itself, in the place of those of its weightiest trial's recipe."""
    fitted, chosen = found.ablation.fit, found.chosen
    held_out = (fitted.prepared.problem.bare.take(chosen.rows), chosen.predicted)
    shown, where = ((tested.on_test.problem, tested.predicted), TEST) if tested else (held_out, HELD_OUT)
    return decisions(_name(len(chosen.model.members)), held_out, shown, where=where, plan=fitted.plan)


def _name(networks: int) -> str:
    return "the best network" if networks == 1 else f"the model: {networks} networks together"


def sentences(ablation: Ablation, epochs: int = 0) -> list[str]:
    """What each technique does, a sentence each, in shares of the loss with all techniques.

    Args:
        ablation: what came of it.
        epochs: that the winner trained for; where there was time for fewer, that is said.
    """
    if not ablation.asked:
        return ["there was no time to ask what each technique does: a larger budget tells"]
    whole, trained = ablation.losses[ablation.fit.chosen].value, ablation.fit.settings.max_epochs
    short = f"from {counted(trained, 'epoch')}" if trained < epochs else ""
    doubt = "with these rows" if ablation.complete else "since the time ran out"
    return [_sentence(effect, whole, short, doubt) for effect in ablation.effects]


def _sentence(effect: Effect, whole: float, short: str, doubt: str) -> str:
    ends = (effect.without.low / whole, effect.without.high / whole)
    if effect.verdict == "unclear":
        changes = f"without it the held-out loss changes by {_between(-ends[1], -ends[0])}"
        clear = min(ends) > 0 or max(ends) < 0
        many = ", which chance brings among so many questions" if clear else ""
        return f"{effect.technique}: whether it helps can't be told {short or doubt}; {changes}{many}"
    if effect.verdict == "helps":
        said = f"{effect.technique} helps: without it the held-out loss rises by {_between(-ends[1], -ends[0])}"
    else:
        said = f"{effect.technique} harms: without it the held-out loss falls by {_between(*ends)}"
    return f"{said}, {short}" if short else said


def _between(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def advice(found: Found) -> list[str]:
    """What the user had better do: take a better baseline, or a linear one that is as good; grant more time."""
    problem, chosen = found.ablation.fit.prepared.problem, found.chosen
    luck = chosen.corrected.estimate.value - chosen.corrected.naive
    losses = row_losses(problem, chosen.predicted, chosen.rows) + luck
    lines = []
    if len(found.batches) == 1 and found.seconds > LATE * found.budget:
        lines.append(
            f"{found.budget:.3g} s are too few: one short batch took {found.seconds:.0f} s, the least that does"
        )
    for rival in better_baseline(found.baselines, losses, problem, rows=chosen.rows):
        fall = rival.difference.high / rival.loss.value, rival.difference.low / rival.loss.value
        if rival.verdict == "better":
            lines.append(
                f"take {rival.name} instead: this model's held-out loss is higher by {_between(-fall[0], -fall[1])}"
            )
        elif rival.verdict == "alike" and rival.name.endswith("regression"):
            lines.append(
                f"{rival.name} is as good as far as these rows can tell, and simpler: consider taking it instead"
            )
    return lines


def add_tested(summary: dict[str, Any], tested: TestedSearch) -> None:
    """Enter test scores of a search's model and of the baselines into the table of its summary."""
    table, networks = summary["table"], summary["search"]["model"]["networks"]
    keys = {metric["key"] for metric in table["metrics"]}
    table["rows"].append(
        {"recipe": "", "label": _name(networks), "cells": _cells(tested.model, keys), "differences": {}}
    )
    for name, scores in tested.baselines.items():
        table["baselines"].append({"label": name, "cells": _cells(scores, keys)})


def _cells(tested: Tested, keys: set[str]) -> dict[str, Any]:
    return {f"test_{key}": value.to_dict() for key, value in tested.scores.items() if f"test_{key}" in keys}


def estimate_line(estimate: Mapping[str, Any], trials: int) -> str:
    """How good the model is on rows that it has not seen, and how much of its looks is luck."""
    fair = estimate["corrected"]
    among = f"corrected for the choice among {trials} trials and of their epochs {score(fair['value'])}"
    between = f"({score(fair['low'])} to {score(fair['high'])})"
    luck = 1 - estimate["naive"] / fair["value"] if fair["value"] else 0.0
    makes = f"{percent(luck)} of it was luck" if luck > 0 else "that the model averages more networks makes up for luck"
    held_out = f"Held-out {estimate['name']} of the model {score(estimate['naive'])}"
    return f"{held_out}; {among} {between}: {makes}."


def _counts(trials: Sequence[Trial]) -> dict[str, int]:
    return {
        "all": len(trials),
        "to the end": sum(trial.usable for trial in trials),
        "dropped": sum(trial.predicted is None and math.isfinite(trial.loss) for trial in trials),
        "diverged": sum(not math.isfinite(trial.loss) for trial in trials),
    }


def _model(chosen: Chosen) -> dict[str, Any]:
    picks = [pick.trial.draft.to_dict() | {"share": pick.count / sum(chosen.model.counts)} for pick in chosen.picks]
    return {"networks": len(chosen.model.members), "picks": picks, "temperature": chosen.model.temperature}


def _estimate(chosen: Chosen) -> dict[str, Any]:
    """The loss that people know: the log loss, or the root of the mean squared error."""
    root = chosen.model.task == "regression"
    corrected = chosen.corrected.estimate.to_dict()
    told = {"naive": chosen.corrected.naive, **corrected}
    naive, *ends = (math.sqrt(max(value, 0.0)) if root else value for value in told.values())
    fair = dict(zip(corrected, ends, strict=True))
    return {"name": "RMSE" if root else "log loss", "naive": naive, "corrected": fair}


def _baseline(problem: Problem, baseline: Baseline) -> dict[str, Any]:
    rows = np.flatnonzero(np.isfinite(baseline.predicted).all(1))
    scores = scores_of(problem, baseline.predicted[rows], rows) if len(rows) else {}
    return {"name": baseline.name, "scores": scores, "seconds": baseline.seconds, "note": baseline.note}


def _best(trials: Sequence[Trial], most: int = 20) -> list[dict[str, Any]]:
    usable = sorted((trial for trial in trials if trial.usable), key=lambda trial: trial.loss)
    return [
        {"number": trial.number, "loss": trial.loss, "epochs": trial.epochs} | trial.draft.to_dict()
        for trial in usable[:most]
    ]
