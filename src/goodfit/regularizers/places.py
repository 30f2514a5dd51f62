"""The five places of the training loop where a regularizer may act.

    rows += Adds, Rewrites                                      # 1 data         smote; synonyms
    for epoch:
        for batch:
            rows, targets = OnInputs, Mixes, OnTargets          # 1 data         rotate, mixup, label_smoothing
            hidden        = Drops(relu(Normalizes(hidden)))     # 2 activations  batch_norm, dropout
            gradient     += InLoss.gradient(weights)            # 3 loss         l2
            weights       = Decays(weights)                     # 4 update       weight_decay
            weights       = Proximal(step(weights))             #                l1, group_l1, elastic_net, max_norm
            average       = Averages(average, weights)          # 5 stop         weight_averaging
        best, stopped     = Stops(validation loss)              #                early_stopping

Shapes: M members, B rows of a batch, D inputs and H outputs of a layer. Every method takes a single network too: then
doses are floats and the leading M is absent or anything that broadcasts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goodfit.regularizers.form import Form
from goodfit.regularizers.recipe import Dose, Regularizer
from goodfit.rng import Draw

if TYPE_CHECKING:
    from goodfit.regularizers.tables.smote import SmotePlan

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class OnInputs(Regularizer):
    """Acts on the rows of a training batch, each by random numbers of its own."""

    @abstractmethod
    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """Change the rows `(M, B, *form.shape)` of a training batch.

        The first B of a member's random numbers belong to its first B rows, however long the batch is padded.
        """


class Mixes(Regularizer):
    """Mixes each row of a training batch with another row of it, the targets as the inputs."""

    @abstractmethod
    def mix(self, rows: Tensor, others: Tensor, draw: Draw, form: Form) -> tuple[Tensor, Tensor]:
        """Mix rows `(M, B, *form.shape)` with others of the same shape.

        Returns:
            the mixed rows, and the share `(M, B)` of each that is still its own.
        """


class Adds(Regularizer):
    """Adds synthetic rows beside the training rows, before training; no other row is ever added to."""

    @abstractmethod
    def plan(self, points: Floats, codes: Ints, classes: Sequence[str], seed: int) -> SmotePlan:
        """Which synthetic rows to make of training rows at points `(t, D)` with class codes `(t,)`."""


class Rewrites(Regularizer):
    """Writes texts anew, before training: in each epoch a training text stands as itself or as one of its variants."""

    @abstractmethod
    def rewrite(self, texts: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Each text anew, by random numbers of its own seed alone; a text may come back as it is."""


class OnTargets(Regularizer):
    """Acts on the targets of a training batch."""

    @abstractmethod
    def targets(self, targets: Tensor) -> Tensor:
        """Change the targets: class probabilities `(M, B, K)`, or `(M, B, 1)`, the second class's, for two classes."""


class Normalizes(Regularizer):
    """Acts on a hidden layer before its nonlinearity; `strength` 0 leaves the layer as it is."""

    strength: Dose

    @abstractmethod
    def normalize(self, hidden: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """Standardize `(M, B, H)` by means and biased variances `(M, 1, H)`."""

    @abstractmethod
    def of_batch(self, hidden: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Standardize `(M, B, H)` by its own statistics, then multiply by a scale and add a shift `(M, 1, H)`.

        Returns:
            the result, and the means and biased variances `(M, 1, H)`, through which no gradient goes.
        """

    @abstractmethod
    def track(self, running: Tensor, batch: Tensor) -> Tensor:
        """The running statistics after a batch with these statistics."""


class Drops(Regularizer):
    """Acts on the inputs and on hidden layers after their nonlinearity, in training only."""

    @abstractmethod
    def drop(self, hidden: Tensor, draw: Draw, *, layer: int) -> Tensor:
        """Change activations `(M, B, H)`; layer 0 is the inputs, the last layer's outputs never come here."""


class OnWeights(Regularizer):
    """Acts on the weights; on biases and on batch norm's scale and shift only where asked for."""

    @abstractmethod
    def for_biases(self) -> Self | None:
        """The same technique with the doses that biases take, or None if none is asked for."""


class InLoss(OnWeights):
    """Adds a penalty on the weights to the loss."""

    @abstractmethod
    def penalty(self, weights: Tensor) -> Tensor:
        """The penalty, `(M,)`, of one layer's weights `(M, D, H)`."""

    @abstractmethod
    def gradient(self, weights: Tensor) -> Tensor:
        """The penalty's gradient, `(M, D, H)`."""

    def add_gradient(self, gradient: Tensor, weights: Tensor) -> None:
        """Add the penalty's gradient at these weights to another one, in place."""
        gradient.add_(self.gradient(weights))


class Decays(OnWeights):
    """Shrinks the weights before the optimizer's step."""

    @abstractmethod
    def decay(self, weights: Tensor, learning_rate: Dose) -> Tensor:
        """The weights `(M, D, H)`, shrunk."""

    def decay_(self, weights: Tensor, learning_rate: Dose) -> None:
        """Shrink the weights in place."""
        weights.copy_(self.decay(weights, learning_rate))


class Proximal(OnWeights):
    """Maps the weights after the optimizer's step: the proximal operator of a penalty or a projection."""

    scaled: ClassVar[bool] = True
    """Whether it depends on the size of the step."""

    @abstractmethod
    def prox(self, weights: Tensor, step_size: Dose) -> Tensor:
        """The weights `(M, D, H)`, mapped; `step_size`, the step a unit of gradient makes, may differ by weight."""

    def released(self) -> Dose | None:
        """The size of a mean gradient beyond which a weight that is 0 leaves it; None where 0 is no place to stay."""
        return None

    def stays(self, zero: Tensor, mean: Tensor) -> Tensor:
        """Which of the weights `(M, D, H)` that were 0 a mean gradient leaves there."""
        level = self.released()
        return torch.zeros_like(zero) if level is None else zero & (mean.abs() <= column(level, mean))


class Averages(Regularizer):
    """Averages the weights over the steps of training; `decay` 0 is the weights themselves."""

    decay: Dose

    @abstractmethod
    def average(self, average: Tensor, weights: Tensor) -> Tensor:
        """The new average `(M, P)` of all parameters."""

    def average_(self, average: Tensor, weights: Tensor) -> None:
        """Take the weights into the average in place."""
        average.copy_(self.average(average, weights))


class Stops(Regularizer):
    """Watches the validation loss, stops a member, and restores its best weights."""

    @abstractmethod
    def improves(self, loss: Tensor, best: Tensor) -> Tensor:
        """Whether the losses `(M,)` count as better than the best so far."""

    @abstractmethod
    def stops(self, epochs_without: Tensor) -> Tensor:
        """Whether so many epochs without improvement `(M,)` are enough."""

    @abstractmethod
    def restores(self) -> Tensor | bool:
        """Whether the best weights are taken at the end, rather than the last."""


def column(dose: Dose, like: Tensor) -> Dose:
    """A dose in the shape and type that broadcasts over the members of a tensor: `(M,)` to `(M, 1, ..., 1)`."""
    if isinstance(dose, Tensor):
        return dose.to(like.dtype).view(-1, *([1] * (like.dim() - 1)))
    return dose


def asked(biases: bool | Tensor) -> bool:
    """Whether any member asks that its biases be treated as its weights are."""
    return bool(biases.any()) if isinstance(biases, Tensor) else biases


def biased(dose: Dose, biases: bool | Tensor) -> Dose:
    """The dose for biases and for batch norm's scale and shift: 0 for members that don't ask for it."""
    return dose * biases
