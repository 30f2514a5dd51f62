"""Probabilities, from a module's outputs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax

from goodfit.torch.diagnosing.evidence import ModuleEvidence, Seen
from goodfit.torch.diagnosing.losses import usual_kind

Floats = NDArray[np.float64]


def is_classifier(evidence: ModuleEvidence) -> bool:
    """Whether the validation rows have one class each and an output for each class, or one output of two classes."""
    seen = evidence.validation
    return seen.outputs is not None and seen.targets is not None and _kind(evidence, seen) != "numbers"


def probabilities(evidence: ModuleEvidence) -> Floats:
    """`(n, C)` of a classifier's validation rows; of two classes with one output the first is its absence."""
    seen = evidence.validation
    assert seen.outputs is not None
    outputs = seen.outputs.double().numpy()
    if _kind(evidence, seen) == "two classes":
        chance = outputs[:, 0] if evidence.scorer.chances else expit(outputs[:, 0])
        return np.stack([1 - chance, chance], axis=1)
    return np.asarray(outputs / outputs.sum(1, keepdims=True) if evidence.scorer.chances else softmax(outputs, axis=1))


def _kind(evidence: ModuleEvidence, seen: Seen) -> str:
    assert seen.outputs is not None
    rows = evidence.train.rows, evidence.validation.rows
    whole, binary = all(part.whole for part in rows), all(part.binary for part in rows)
    outputs = seen.outputs[:, 0] if seen.outputs.shape[1] == 1 else seen.outputs
    assert seen.targets is not None
    return usual_kind(outputs, torch.from_numpy(seen.targets), whole=whole, binary=binary)
