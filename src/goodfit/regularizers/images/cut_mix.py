"""Rectangles of one picture pasted into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.boxes import Box, inside
from goodfit.regularizers.images.warp import row_numbers
from goodfit.regularizers.places import Mixes, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def paste(images: Tensor, others: Tensor, box: Box) -> tuple[Tensor, Tensor]:
    """The pictures `(M, B, C, H, W)` with the boxes of the others, and the share `(M, B)` that is still their own."""
    height, width = images.shape[-2:]
    pasted = (box.bottom - box.top) * (box.right - box.left)
    own = (height * width - pasted) / (height * width)
    return torch.where(inside(box, images), others, images), own.to(images.dtype)


def clipped_box(images: Tensor, share: Tensor, place: tuple[Tensor, Tensor]) -> Box:
    """A box of the shape of each picture `(M, B, C, H, W)` that leaves a share of it, clipped at the borders.

    Args:
        images: the pictures.
        share: `(M, B)` in [0, 1], what the box leaves before it is rounded to pixels and clipped.
        place: `(M, B)` where the box's middle lies, from 0 to 1, from the top and from the left.
    """
    return Box(
        *_clipped(images.shape[-2], share, place[0]),
        *_clipped(images.shape[-1], share, place[1]),
    )


def _clipped(side: int, share: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    length = (side * (1.0 - share).sqrt()).round()
    start = (side * place - length / 2).round()
    return start.clamp(0, side), (start + length).clamp(0, side)


@dataclass(frozen=True)
class CutMix(Mixes):
    r"""Into a picture of a training batch, with probability p, a rectangle of another is pasted; targets mix alike.

    The rectangle would leave a share $\lambda$ of the picture, uniform in (0, 1); it has the picture's sides times
    $\sqrt{1 - \lambda}$ and lies about any place, so that its part beyond the border is cut off. The target is mixed by
    the share of pixels that is really left.

    Args:
        p: probability in [0, 1]: 0 mixes nothing, at 1 nearly every picture; usually 0.5 to 1.

    Raises:
        InputError: p is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, form = Streams.of([0]).at(Purpose.NOISE), Form("image", (1, 8, 8))
        >>> mixed, share = CutMix(1.0).mix(torch.ones(1, 5, 1, 8, 8), torch.zeros(1, 5, 1, 8, 8), draw, form)
        >>> torch.equal(mixed.mean((2, 3, 4)), share)
        True

    Note:
        A picture may come to hold more of the other than of its own; its share says so.

    Source:
        Yun and others, "CutMix: regularization strategy to train strong classifiers with localizable features",
        ICCV 2019.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image", "sound"})

    p: Dose = dose(0.5, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0))

    def mix(self, rows: Tensor, others: Tensor, draw: Draw, form: Form) -> tuple[Tensor, Tensor]:
        """The pictures, some of them with a rectangle of another, and the share that is still their own."""
        chance, share, down, right = row_numbers(draw, rows, 4)
        left = torch.where(chance < column(self.p, chance), share, 1.0)
        return paste(rows, others, clipped_box(rows, left, (down, right)))
