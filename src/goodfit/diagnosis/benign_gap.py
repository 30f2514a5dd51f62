"""benign_gap: the training loss is lower than the held-out loss, and no dose mends it."""

from __future__ import annotations

from goodfit.diagnosis.changes import BLIND
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.gap import gap_of
from goodfit.diagnosis.overfitting import check as check_overfitting
from goodfit.diagnosis.underfitting import check as check_underfitting
from goodfit.diagnosis.verdict import Outcome, Severity, Verdict

NAME, TITLE = "benign_gap", "A gap that no dose mends"
SEVERITY: Severity = "tip"


def check(evidence: Evidence) -> Verdict:
    """Fires if the held-out loss is above the training loss, beyond chance and by 5 % of it, and nothing mends it.

    That is, if overfitting passed, and underfitting did not fire.
    """
    overfitting, gap = check_overfitting(evidence), gap_of(evidence)
    if overfitting.outcome == "not applicable" or gap is None:
        reason = overfitting.reason or "no row was held out"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    wide = gap.low > 0 and gap.value > BLIND
    mended = overfitting.fired or check_underfitting(evidence).fired
    outcome: Outcome = "passed" if mended or not wide else "fired"
    if wide and not mended and overfitting.outcome == "undecided":
        outcome = "undecided"
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence={"gap": gap.value, "gap, low": gap.low, "gap, high": gap.high},
        threshold=BLIND,
        advice="leave the regularization as it is: the gap alone does no harm",
        reason=overfitting.reason if outcome == "undecided" else "",
    )
