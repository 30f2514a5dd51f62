"""Elastic net: L1 and L2 in one penalty, applied by its proximal operator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from goodfit.regularizers.l1 import soft_threshold
from goodfit.regularizers.places import Proximal, asked, biased, column
from goodfit.regularizers.recipe import Dose, dose


@dataclass(frozen=True)
class ElasticNet(Proximal):
    r"""Elastic net: the penalty $\lambda\,(\rho \sum |w| + (1 - \rho) \sum w^2)$ beside the mean loss.

    Applied by its proximal operator,
    $w \leftarrow \mathrm{sign}(w)\max(|w| - s\lambda\rho, 0) / (1 + 2s\lambda(1 - \rho))$, with s the size of that
    weight's step. It selects as L1 does, and keeps groups of correlated inputs together as L2 does.

    Args:
        strength: λ in [0, inf): 0 is no penalty; as it grows all weights go to 0.
        l1_ratio: ρ in [0, 1]: 0 is `L2` alone (same solution, another path to it), 1 is `L1` alone.
        biases: whether biases and batch norm's scale and shift are penalized too.

    Raises:
        InputError: a dose is out of its range.

    Example:
        >>> import torch
        >>> ElasticNet(1.0, l1_ratio=0.5).prox(torch.tensor([[0.2, -1.3]]), step_size=0.5)
        tensor([[ 0.0000, -0.7000]])

    Note:
        scikit-learn's ElasticNet halves the squared error and the squares: with its `alpha` a and `l1_ratio` r,
        λρ = 2ar and λ(1 - ρ) = a(1 - r).

    Source:
        Zou and Hastie, "Regularization and variable selection via the elastic net", JRSS B 2005.
    """

    strength: Dose = dose(
        1e-3, neutral=0.0, high=float("inf"), open="high", usual=(1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 1.0)
    )
    l1_ratio: Dose = dose(0.5, high=1.0)
    biases: bool = False

    def prox(self, weights: Tensor, step_size: Dose) -> Tensor:
        """Soft threshold at s λ ρ, then shrink by 1 + 2 s λ (1 - ρ)."""
        strength, ratio = column(self.strength, weights), column(self.l1_ratio, weights)
        shrink = 1.0 + 2.0 * step_size * strength * (1.0 - ratio)
        return soft_threshold(weights, step_size * strength * ratio) / shrink

    def released(self) -> Dose | None:
        """λ ρ: where the mean gradient is below it, the solution is 0."""
        return self.strength * self.l1_ratio

    def for_biases(self) -> Self | None:
        """The penalty on biases, if asked for."""
        return replace(self, strength=biased(self.strength, self.biases)) if asked(self.biases) else None
