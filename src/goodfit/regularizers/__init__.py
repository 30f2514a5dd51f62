"""The regularizers, a file each, and recipes of them."""

from goodfit.regularizers.batch_norm import BatchNorm
from goodfit.regularizers.doses import along, dose_field, read_technique, usual_doses
from goodfit.regularizers.dropout import Dropout
from goodfit.regularizers.early_stopping import EarlyStopping
from goodfit.regularizers.elastic_net import ElasticNet
from goodfit.regularizers.gaussian_noise import GaussianNoise
from goodfit.regularizers.group_l1 import GroupL1
from goodfit.regularizers.images import (
    Brightness,
    Contrast,
    Crop,
    CutMix,
    Erasing,
    Flip,
    Rotate,
    Shift,
    VerticalFlip,
)
from goodfit.regularizers.l1 import L1
from goodfit.regularizers.l2 import L2
from goodfit.regularizers.label_smoothing import LabelSmoothing
from goodfit.regularizers.max_norm import MaxNorm
from goodfit.regularizers.mixup import Mixup
from goodfit.regularizers.ranges import Dimension, Ranged, Space, has_ranges
from goodfit.regularizers.recipe import Recipe, Regularizer, doubts, families
from goodfit.regularizers.sounds import Gain, PitchShift, TimeShift, TimeStretch, WhiteNoise
from goodfit.regularizers.stack import Stack, stack
from goodfit.regularizers.tables import ColumnDropout, Smote
from goodfit.regularizers.texts import BackTranslation, Synonyms, WordDeletion, WordSwap
from goodfit.regularizers.weight_averaging import WeightAveraging
from goodfit.regularizers.weight_decay import WeightDecay

__all__ = [
    "L1",
    "L2",
    "BackTranslation",
    "BatchNorm",
    "Brightness",
    "ColumnDropout",
    "Contrast",
    "Crop",
    "CutMix",
    "Dimension",
    "Dropout",
    "EarlyStopping",
    "ElasticNet",
    "Erasing",
    "Flip",
    "Gain",
    "GaussianNoise",
    "GroupL1",
    "LabelSmoothing",
    "MaxNorm",
    "Mixup",
    "PitchShift",
    "Ranged",
    "Recipe",
    "Regularizer",
    "Rotate",
    "Shift",
    "Smote",
    "Space",
    "Stack",
    "Synonyms",
    "TimeShift",
    "TimeStretch",
    "VerticalFlip",
    "WeightAveraging",
    "WeightDecay",
    "WhiteNoise",
    "WordDeletion",
    "WordSwap",
    "along",
    "dose_field",
    "doubts",
    "families",
    "has_ranges",
    "read_technique",
    "stack",
    "usual_doses",
]
