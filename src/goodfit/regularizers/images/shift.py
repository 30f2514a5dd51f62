"""Pictures moved up, down and sideways."""

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


def shift(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """The pictures `(M, B, C, H, W)` moved by so many whole pixels `(M, B)`; what comes in is as the edge."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=images.device) - down[..., None]).clamp(0, height - 1).long()
    columns = (torch.arange(width, device=images.device) - right[..., None]).clamp(0, width - 1).long()
    moved = images.gather(3, rows[:, :, None, :, None].expand(images.shape))
    return moved.gather(4, columns[:, :, None, None, :].expand(images.shape))


@dataclass(frozen=True)
class Shift(OnInputs):
    r"""Each picture of a training batch is moved up or down and sideways, by distances uniform in ± share of its sides.

    Args:
        share: the largest distance as a part of the picture's height and of its width, in [0, 1]: 0 moves nothing; at 1
            a picture may be moved out of sight; usually 0.05 to 0.2.

    Raises:
        InputError: share is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, ramp = Streams.of([0]).at(Purpose.NOISE), torch.arange(6.0).view(1, 1, 1, 1, 6)
        >>> Shift(0.5).inputs(ramp, draw, Form("image", (1, 1, 6))).flatten().tolist()
        [3.0, 4.0, 5.0, 5.0, 5.0, 5.0]

    Note:
        It moves by whole pixels, so that no picture is blurred: a part of a pixel is rounded up with a probability of
        its size, else down. What comes in from outside has the value of the edge.

    Source:
        LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proceedings of the
        IEEE 1998.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image"})

    share: Dose = dose(0.1, neutral=0.0, high=1.0, usual=(0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, each moved by a distance of its own."""
        down, right, up_or_down, left_or_right = row_numbers(draw, rows, 4)
        height, width = rows.shape[-2:]
        share = column(self.share, down)
        whole_down = ((2.0 * down - 1.0) * share * height + up_or_down).floor()
        whole_right = ((2.0 * right - 1.0) * share * width + left_or_right).floor()
        return shift(rows, whole_down, whole_right)
