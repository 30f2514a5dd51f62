"""Rectangles of whole pixels, one a picture."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Box(NamedTuple):
    """Lines of pixels from `top` to before `bottom`, columns from `left` to before `right`, each `(M, B)`."""

    top: Tensor
    bottom: Tensor
    left: Tensor
    right: Tensor


def inside(box: Box, images: Tensor) -> Tensor:
    """Which pixels of pictures `(M, B, C, H, W)` lie in their boxes, `(M, B, 1, H, W)`."""
    height, width = images.shape[-2:]
    down = torch.arange(height, device=images.device)
    right = torch.arange(width, device=images.device)
    tall = (down >= box.top[..., None]) & (down < box.bottom[..., None])
    wide = (right >= box.left[..., None]) & (right < box.right[..., None])
    return (tall[..., :, None] & wide[..., None, :])[:, :, None]
