"""Pictures of more and less contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.warp import row_numbers, where_dosed
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def scale_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """The pictures `(M, B, C, H, W)`, their distances from their own mean times the factor `(M, B)`."""
    mean = images.mean((-3, -2, -1), keepdim=True)
    return mean + (images - mean) * factor[:, :, None, None, None]


@dataclass(frozen=True)
class Contrast(OnInputs):
    r"""Each picture of a training batch gets more or less contrast: $\tilde x = \bar x + (1 + u)(x - \bar x)$.

    u is uniform in ± amount, and $\bar x$ is the mean of the picture's own pixels, over its channels too.

    Args:
        amount: the largest change of the contrast in [0, 1]: 0 changes nothing; at 1 a picture may lose all contrast or
            have it doubled; usually 0.1 to 0.5.

    Raises:
        InputError: amount is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, picture = Streams.of([0]).at(Purpose.NOISE), torch.tensor([-1.0, 1.0]).view(1, 1, 1, 1, 2)
        >>> changed = Contrast(0.5).inputs(picture, draw, Form("image", (1, 1, 2))).flatten()
        >>> changed.sum().item(), 0.5 < changed[1].item() < 1.5
        (0.0, True)

    Source:
        Howard, "Some improvements on deep convolutional neural network based image classification", ICLR 2014.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image"})

    amount: Dose = dose(0.2, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, each with a contrast of its own."""
        (place,) = row_numbers(draw, rows, 1)
        factor = 1.0 + (2.0 * place - 1.0) * column(self.amount, place)
        return where_dosed(self.amount, scale_contrast(rows, factor), rows)
