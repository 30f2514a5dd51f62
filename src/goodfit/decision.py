"""From probabilities to classes: the most probable one, or the rarer of two from a threshold on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Decision:
    """Which of two classes a row is taken for.

    Args:
        positive: the code of the class that an alarm is for, 0 or 1.
        threshold: its probability from which on a row is taken for it: at 0 every row, above 1 none.
    """

    positive: int
    threshold: float

    def codes(self, probabilities: Floats) -> Codes:
        """The codes `(n,)` that rows of these probabilities `(n, 2)` are taken for.

        Example:
            >>> Decision(positive=1, threshold=0.1).codes(np.array([[0.95, 0.05], [0.8, 0.2]]))
            array([0, 1])
        """
        return np.where(probabilities[:, self.positive] >= self.threshold, self.positive, 1 - self.positive)


def codes_of(probabilities: Floats, decision: Decision | None) -> Codes:
    """The codes `(n,)` of the classes that rows of these probabilities `(n, C)` are taken for.

    Args:
        probabilities: of each class.
        decision: None for the most probable class, the first of the largest.

    Example:
        >>> codes_of(np.array([[0.2, 0.5, 0.3]]), None)
        array([1])
    """
    return probabilities.argmax(1) if decision is None else decision.codes(probabilities)
