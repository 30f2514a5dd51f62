"""accuracy_misleads: always naming the commonest class scores nearly as high."""

from __future__ import annotations

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Severity, Verdict

NAME, TITLE = "accuracy_misleads", "Accuracy cannot rank these networks"
SEVERITY: Severity = "tip"
MAJORITY = 0.8


def check(evidence: Evidence) -> Verdict:
    """Fires if the commonest class holds at least 80 % of the rows."""
    if evidence.task == "regression":
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="the target is a number")
    if not evidence.baseline:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="no rows were held out")
    majority = evidence.baseline["accuracy"]
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if majority >= MAJORITY else "passed",
        evidence={
            "accuracy of the commonest class": majority,
            "accuracy": evidence.scores["accuracy"],
            "balanced accuracy": evidence.scores["balanced_accuracy"],
            "log loss": evidence.scores["log_loss"],
            "log loss of the class shares": evidence.baseline["log_loss"],
        },
        threshold=MAJORITY,
        advice="compare by log loss, average precision or balanced accuracy",
    )
