"""Rectangles of pictures erased."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.boxes import Box, inside
from goodfit.regularizers.images.warp import row_numbers
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw

AREA = (0.02, 0.33)
ASPECT = (0.3, 1 / 0.3)


def erase(images: Tensor, box: Box, chosen: Tensor) -> Tensor:
    """The pictures `(M, B, C, H, W)`, in the chosen ones `(M, B)` the box filled with its channels' means."""
    erased = inside(box, images) & chosen[:, :, None, None, None]
    return torch.where(erased, images.mean((-2, -1), keepdim=True), images)


def any_box(images: Tensor, area: Tensor, aspect: Tensor, place: tuple[Tensor, Tensor]) -> Box:
    """A rectangle within each picture `(M, B, C, H, W)`, from numbers `(M, B)` in (0, 1).

    Args:
        images: the pictures.
        area: where the area lies within `AREA`, evenly; a box has one pixel or more.
        aspect: where height over width lies within `ASPECT`, evenly by its logarithm; a box that would be higher or
            wider than the picture is as high or wide as that, its area kept.
        place: where it lies, from the top and from the left.
    """
    height, width = images.shape[-2:]
    pixels = (AREA[0] + (AREA[1] - AREA[0]) * area) * (height * width)
    low, high = (math.log(value) for value in ASPECT)
    wished = (pixels * (low + (high - low) * aspect).exp()).sqrt()
    exact = torch.minimum(torch.maximum(wished, pixels / width), torch.full_like(wished, height))
    tall = exact.round().clamp(1, height)
    wide = (pixels / exact).round().clamp(1, width)
    top = (place[0] * (height - tall + 1)).floor()
    left = (place[1] * (width - wide + 1)).floor()
    return Box(top, top + tall, left, left + wide)


@dataclass(frozen=True)
class Erasing(OnInputs):
    r"""In a picture of a training batch, with probability p, a rectangle is erased: filled with the picture's mean.

    The rectangle lies anywhere in the picture alike, covers 2 to 33 % of it, and is 0.3 to 3.3 times as high as wide.
    Of a sound it is a stretch of time at some pitches.

    Args:
        p: probability in [0, 1]: 0 erases nothing, at 1 each picture lacks a part; usually 0.25 to 0.5.

    Raises:
        InputError: p is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, form = Streams.of([0]).at(Purpose.NOISE), Form("image", (1, 10, 10))
        >>> picture = torch.arange(100.0).view(1, 1, 1, 10, 10)
        >>> changed = Erasing(1.0).inputs(picture, draw, form) != picture
        >>> 2 <= changed.sum().item() <= 36
        True

    Note:
        The paper draws another rectangle where one doesn't fit; here it is made to fit, its area kept. Each channel is
        filled with its own mean.

    Source:
        Zhong and others, "Random erasing data augmentation", AAAI 2020.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image", "sound"})

    p: Dose = dose(0.25, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.8, 1.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, some of them with a rectangle erased."""
        chance, area, aspect, down, right = row_numbers(draw, rows, 5)
        return erase(rows, any_box(rows, area, aspect, (down, right)), chance < column(self.p, chance))
