"""Verdicts: a question a file, asked of the evidence that a job has gathered."""

from goodfit.diagnosis import accuracy_misleads, collapsed, diverged, overfitting
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.turn import Turn, find_turn
from goodfit.diagnosis.verdict import Diagnosis, Verdict

CHECKS = (overfitting.check, collapsed.check, diverged.check, accuracy_misleads.check)


def diagnose(evidence: Evidence) -> Diagnosis:
    """Ask every question."""
    return Diagnosis(tuple(check(evidence) for check in CHECKS))


__all__ = ["CHECKS", "Diagnosis", "Evidence", "Turn", "Verdict", "diagnose", "find_turn"]
