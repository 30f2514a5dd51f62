"""What the techniques on pictures share: numbers of each row, and pictures looked at from elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from goodfit.regularizers.places import column
from goodfit.regularizers.recipe import Dose
from goodfit.rng import Draw


def row_numbers(draw: Draw, rows: Tensor, count: int) -> tuple[Tensor, ...]:
    """So many numbers in (0, 1) a row, each `(M, B)`; those of row b don't depend on how many rows there are."""
    return draw.uniform(count * rows.shape[1]).view(-1, rows.shape[1], count).unbind(-1)


def where_dosed(dose: Dose, changed: Tensor, rows: Tensor) -> Tensor:
    """The changed rows of members whose dose is not 0, and the others' rows bit for bit."""
    doses = column(dose, rows)
    if isinstance(doses, Tensor):
        return torch.where(doses == 0.0, rows, changed)
    return changed if doses else rows


def sample(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """The values of pictures at places between their pixels, bilinear; beyond an edge its value goes on.

    Args:
        images: `(M, B, C, H, W)`.
        down: `(M, B, H, W)` where each pixel looks, in pixels from the middle of the uppermost ones.
        right: `(M, B, H, W)` likewise from the leftmost ones.
    """
    height, width = images.shape[-2:]
    # grid_sample counts from -1 at the outer edge of the first pixel to 1 at that of the last
    grid = torch.stack([(2.0 * right + 1.0) / width - 1.0, (2.0 * down + 1.0) / height - 1.0], -1)
    flat = grid_sample(
        images.flatten(0, 1),
        grid.flatten(0, 1).to(images.dtype),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return flat.view(images.shape)


def from_middle(images: Tensor) -> tuple[Tensor, Tensor]:
    """How far each pixel lies down and right of the picture's middle, `(H, 1)` and `(1, W)`, in pixels."""
    height, width = images.shape[-2:]
    down = torch.arange(height, device=images.device) - (height - 1) / 2
    right = torch.arange(width, device=images.device) - (width - 1) / 2
    return down[:, None], right[None]
