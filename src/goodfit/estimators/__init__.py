"""Thin scikit-learn estimators over a fit, and how one is loaded again."""

from goodfit.estimators.classifier import Classifier
from goodfit.estimators.loading import load
from goodfit.estimators.regressor import Regressor

__all__ = ["Classifier", "Regressor", "load"]
