"""Pictures made lighter and darker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.scale import FULL_RANGE
from goodfit.regularizers.images.warp import row_numbers, where_dosed
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def brighten(images: Tensor, by: Tensor) -> Tensor:
    """The pictures `(M, B, C, H, W)` lighter by so much `(M, B)`, 1 being the way from black to white."""
    return images + (FULL_RANGE * by)[:, :, None, None, None]


@dataclass(frozen=True)
class Brightness(OnInputs):
    r"""Each picture of a training batch is made lighter or darker: $\tilde x = x + u$, u uniform in ± amount.

    Args:
        amount: the largest change of a pixel in [0, 1], 1 being the way from black to white: 0 changes nothing, at 1
            black may become white; usually 0.05 to 0.3.

    Raises:
        InputError: amount is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, form = Streams.of([0]).at(Purpose.NOISE), Form("image", (1, 1, 2))
        >>> changed = Brightness(0.1).inputs(torch.zeros(1, 1000, 1, 1, 2), draw, form)
        >>> round(changed.max().item() / 4.0, 2), round(changed.min().item() / 4.0, 2)
        (0.1, -0.1)

    Note:
        Values aren't cut off at black and white, so that no detail is lost and a change of 0 is its limit.

    Source:
        Howard, "Some improvements on deep convolutional neural network based image classification", ICLR 2014.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image"})

    amount: Dose = dose(0.1, neutral=0.0, high=1.0, usual=(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, each lighter or darker by a number of its own."""
        (place,) = row_numbers(draw, rows, 1)
        return where_dosed(self.amount, brighten(rows, (2.0 * place - 1.0) * column(self.amount, place)), rows)
