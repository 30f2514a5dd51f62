"""Max norm: the weights into each unit are kept within a ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from goodfit.regularizers.places import Proximal, column
from goodfit.regularizers.recipe import Dose, dose


@dataclass(frozen=True)
class MaxNorm(Proximal):
    r"""Max-norm constraint: after each step, $w_j \leftarrow w_j \min(1, c / \lVert w_j \rVert_2)$ for each unit j.

    $w_j$ is the vector of weights into unit j, so that no unit can grow without bound, also at high learning rates.

    Args:
        radius: c, in units of a weight, in [0, inf]: 0 makes all weights 0, inf never acts; 3 to 4 is usual
            with dropout.

    Raises:
        InputError: radius is negative or not a number.

    Example:
        >>> import torch
        >>> MaxNorm(1.0).prox(torch.tensor([[3.0, 0.1], [4.0, 0.2]]), step_size=0.1)
        tensor([[0.6000, 0.1000],
                [0.8000, 0.2000]])

    Note:
        Weights are `(inputs, units)` here; the norm runs over the inputs. torch's `Linear.weight` is its transpose.

    Source:
        Srivastava and others, "Dropout", JMLR 2014, section 5.1.
    """

    scaled: ClassVar[bool] = False
    radius: Dose = dose(3.0, neutral=float("inf"), usual=(5.0, 3.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1))

    def prox(self, weights: Tensor, step_size: Dose) -> Tensor:
        """Project each unit's incoming weights onto the ball of radius c; the step's size plays no part."""
        norms = weights.norm(dim=-2, keepdim=True).clamp(1e-30, torch.finfo(weights.dtype).max)
        scale: Tensor = (column(self.radius, weights) / norms).clamp(max=1.0)
        return weights * scale

    def for_biases(self) -> Self | None:
        """Biases are never constrained."""
        return None
