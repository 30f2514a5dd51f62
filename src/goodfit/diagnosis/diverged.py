"""diverged: a network's loss became infinite or not a number."""

from __future__ import annotations

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Severity, Verdict

NAME, TITLE = "diverged", "The loss of a network became infinite"
SEVERITY: Severity = "issue"


def check(evidence: Evidence) -> Verdict:
    """Fires if any network diverged; it was stopped alone and is left out.

    Larger networks and longer trainings, which only the diagnosis tried, don't count.
    """
    asked = [trial for trial in evidence.trials if trial is evidence.asked or trial.kind == "dose"]
    every = [result for trial in asked for result in trial.results]
    gone = [result for result in every if result.outcome == "diverged"]
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if gone else "passed",
        evidence={"networks that diverged": float(len(gone)), "networks": float(len(every))}
        | ({"first at epoch": float(min(result.epochs for result in gone))} if gone else {}),
        threshold=0.0,
        advice="lower the learning rate",
    )
