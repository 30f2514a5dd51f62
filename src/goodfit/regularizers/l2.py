"""L2 regularization: a penalty on the squares of the weights, in the loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from goodfit.regularizers.places import InLoss, asked, biased, column
from goodfit.regularizers.recipe import Dose, dose


def squared_norm(weights: Tensor) -> Tensor:
    """The sum of squares of a layer's weights: `(M, D, H)` to `(M,)`."""
    return weights.square().sum((-2, -1))


@dataclass(frozen=True)
class L2(InLoss):
    r"""L2 regularization: the penalty $\lambda \sum w^2$ beside the mean loss.

    Its gradient is $2\lambda w$, so a step of plain SGD with learning rate $\alpha$ is
    $w \leftarrow w(1 - 2\alpha\lambda) - \alpha\,\partial L/\partial w$: each step decays the weight. It shrinks all
    weights and sets none to zero. Under Adam the penalty passes through the scaling of gradients and is *not* the decay
    of weights: see `WeightDecay`.

    Args:
        strength: λ, in units of the loss a squared weight, in [0, inf): 0 is no penalty; as it grows all weights
            go to 0.
        biases: whether biases and batch norm's scale and shift are penalized too.

    Raises:
        InputError: strength is negative or not a number.

    Example:
        One step of SGD from w = 5 with dL/dw = 0.3, learning rate 0.1:

        >>> import torch
        >>> w = torch.tensor([[5.0]])
        >>> step = 0.3 + L2(0.01).gradient(w)
        >>> round((w - 0.1 * step).item(), 6)
        4.96

    Note:
        The same penalty has other numbers elsewhere: Keras `l2` = λ; torch's SGD and Adam `weight_decay` = 2λ;
        scikit-learn's Ridge `alpha` = nλ with n rows, its MLPClassifier's `alpha` = 2λ · rows of a batch, and its
        MLPRegressor's λ · rows of a batch, for it halves the squared error. `goodfit.strength` converts.

    Source:
        Hoerl and Kennard, "Ridge regression", Technometrics 1970; Loshchilov and Hutter, "Decoupled weight decay
        regularization", ICLR 2019, on what it is under Adam.
    """

    strength: Dose = dose(
        1e-3, neutral=0.0, high=float("inf"), open="high", usual=(1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 1.0)
    )
    biases: bool = False

    def penalty(self, weights: Tensor) -> Tensor:
        """λ Σ w², `(M,)`."""
        return self.strength * squared_norm(weights)

    def gradient(self, weights: Tensor) -> Tensor:
        """2 λ w."""
        return weights * (2.0 * column(self.strength, weights))

    def add_gradient(self, gradient: Tensor, weights: Tensor) -> None:
        """Add 2 λ w in one pass where λ is a number."""
        if isinstance(self.strength, Tensor):
            super().add_gradient(gradient, weights)
        else:
            gradient.add_(weights, alpha=2.0 * self.strength)

    def for_biases(self) -> Self | None:
        """The penalty on biases, if asked for."""
        return replace(self, strength=biased(self.strength, self.biases)) if asked(self.biases) else None
