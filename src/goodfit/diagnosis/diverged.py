"""diverged: a network's loss became infinite or not a number."""

from __future__ import annotations

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Verdict

NAME, TITLE = "diverged", "The loss of a network became infinite"


def check(evidence: Evidence) -> Verdict:
    """Fires if any network diverged; it was stopped alone and is left out."""
    every = [result for results in evidence.results for result in results]
    gone = [result for result in every if result.outcome == "diverged"]
    return Verdict(
        NAME,
        TITLE,
        "issue",
        "fired" if gone else "passed",
        evidence={"networks that diverged": float(len(gone)), "networks": float(len(every))}
        | ({"first at epoch": float(min(result.epochs for result in gone))} if gone else {}),
        threshold=0.0,
        advice="lower the learning rate",
    )
