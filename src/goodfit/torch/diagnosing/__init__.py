"""Verdicts on a trained torch module: a question a file, asked of what two passes over its loaders have shown."""

from goodfit.torch.diagnosing.asking import diagnose
from goodfit.torch.diagnosing.questions import QUESTIONS
from goodfit.torch.diagnosing.result import ModuleDiagnosis

__all__ = ["QUESTIONS", "ModuleDiagnosis", "diagnose"]
