"""A moving average of the weights over training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from goodfit.regularizers.places import Averages, column
from goodfit.regularizers.recipe import Dose, dose


@dataclass(frozen=True)
class WeightAveraging(Averages):
    r"""Exponential moving average of the weights: $\bar w \leftarrow d\,\bar w + (1-d)\,w$ after every step.

    The average starts as a copy of the weights after the first step. Losses, early stopping and predictions use the
    average; with batch norm, its statistics are computed anew for the averaged weights, over the training rows.

    Args:
        decay: d a step, in [0, 1): 0 is the weights themselves, near 1 the average hardly moves; 1/(1-d) is its memory
            in steps.

    Raises:
        InputError: decay is outside [0, 1).

    Example:
        >>> import torch
        >>> WeightAveraging(0.9).average(torch.tensor([[1.0]]), torch.tensor([[2.0]]))
        tensor([[1.1000]])

    Note:
        As torch's `get_ema_multi_avg_fn(decay)`, without a warm-up of the decay.

    Source:
        Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control and Optimization
        1992; Izmailov and others, "Averaging weights leads to wider optima", UAI 2018, for the statistics.
    """

    decay: Dose = dose(
        0.99, neutral=0.0, high=1.0, open="high", usual=(0.5, 0.9, 0.97, 0.99, 0.995, 0.998, 0.999, 0.9995)
    )

    def average(self, average: Tensor, weights: Tensor) -> Tensor:
        """The new average."""
        return torch.lerp(average, weights, 1.0 - column(self.decay, weights))

    def average_(self, average: Tensor, weights: Tensor) -> None:
        """The same in place, in one pass."""
        average.lerp_(weights, 1.0 - column(self.decay, weights))
