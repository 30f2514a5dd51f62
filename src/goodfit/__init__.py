"""Tells whether a neural network overfits, finds the regularization that cures it, and proves the cure."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goodfit.api import bias_variance as bias_variance
    from goodfit.api import compare as compare
    from goodfit.api import diagnose as diagnose
    from goodfit.api import diagnose_log as diagnose_log
    from goodfit.api import dose_response as dose_response
    from goodfit.api import learning_curve as learning_curve
    from goodfit.errors import DoubtfulRecipe as DoubtfulRecipe
    from goodfit.errors import InputError as InputError
    from goodfit.errors import SlowerTraining as SlowerTraining
    from goodfit.estimators import Classifier as Classifier
    from goodfit.estimators import Regressor as Regressor
    from goodfit.estimators import load as load
    from goodfit.regularizers import L1 as L1
    from goodfit.regularizers import L2 as L2
    from goodfit.regularizers import BatchNorm as BatchNorm
    from goodfit.regularizers import Dropout as Dropout
    from goodfit.regularizers import EarlyStopping as EarlyStopping
    from goodfit.regularizers import ElasticNet as ElasticNet
    from goodfit.regularizers import GaussianNoise as GaussianNoise
    from goodfit.regularizers import LabelSmoothing as LabelSmoothing
    from goodfit.regularizers import MaxNorm as MaxNorm
    from goodfit.regularizers import Recipe as Recipe
    from goodfit.regularizers import WeightAveraging as WeightAveraging
    from goodfit.regularizers import WeightDecay as WeightDecay

_HOMES = {
    "goodfit.api": ("bias_variance", "compare", "diagnose", "diagnose_log", "dose_response", "learning_curve"),
    "goodfit.errors": ("DoubtfulRecipe", "InputError", "SlowerTraining"),
    "goodfit.estimators": ("Classifier", "Regressor", "load"),
    "goodfit.regularizers": (
        "L1",
        "L2",
        "BatchNorm",
        "Dropout",
        "EarlyStopping",
        "ElasticNet",
        "GaussianNoise",
        "LabelSmoothing",
        "MaxNorm",
        "Recipe",
        "WeightAveraging",
        "WeightDecay",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `goodfit --help` needs none of torch's second to import."""
    if name not in _HOME:
        raise AttributeError(f"module 'goodfit' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
