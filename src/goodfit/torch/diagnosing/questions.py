"""All questions that a trained module is asked, in their order."""

from __future__ import annotations

from goodfit.diagnosis.verdict import Verdict
from goodfit.torch.diagnosing import (
    batch_norm,
    collapsed,
    contradictory,
    dead_units,
    decay_kind,
    decay_place,
    dropout_place,
    gap,
    miscalibrated,
    not_finite,
    overlap,
    random_predictions,
    repeated,
    untrained,
    weights,
)
from goodfit.torch.diagnosing.evidence import ModuleEvidence

QUESTIONS = (
    not_finite,
    gap,
    miscalibrated,
    collapsed,
    dead_units,
    weights,
    batch_norm,
    random_predictions,
    dropout_place,
    decay_place,
    decay_kind,
    untrained,
    overlap,
    repeated,
    contradictory,
)


def ask(evidence: ModuleEvidence) -> tuple[Verdict, ...]:
    """Ask every question."""
    return tuple(question.check(evidence) for question in QUESTIONS)
