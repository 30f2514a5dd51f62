"""Simulated problems whose truth is known: what a diagnosis is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from goodfit.errors import InputError

Floats = NDArray[np.float64]
_UNITS = 12
_MANY = 20_000
"""Rows that shares of classes are tuned on."""


@dataclass(frozen=True)
class KnownTruth:
    """A law that rows are drawn from.

    Rows x have independent standard normal columns. Scores f(x), one a class, are linear in the informative columns or
    a random network of 12 tanh units; classes are drawn from softmax(sharpness · f(x) + b), numbers are f(x) plus
    normal noise of deviation 1/sharpness. Then a share of the labels is replaced by another class at random.

    Args:
        classes: 2 or more; 0 is regression.
        shape: "linear" or "nonlinear".
        columns: of the table, 1 or more.
        informative: how many of them count, 1 to `columns`.
        sharpness: how far classes are told apart, above 0: near 0 not at all, large without doubt.
        label_noise: share of labels that are replaced, in [0, 1); in regression nothing is.
        rarest: share of the rarest class before labels are replaced, in (0, 1/classes].
        seed: of the law's own coefficients.

    Raises:
        InputError: a number is out of its range.

    Example:
        >>> law = KnownTruth(classes=2, label_noise=0.1)
        >>> X, y = law.draw(100, seed=0)
        >>> X.shape, law.probability(X).shape
        ((100, 10), (100, 2))
    """

    classes: int = 2
    shape: Literal["linear", "nonlinear"] = "nonlinear"
    columns: int = 10
    informative: int = 5
    sharpness: float = 3.0
    label_noise: float = 0.0
    rarest: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        fine = {
            "classes": self.classes == 0 or self.classes >= 2,
            "shape": self.shape in {"linear", "nonlinear"},
            "informative": 1 <= self.informative <= self.columns,
            "sharpness": self.sharpness > 0,
            "label_noise": 0 <= self.label_noise < 1,
            "rarest": self.rarest is None or 0 < self.rarest * max(self.classes, 1) <= 1,
        }
        for name, within in fine.items():
            if not within:
                raise InputError(f"{name} is {getattr(self, name)!r}: out of its range")

    def draw(self, rows: int, seed: int) -> tuple[Floats, NDArray[np.generic]]:
        """Rows X `(rows, columns)` and their targets `(rows,)`: codes of classes, or numbers."""
        random = np.random.default_rng([self.seed, seed, 1])
        X = random.standard_normal((rows, self.columns))
        if not self.classes:
            return X, self.mean(X) + random.standard_normal(rows) / self.sharpness
        cumulative = self.probability(X).cumsum(1)
        return X, (random.random(rows)[:, None] > cumulative[:, :-1]).sum(1)

    def mean(self, X: Floats) -> Floats:
        """The true mean `(n,)` of a regression's target."""
        return self._scores(X)[:, 0]

    def probability(self, X: Floats) -> Floats:
        """The true probabilities `(n, classes)` of the labels, replaced ones among them."""
        clean = softmax(self.sharpness * self._scores(X) + self._offsets(), axis=1)
        return np.asarray((1 - self.label_noise) * clean + self.label_noise * (1 - clean) / (self.classes - 1))

    def _scores(self, X: Floats) -> Floats:
        """Scores `(n, classes)` of mean 0 and deviation about 1."""
        random = np.random.default_rng([self.seed, 0])
        seen, outputs = X[:, : self.informative], max(self.classes, 1)
        linear = random.standard_normal((self.informative, outputs)) / np.sqrt(self.informative)
        inner = random.standard_normal((self.informative, _UNITS)) * 1.5 / np.sqrt(self.informative)
        bias, outer = random.standard_normal(_UNITS), random.standard_normal((_UNITS, outputs)) * 1.4 / np.sqrt(_UNITS)
        if self.shape == "linear":
            return np.asarray(seen @ linear)
        return np.asarray(np.tanh(2 * seen @ inner + bias) @ outer)

    def _offsets(self) -> Floats:
        """What is added to the classes' scores so that the last class has its share."""
        offsets = np.zeros(self.classes)
        if self.rarest is None:
            return offsets
        X = np.random.default_rng([self.seed, 2]).standard_normal((_MANY, self.columns))
        scores, low, high = self.sharpness * self._scores(X), -50.0, 50.0
        for _ in range(60):
            offsets[-1] = (low + high) / 2
            share = softmax(scores + offsets, axis=1)[:, -1].mean()
            low, high = (offsets[-1], high) if share < self.rarest else (low, offsets[-1])
        return offsets
