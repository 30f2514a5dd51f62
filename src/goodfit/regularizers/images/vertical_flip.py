"""Pictures turned upside down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.flip import flip
from goodfit.regularizers.images.warp import row_numbers
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


@dataclass(frozen=True)
class VerticalFlip(OnInputs):
    r"""A picture of a training batch is mirrored top to bottom with probability p: $\tilde x_{ij} = x_{H-1-i,j}$.

    It suits what has no up and down, as pictures from a microscope or from above.

    Args:
        p: probability in [0, 1]: 0 mirrors none, 1 mirrors all; half of them is usual.

    Raises:
        InputError: p is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, form = Streams.of([0]).at(Purpose.NOISE), Form("image", (1, 3, 1))
        >>> VerticalFlip(1.0).inputs(torch.arange(3.0).view(1, 1, 1, 3, 1), draw, form).flatten().tolist()
        [2.0, 1.0, 0.0]

    Source:
        Shorten and Khoshgoftaar, "A survey on image data augmentation for deep learning", Journal of Big Data 2019.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image"})

    p: Dose = dose(0.5, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, some of them upside down."""
        (chance,) = row_numbers(draw, rows, 1)
        return flip(rows, chance < column(self.p, chance), dim=-2)
