"""Batch normalization of hidden layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from goodfit.regularizers.places import Normalizes, column
from goodfit.regularizers.recipe import Dose, dose


def standardize(hidden: Tensor, mean: Tensor, variance: Tensor, eps: Dose) -> Tensor:
    r"""$\hat x = (x - \mu) / \sqrt{\sigma^2 + \epsilon}$ with means and biased variances `(M, 1, H)`."""
    return (hidden - mean) * (variance + eps).rsqrt()


class _OfBatch(torch.autograd.Function):
    r"""$y = \gamma \hat x + \beta$ by the batch's own statistics, in as few passes over the rows as there can be.

    With g = dL/dy, means over the rows: $dL/dx = \gamma (g - \bar g - \hat x \overline{g \hat x}) / \sqrt{\sigma^2 +
    \epsilon}$. Sums over rows are products with a row of ones: the BLAS's are the fastest there are.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, scale: Tensor, shift: Tensor, eps: Dose) -> tuple[Tensor, Tensor, Tensor]:
        mean = _row_means(hidden)
        centered = hidden - mean
        variance = _row_means(centered.square())
        inverse = (variance + eps).rsqrt()
        standard = centered.mul_(inverse)
        ctx.save_for_backward(standard, scale, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return torch.addcmul(shift, scale, standard), mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        (gradient, *_), (standard, scale, inverse) = gradients, ctx.saved_tensors
        mean, product = _row_means(gradient), _row_means(gradient * standard)
        count = gradient.shape[1]
        inputs = torch.addcmul(gradient - mean, standard, product, value=-1.0).mul_(scale * inverse)
        return inputs, product * count, mean * count, None


def _row_means(hidden: Tensor) -> Tensor:
    """Means over the rows, `(M, 1, H)`."""
    ones = hidden.new_ones(1, 1, hidden.shape[1]).expand(len(hidden), -1, -1)
    return torch.bmm(ones, hidden) / hidden.shape[1]


@dataclass(frozen=True)
class BatchNorm(Normalizes):
    r"""Batch normalization: $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu_B)/\sqrt{\sigma_B^2 + \epsilon}$.

    γ and β are learned. It stands before the nonlinearity of each hidden layer. In training μ and σ² are the batch's
    (σ² biased); in inference they are running averages over training, in which σ² is unbiased. A batch of one row has
    no variance: it is normalized by the running averages and leaves them alone.

    Args:
        strength: share of normalization in [0, 1]: the layer hands on $x + \mathrm{strength}\,(y - x)$; 0 is no
            normalization, 1 is batch norm as it is known.
        momentum: weight of a new batch in the running averages, in (0, 1].
        eps: ε, in units of the squared activation, in (0, inf).

    Raises:
        InputError: a value is out of its range.

    Example:
        The batch 10, 20, 30, 40, 50 with γ = 2 and β = 1:

        >>> import torch
        >>> x = torch.tensor([[[10.0], [20.0], [30.0], [40.0], [50.0]]])
        >>> variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        >>> y = 2 * BatchNorm(eps=1e-12).normalize(x, mean, variance) + 1
        >>> [round(v, 3) for v in y.flatten().tolist()]
        [-1.828, -0.414, 1.0, 2.414, 3.828]

    Note:
        `momentum` as in torch's BatchNorm1d; Keras's is 1 - momentum.

    Source:
        Ioffe and Szegedy, "Batch normalization", ICML 2015.
    """

    strength: Dose = dose(1.0, neutral=0.0, high=1.0)
    momentum: Dose = dose(0.1, high=1.0, open="low")
    eps: Dose = dose(1e-5, open="low high")

    def normalize(self, hidden: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """x̂, `(M, B, H)`."""
        return standardize(hidden, mean, variance, column(self.eps, hidden))

    def of_batch(self, hidden: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """γ x̂ + β by the batch's own statistics, and these."""
        apply: Callable[..., tuple[Tensor, Tensor, Tensor]] = _OfBatch.apply
        return apply(hidden, scale, shift, column(self.eps, hidden))

    def track(self, running: Tensor, batch: Tensor) -> Tensor:
        """The running statistics `(M, 1, H)` after a batch."""
        return running + column(self.momentum, running) * (batch - running)
