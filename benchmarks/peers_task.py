"""What a peer is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from peers_tables import Part

THREADS = 2

Predict = Callable[[Part], NDArray[np.float64]]


@dataclass(frozen=True)
class Task:
    """Rows to learn from; how many classes, 0 for a quantity; the seconds given and the clock's time of their end."""

    train: Part
    classes: int
    seed: int
    budget: float
    until: float


@dataclass(frozen=True)
class Fitted:
    """Probabilities `(n, classes)` or numbers `(n,)` for rows, and what is worth noting of the fit."""

    predict: Predict
    notes: dict[str, Any] = field(default_factory=dict)


def coded_inputs(part: Part) -> pd.DataFrame:
    return part.coded


def predictor(model: Any, task: Task, inputs: Callable[[Part], Any] = coded_inputs) -> Predict:
    """A model's predictions, a column for every class of the table, seen in training or not."""

    def predict(part: Part) -> NDArray[np.float64]:
        given = inputs(part)
        if not task.classes:
            return np.asarray(model.predict(given), dtype=np.float64).reshape(len(given))
        probabilities = np.zeros((len(given), task.classes))
        probabilities[:, np.asarray(model.classes_, dtype=np.int64)] = model.predict_proba(given)
        return probabilities

    return predict
