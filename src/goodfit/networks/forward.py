"""From rows to outputs, for M networks at once."""

from __future__ import annotations

from torch import Tensor

from goodfit.networks.convolving import convolve
from goodfit.networks.layout import Layout, Parameters
from goodfit.networks.mlp import Hook, perceive


def forward(
    parameters: Parameters, rows: Tensor, layout: Layout, *, normalize: Hook, drop: Hook, rounded: bool = False
) -> Tensor:
    """The outputs `(M, B, K)` of M networks for their rows `(M, B, D)`.

    Args:
        parameters: the networks.
        rows: each member's rows.
        layout: the networks' shape.
        normalize: what happens to hidden layer i before its nonlinearity: `(M, B, H)`, or `(M, B height width, H)`
            after a convolution.
        drop: what happens to the inputs (layer 0) and to hidden layer i (layer i + 1) after it, `(M, B, ...)`.
        rounded: whether products are made in bfloat16; everything else stays in float32.
    """
    hidden = drop(rows, 0)
    first = len(layout.channels)
    if first:
        hidden = convolve(parameters, hidden, layout, normalize=normalize, drop=drop, rounded=rounded)
    return perceive(parameters, hidden, first, normalize=normalize, drop=drop, rounded=rounded)
