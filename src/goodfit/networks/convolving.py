"""Stacked convolutional layers: M networks, a picture a row.

Shapes: M members, B rows, C channels in, H out, height by width of a picture. Activations are kept `(M, B, height,
width, C)`, channels last: so the rows of batch norm are pixels, and convolutions read whole cache lines.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from goodfit.networks.layout import KERNEL, Layout, Parameters
from goodfit.networks.mlp import Hook


def convolve(
    parameters: Parameters, rows: Tensor, layout: Layout, *, normalize: Hook, drop: Hook, rounded: bool
) -> Tensor:
    """What the convolutions of M networks make of rows `(M, B, D)`: the inputs `(M, B, F)` of the dense layers.

    A layer is a 3 x 3 convolution, `normalize`, ReLU, max pooling by 2, and `drop`, in this order.
    """
    members, batch = rows.shape[:2]
    hidden = rows.view(members, batch, *layout.picture).permute(0, 1, 3, 4, 2)
    for layer, units in enumerate(layout.channels):
        weights, biases = parameters.weights[layer], parameters.biases[layer]
        if rounded:
            products = convolution(hidden.to(torch.bfloat16), weights.to(torch.bfloat16)).to(rows.dtype)
        else:
            products = convolution(hidden, weights)
        flat = products.flatten(1, 3) + biases
        hidden = torch.relu(_pooled(normalize(flat, layer).view_as(products)))
        hidden = drop(hidden.flatten(2), layer + 1).view(members, batch, *hidden.shape[2:4], units)
    return hidden.flatten(2)


def convolution(hidden: Tensor, weights: Tensor) -> Tensor:
    """3 x 3 convolutions `(M, B, height, width, H)` of pictures `(M, B, height, width, C)`, zeros around.

    Args:
        hidden: the pictures.
        weights: `(M, 9 C, H)`, row `9 c + 3 i + j` for channel c and pixel (i, j) of the window.
    """
    kernels = weights.transpose(1, 2).reshape(len(weights), weights.shape[2], -1, KERNEL, KERNEL)
    return _one_by_one(hidden, kernels) if hidden.device.type == "cpu" else grouped(hidden, kernels)


def _one_by_one(hidden: Tensor, kernels: Tensor) -> Tensor:
    """A CPU's order: each member's pictures and kernels stay in the cache of its core."""
    pictures = hidden.permute(0, 1, 4, 2, 3)
    each = [
        F.conv2d(own.contiguous(memory_format=torch.channels_last), kernel, padding=KERNEL // 2)
        for own, kernel in zip(pictures, kernels, strict=True)
    ]
    return torch.stack([done.permute(0, 2, 3, 1) for done in each])


def grouped(hidden: Tensor, kernels: Tensor) -> Tensor:
    """A GPU's order: all members at once, a group of channels each."""
    members, batch, height, width, _ = hidden.shape
    stacked = hidden.permute(1, 0, 4, 2, 3).reshape(batch, -1, height, width)
    done = F.conv2d(stacked, kernels.flatten(0, 1), padding=KERNEL // 2, groups=members)
    return done.view(batch, members, -1, height, width).permute(1, 0, 3, 4, 2)


def _pooled(hidden: Tensor) -> Tensor:
    """The largest of each 2 x 2 pixels; a side of 1 stays as it is."""
    height, width = hidden.shape[2:4]
    pictures = hidden.flatten(0, 1).permute(0, 3, 1, 2)
    pooled = F.max_pool2d(pictures, (min(2, height), min(2, width)))
    return pooled.permute(0, 2, 3, 1).view(*hidden.shape[:2], *pooled.shape[2:], pooled.shape[1])
