"""Windows of pictures, brought back to their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.warp import from_middle, row_numbers, sample, where_dosed
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def crop(images: Tensor, side: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Windows of the pictures `(M, B, C, H, W)`, brought to their size, bilinear.

    Args:
        images: the pictures.
        side: `(M, B)` the window's sides as a part of the picture's, in (0, 1].
        down: `(M, B)` where the window lies, from 0, at the top, to 1, at the bottom.
        right: `(M, B)` likewise from left to right.
    """
    height, width = images.shape[-2:]
    rows, columns = from_middle(images)
    side, down, right = (value[..., None, None] for value in (side, down, right))
    middle_down = (height - 1) / 2 + (1.0 - side) * (down - 0.5) * height
    middle_right = (width - 1) / 2 + (1.0 - side) * (right - 0.5) * width
    shape = (*images.shape[:2], height, width)
    return sample(images, (side * rows + middle_down).expand(shape), (side * columns + middle_right).expand(shape))


@dataclass(frozen=True)
class Crop(OnInputs):
    r"""Of each picture of a training batch a window, brought back to the picture's size, stands for it.

    The window's sides are $1 - u \cdot$ share of the picture's, u uniform in (0, 1), and it lies anywhere in the
    picture alike. So what it shows gets larger, and something at the border is gone.

    Args:
        share: the most that is cut from a side, as a part of it, in [0, 1): 0 cuts nothing; near 1 a window may be a
            single spot of the picture; usually 0.1 to 0.3.

    Raises:
        InputError: share is outside [0, 1).

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, ramp = Streams.of([0]).at(Purpose.NOISE), torch.arange(16.0).view(1, 1, 1, 1, 16)
        >>> window = Crop(0.5).inputs(ramp, draw, Form("image", (1, 1, 16))).flatten()
        >>> bool((window.diff() >= 0).all()), (window.max() - window.min()).item() < 15.0
        (True, True)

    Source:
        Szegedy and others, "Going deeper with convolutions", CVPR 2015.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image"})

    share: Dose = dose(0.2, neutral=0.0, high=1.0, open="high", usual=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, each a window of itself."""
        size, down, right = row_numbers(draw, rows, 3)
        return where_dosed(self.share, crop(rows, 1.0 - size * column(self.share, size), down, right), rows)
