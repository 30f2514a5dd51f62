"""Verdicts from a training log alone."""

from goodfit.diagnosis.log.diagnosis import Keep, LogDiagnosis, diagnose_curves
from goodfit.diagnosis.log.findings import LogTurn
from goodfit.diagnosis.log.questions import NAMES

__all__ = ["NAMES", "Keep", "LogDiagnosis", "LogTurn", "diagnose_curves"]
