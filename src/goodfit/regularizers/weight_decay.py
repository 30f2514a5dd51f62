"""Weight decay, decoupled from the loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from goodfit.regularizers.places import Decays, asked, biased, column
from goodfit.regularizers.recipe import Dose, dose


@dataclass(frozen=True)
class WeightDecay(Decays):
    r"""Decoupled weight decay: $w \leftarrow w(1 - \alpha\lambda)$ at every step, beside the optimizer's step.

    Under plain SGD it is the same as `L2(strength / 2)`. Under Adam it is not: the penalty of L2 is divided by the
    scale of each weight's gradient, decay is not, so it shrinks all weights at one rate.

    Args:
        strength: λ a step and a unit of learning rate, in [0, inf): 0 is no decay; at 1/α weights are 0 before
            each step.
        biases: whether biases and batch norm's scale and shift decay too.

    Raises:
        InputError: strength is negative or not a number.

    Example:
        >>> import torch
        >>> WeightDecay(0.1).decay(torch.tensor([[5.0]]), learning_rate=0.1)
        tensor([[4.9500]])

    Note:
        The same convention as torch's AdamW, whose decay is multiplied by the learning rate α, schedule included. The
        `weight_decay` of torch's SGD and Adam is another thing: `L2` with half that number.

    Source:
        Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    strength: Dose = dose(
        1e-2, neutral=0.0, high=float("inf"), open="high", usual=(1e-3, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
    )
    biases: bool = False

    def decay(self, weights: Tensor, learning_rate: Dose) -> Tensor:
        """w (1 - α λ), never past 0."""
        return weights * self._kept(weights, learning_rate)

    def decay_(self, weights: Tensor, learning_rate: Dose) -> None:
        """The same in place, in one pass."""
        weights.mul_(self._kept(weights, learning_rate))

    def _kept(self, weights: Tensor, learning_rate: Dose) -> Dose:
        rate = column(self.strength, weights) * column(learning_rate, weights)
        return (1.0 - rate).clamp(min=0.0) if isinstance(rate, Tensor) else max(1.0 - rate, 0.0)

    def for_biases(self) -> Self | None:
        """The decay of biases, if asked for."""
        return replace(self, strength=biased(self.strength, self.biases)) if asked(self.biases) else None
