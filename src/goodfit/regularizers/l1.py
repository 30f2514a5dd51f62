"""L1 regularization: a penalty on the absolute weights, by its proximal operator, so that zeros are exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from goodfit.regularizers.places import Proximal, asked, biased, column
from goodfit.regularizers.recipe import Dose, dose


def soft_threshold(weights: Tensor, threshold: Dose) -> Tensor:
    r"""The proximal operator of the absolute value: $\mathrm{sign}(w)\max(|w| - t, 0)$.

    It minimizes $\tfrac12 (u - w)^2 + t|u|$ over u. Threshold 0 returns w itself.
    """
    if not isinstance(threshold, Tensor):
        return softshrink(weights, threshold)
    bound = threshold.to(weights.dtype)
    return weights - torch.clamp(weights, -bound, bound)


@dataclass(frozen=True)
class L1(Proximal):
    r"""L1 regularization (lasso): the penalty $\lambda \sum |w|$ beside the mean loss, with exact zeros.

    Its gradient is $\lambda\,\mathrm{sign}(w)$, but steps along it only oscillate around 0. Here the optimizer steps on
    the loss alone and the penalty is applied by its proximal operator,
    $w \leftarrow \mathrm{sign}(w)\max(|w| - s\lambda, 0)$, with s the size of that weight's step: the learning rate for
    SGD (divided by 1 - momentum), the learning rate over $\sqrt{\hat v} + \epsilon$ for Adam. Weights whose gradient
    stays below λ become exactly 0; the fixed point is the lasso's solution under SGD and under Adam.

    Args:
        strength: λ, in units of the loss a unit of weight, in [0, inf): 0 is no penalty; from some value on all
            weights are 0.
        biases: whether biases and batch norm's scale and shift are penalized too.

    Raises:
        InputError: strength is negative or not a number.

    Example:
        >>> import torch
        >>> L1(0.5).prox(torch.tensor([[0.3, -0.6], [2.0, 0.1]]), step_size=0.5)
        tensor([[ 0.0500, -0.3500],
                [ 1.7500,  0.0000]])

    Note:
        scikit-learn's Lasso halves the squared error: its `alpha` = λ/2. Keras `l1` = λ, without exact zeros. Zeros are
        exact after every step, but which weights they are follows the noise of mini-batches: with a constant learning
        rate some that the lasso has at 0 keep leaving it for a step. A decaying rate or larger batches settle them.

    Source:
        Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 1996; Beck and Teboulle, "A fast
        iterative shrinkage-thresholding algorithm", SIAM J. Imaging Sciences 2009; for Adam: Yun, Lozano and Yang,
        "Adaptive proximal gradient methods for structured neural networks", NeurIPS 2021.
    """

    strength: Dose = dose(
        1e-3, neutral=0.0, high=float("inf"), open="high", usual=(1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 1.0)
    )
    biases: bool = False

    def prox(self, weights: Tensor, step_size: Dose) -> Tensor:
        """Soft threshold at step size times λ."""
        return soft_threshold(weights, column(self.strength, weights) * step_size)

    def released(self) -> Dose | None:
        """λ: where the mean gradient is below it, the lasso's solution is 0."""
        return self.strength

    def for_biases(self) -> Self | None:
        """The penalty on biases, if asked for."""
        return replace(self, strength=biased(self.strength, self.biases)) if asked(self.biases) else None
