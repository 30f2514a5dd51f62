"""Batch normalization of hidden layers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from goodfit.regularizers.places import Normalizes, column
from goodfit.regularizers.recipe import Dose, dose


def standardize(hidden: Tensor, mean: Tensor, variance: Tensor, eps: Dose) -> Tensor:
    r"""$\hat x = (x - \mu) / \sqrt{\sigma^2 + \epsilon}$ with means and biased variances `(M, 1, H)`."""
    return (hidden - mean) * (variance + eps).rsqrt()


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

    def track(self, running: Tensor, batch: Tensor) -> Tensor:
        """The running statistics `(M, 1, H)` after a batch."""
        return running + column(self.momentum, running) * (batch - running)
