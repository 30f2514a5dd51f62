"""good_fit: it learns, and neither more nor less regularization, capacity or training would mend anything."""

from __future__ import annotations

from goodfit.diagnosis.changes import LEAST
from goodfit.diagnosis.collapsed import check as check_collapsed
from goodfit.diagnosis.diverged import check as check_diverged
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.overfitting import check as check_overfitting
from goodfit.diagnosis.underfitting import check as check_underfitting
from goodfit.diagnosis.verdict import Outcome, Severity, Verdict

NAME, TITLE = "good_fit", "Nothing that was tried makes it better"
SEVERITY: Severity = "good"


def check(evidence: Evidence) -> Verdict:
    """Fires if overfitting and underfitting were both asked and passed, and its loss is 2 % below the constant's."""
    asked = (check_overfitting(evidence), check_underfitting(evidence))
    missing = next((verdict for verdict in asked if verdict.outcome == "not applicable"), None)
    if missing or not evidence.baseline:
        reason = f"{missing.name} was not asked: {missing.reason}" if missing else "no row was held out"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    key = "rmse" if evidence.task == "regression" else "log_loss"
    skill = 1 - evidence.scores[key] / evidence.baseline[key]
    wrong = [v.name for v in (*asked, check_collapsed(evidence), check_diverged(evidence)) if v.fired]
    unsure = [verdict.name for verdict in asked if verdict.outcome == "undecided"]
    outcome: Outcome = "passed" if wrong or skill < LEAST else "undecided" if unsure else "fired"
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence={"better than the constant prediction by": skill},
        threshold=LEAST,
        advice="keep it as it is",
        reason=f"whether it suffers from {' or '.join(unsure)} can't be told" if outcome == "undecided" else "",
    )
