"""Pictures flipped left to right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.warp import row_numbers
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def flip(images: Tensor, chosen: Tensor, *, dim: int = -1) -> Tensor:
    """The pictures `(M, B, C, H, W)`, the chosen ones `(M, B)` mirrored: left to right, or upside down by `dim=-2`."""
    return torch.where(chosen[:, :, None, None, None], images.flip(dim), images)


@dataclass(frozen=True)
class Flip(OnInputs):
    r"""A picture of a training batch is flipped left to right with probability p: $\tilde x_{ij} = x_{i,W-1-j}$.

    It suits what means the same in a mirror, as most photographs do; not letters, digits, or left and right hands.

    Args:
        p: probability in [0, 1]: 0 flips none, 1 flips all; half of them is usual, since then a picture and its mirror
            image come equally often.

    Raises:
        InputError: p is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> Flip(1.0).inputs(torch.arange(3.0).view(1, 1, 1, 1, 3), draw, Form("image", (1, 1, 3))).flatten().tolist()
        [2.0, 1.0, 0.0]

    Source:
        Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image"})

    p: Dose = dose(0.5, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, some of them flipped."""
        (chance,) = row_numbers(draw, rows, 1)
        return flip(rows, chance < column(self.p, chance))
