"""What a diagnosis' run.json says: its verdicts, and the evidence as plain data to be drawn."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from goodfit.diagnosis import Evidence, find_turn
from goodfit.diagnosis.changes import fall_of
from goodfit.regularizers import Recipe
from goodfit.report.deciding import decisions
from goodfit.report.headline import diagnosis_headline
from goodfit.report.summary import frame_of, turns_of
from goodfit.report.tables import Labels
from goodfit.statistics import mean_interval
from goodfit.studies.diagnosing import Diagnosed
from goodfit.studies.parts import dose_parts
from goodfit.studies.problem import Problem

SHOWN_CURVES = 2


def summarize_diagnosis(found: Diagnosed, problem: Problem, labels: Labels) -> dict[str, Any]:
    """The summary of a diagnosis.

    Args:
        found: the diagnosis.
        problem: the rows as they were given.
        labels: what the job is called.
    """
    summary = frame_of(labels, problem, found.subject.settings) | {
        "headline": diagnosis_headline(found.diagnosis),
        "verdicts": [verdict.to_dict() for verdict in found.diagnosis.verdicts],
    }
    if found.evidence is None or found.prepared is None:
        return summary
    evidence = found.evidence
    trials = [trial for trial in evidence.trials if trial.kind == "dose"]
    turns = {trial.recipe: turn for trial in trials if (turn := find_turn(trial.results))}
    best = min(evidence.changes("dose") or [evidence.asked], key=evidence.mean_loss)
    summary |= changes_of(evidence) | _parts(found) | _growth(found)
    summary |= {"turns": turns_of(turns), "curves": list(dict.fromkeys([evidence.asked.recipe, best.recipe]))}
    summary["data"] |= {
        "train": found.prepared.problem.rows,
        "notes": [*labels.notes, *found.prepared.encoders[0].schema.notes],
    }
    summary["settings"] |= {"recipe": str(found.subject.recipe)} | asdict(found.subject.plan)
    told = np.isfinite(evidence.predicted).all(1)
    shown = (found.prepared.problem.bare.take(evidence.rows[told]), evidence.predicted[told])
    return summary | decisions(
        str(Recipe.parse(evidence.asked.recipe)), shown, shown, where="rows held out of training"
    )


def changes_of(evidence: Evidence | None) -> dict[str, Any]:
    """The network as it is and how much each change lowers its held-out loss, each with an interval of its own."""
    if evidence is None or not evidence.asked.usable:
        return {}
    asked = evidence.asked
    rows: list[dict[str, Any]] = []
    for trial in evidence.changes("dose", "relaxed", "training", "capacity", "patience"):
        fall = fall_of(evidence, [trial])
        rows.append(
            {
                "kind": trial.kind,
                "name": trial.name,
                "held_out": evidence.mean_loss(trial),
                "train": float(np.mean(trial.train_losses)),
                "lower_by": fall[1].fall.to_dict() if fall else None,
            }
        )
    own = {"name": asked.name, "held_out": evidence.mean_loss(asked), "train": float(np.mean(asked.train_losses))}
    return {"asked": own, "changes": rows} if rows else {}


def _parts(found: Diagnosed) -> dict[str, Any]:
    """Bias and variance along the doses."""
    rows = [asdict(parts) for parts in dose_parts(found)]
    regression = found.evidence is not None and found.evidence.task == "regression"
    score = "squared error" if regression else "log loss"
    return {"dose_parts": {"score": score, "rows": rows}} if len(rows) > 1 else {}


def _growth(found: Diagnosed) -> dict[str, Any]:
    """The learning curve over rows, and where it leads."""
    more = found.evidence.growth if found.evidence else None
    if more is None:
        return {}
    bands = [mean_interval(losses, test_share=0.25) for losses in found.growth.T]
    return {
        "growth": {
            "rows": found.sizes.tolist(),
            "mean": [band.value for band in bands],
            "low": [band.low for band in bands],
            "high": [band.high for band in bands],
            "law": {"floor": more.floor, "scale": more.scale, "rate": more.rate},
            "twice": {"rows": int(2 * found.sizes[-1])} | more.loss.to_dict(),
            "reliable": more.reliable,
        }
    }
