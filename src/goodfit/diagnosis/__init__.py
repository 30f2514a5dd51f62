"""Verdicts: a question a file, asked of the evidence that a job has gathered."""

from goodfit.diagnosis import (
    accuracy_misleads,
    benign_gap,
    collapsed,
    diverged,
    good_fit,
    label_noise,
    leak,
    miscalibrated,
    more_rows_help,
    overfitting,
    stopped_wrong,
    underfitting,
    validation_overused,
    validation_too_small,
)
from goodfit.diagnosis.evidence import Evidence, Leaks, Trial
from goodfit.diagnosis.turn import Turn, find_turn
from goodfit.diagnosis.verdict import Diagnosis, Verdict

QUESTIONS = (
    overfitting,
    underfitting,
    collapsed,
    diverged,
    leak,
    validation_too_small,
    stopped_wrong,
    label_noise,
    miscalibrated,
    more_rows_help,
    accuracy_misleads,
    validation_overused,
    benign_gap,
    good_fit,
)
CHECKS = tuple(question.check for question in QUESTIONS)


def diagnose(evidence: Evidence) -> Diagnosis:
    """Ask every question."""
    return Diagnosis(tuple(check(evidence) for check in CHECKS))


def unanswered(reason: str) -> Diagnosis:
    """The diagnosis of rows that allow none: no question is applicable, for one reason."""
    return Diagnosis(tuple(Verdict(q.NAME, q.TITLE, q.SEVERITY, "not applicable", reason=reason) for q in QUESTIONS))


__all__ = [
    "CHECKS",
    "Diagnosis",
    "Evidence",
    "Leaks",
    "Trial",
    "Turn",
    "Verdict",
    "diagnose",
    "find_turn",
    "unanswered",
]
