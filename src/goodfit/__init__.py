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
    from goodfit.api import search as search
    from goodfit.converting import strength as strength
    from goodfit.errors import DoubtfulRecipe as DoubtfulRecipe
    from goodfit.errors import InputError as InputError
    from goodfit.errors import LostRuns as LostRuns
    from goodfit.errors import SlowerTraining as SlowerTraining
    from goodfit.estimators import Classifier as Classifier
    from goodfit.estimators import Regressor as Regressor
    from goodfit.estimators import load as load
    from goodfit.regularizers import L1 as L1
    from goodfit.regularizers import L2 as L2
    from goodfit.regularizers import BackTranslation as BackTranslation
    from goodfit.regularizers import BatchNorm as BatchNorm
    from goodfit.regularizers import Brightness as Brightness
    from goodfit.regularizers import ColumnDropout as ColumnDropout
    from goodfit.regularizers import Contrast as Contrast
    from goodfit.regularizers import Crop as Crop
    from goodfit.regularizers import CutMix as CutMix
    from goodfit.regularizers import Dropout as Dropout
    from goodfit.regularizers import EarlyStopping as EarlyStopping
    from goodfit.regularizers import ElasticNet as ElasticNet
    from goodfit.regularizers import Erasing as Erasing
    from goodfit.regularizers import Flip as Flip
    from goodfit.regularizers import Gain as Gain
    from goodfit.regularizers import GaussianNoise as GaussianNoise
    from goodfit.regularizers import GroupL1 as GroupL1
    from goodfit.regularizers import LabelSmoothing as LabelSmoothing
    from goodfit.regularizers import MaxNorm as MaxNorm
    from goodfit.regularizers import Mixup as Mixup
    from goodfit.regularizers import PitchShift as PitchShift
    from goodfit.regularizers import Recipe as Recipe
    from goodfit.regularizers import Rotate as Rotate
    from goodfit.regularizers import Shift as Shift
    from goodfit.regularizers import Smote as Smote
    from goodfit.regularizers import Synonyms as Synonyms
    from goodfit.regularizers import TimeShift as TimeShift
    from goodfit.regularizers import TimeStretch as TimeStretch
    from goodfit.regularizers import VerticalFlip as VerticalFlip
    from goodfit.regularizers import WeightAveraging as WeightAveraging
    from goodfit.regularizers import WeightDecay as WeightDecay
    from goodfit.regularizers import WhiteNoise as WhiteNoise
    from goodfit.regularizers import WordDeletion as WordDeletion
    from goodfit.regularizers import WordSwap as WordSwap

_HOMES = {
    "goodfit.api": (
        "bias_variance",
        "compare",
        "diagnose",
        "diagnose_log",
        "dose_response",
        "learning_curve",
        "search",
    ),
    "goodfit.converting": ("strength",),
    "goodfit.errors": ("DoubtfulRecipe", "InputError", "LostRuns", "SlowerTraining"),
    "goodfit.estimators": ("Classifier", "Regressor", "load"),
    "goodfit.regularizers": (
        "L1",
        "L2",
        "BatchNorm",
        "Dropout",
        "EarlyStopping",
        "ElasticNet",
        "GaussianNoise",
        "GroupL1",
        "LabelSmoothing",
        "MaxNorm",
        "Recipe",
        "WeightAveraging",
        "Brightness",
        "ColumnDropout",
        "Contrast",
        "Crop",
        "CutMix",
        "Erasing",
        "Flip",
        "Gain",
        "Mixup",
        "PitchShift",
        "Rotate",
        "Shift",
        "Smote",
        "TimeShift",
        "TimeStretch",
        "VerticalFlip",
        "WhiteNoise",
        "BackTranslation",
        "Synonyms",
        "WordDeletion",
        "WordSwap",
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
