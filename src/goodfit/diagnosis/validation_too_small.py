"""validation_too_small: the rows held out are too few, or too noisy, to tell whether a change helps."""

from __future__ import annotations

import math

from goodfit.diagnosis.changes import BLIND
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.overfitting import check as check_overfitting
from goodfit.diagnosis.underfitting import check as check_underfitting
from goodfit.diagnosis.verdict import Severity, Verdict

NAME, TITLE = "validation_too_small", "Too few held-out rows to tell"
SEVERITY: Severity = "issue"


def check(evidence: Evidence) -> Verdict:
    """Fires if overfitting or underfitting can't be told: a fall of the loss by 5 % could hide in the rows' noise.

    The rows that would do follow from how far the possible fall lies above the measured one: that distance shrinks
    with the square root of the rows.
    """
    asked = [check_overfitting(evidence), check_underfitting(evidence)]
    told = [verdict for verdict in asked if "at most lower by" in verdict.evidence]
    if not told:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=asked[0].reason or "no change was tried")
    undecided = [verdict for verdict in told if verdict.outcome == "undecided"]
    rows = len(evidence.asked.losses)
    hidden = {v.name: float(v.evidence["at most lower by"]) - max(float(v.evidence["lower by"]), 0.0) for v in told}
    widest = max(hidden[verdict.name] for verdict in undecided or told)
    enough = math.ceil(rows * max(widest / BLIND, 1.0) ** 2)
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if undecided else "passed",
        evidence={
            "rows held out": float(rows),
            "what can hide in their noise": widest,
            "rows that would do": float(enough),
        },
        threshold=BLIND,
        advice=f"hold out about {enough:,} rows in all: collect more, or compare more seeds",
    )
