"""What the checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from goodfit.metrics import Task
from goodfit.training import RunResult

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The runs of a job and how they did on rows that they had not seen.

    Args:
        task: what was predicted.
        recipes: the candidates' texts, in the order tried; "none" is no regularization.
        results: of each candidate, its networks.
        losses: of each candidate, `(M,)` held-out losses, paired by place: the same fold and seed.
        chosen: which candidate is used.
        target: `(r,)` codes or numbers of the rows held out.
        predicted: `(r, C)` the chosen candidate's predictions for them.
        scores: the chosen candidate's scores on them.
        baseline: the scores of the constant prediction on them.
    """

    task: Task
    recipes: tuple[str, ...]
    results: tuple[tuple[RunResult, ...], ...]
    losses: tuple[Floats, ...]
    chosen: int
    target: NDArray[np.generic]
    predicted: Floats
    scores: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
