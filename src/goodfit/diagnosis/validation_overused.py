"""validation_overused: so much was chosen on the held-out rows that the winner's loss flatters."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.changes import LEAST
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.multiplicity import optimism

NAME, TITLE = "validation_overused", "The held-out loss of the winner flatters"
SEVERITY: Severity = "tip"


def check(evidence: Evidence) -> Verdict:
    """Fires if choosing the best of all that was tried makes its held-out loss look 2 % lower than it is.

    The rows are drawn anew; the winner on the drawn rows is scored on the others (bootstrap bias correction).
    """
    trials = [trial for trial in evidence.trials if trial.usable]
    if len(trials) < 2:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="nothing was chosen between")
    losses = np.stack([trial.losses for trial in trials])
    found = optimism(losses, weights=evidence.weights)
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if found.value >= LEAST else "passed",
        evidence={
            "chosen from": float(len(trials)),
            "held-out loss of the winner": float(np.average(losses, axis=1, weights=evidence.weights).min()),
            "too low by": found.value,
        },
        threshold=LEAST,
        advice="take its loss from rows that nothing was chosen on: goodfit fit holds out test rows",
    )
