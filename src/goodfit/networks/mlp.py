"""Stacked dense layers: M networks, each a multilayer perceptron on what comes into it.

Shapes: M members, B rows, D inputs, H units of a layer, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from goodfit.networks.layout import Parameters

Hook = Callable[[Tensor, int], Tensor]


def perceive(
    parameters: Parameters, hidden: Tensor, first: int, *, normalize: Hook, drop: Hook, rounded: bool
) -> Tensor:
    """The outputs `(M, B, K)` of M networks' layers from the first dense one on, for `(M, B, D)` that comes into it."""
    last = len(parameters.weights) - 1
    for layer in range(first, last + 1):
        weights, biases = parameters.weights[layer], parameters.biases[layer]
        hidden = _rounded_product(hidden, weights) + biases if rounded else torch.baddbmm(biases, hidden, weights)
        if layer < last:
            hidden = drop(torch.relu(normalize(hidden, layer)), layer + 1)
    return hidden


def _rounded_product(rows: Tensor, weights: Tensor) -> Tensor:
    return torch.bmm(rows.to(torch.bfloat16), weights.to(torch.bfloat16)).to(rows.dtype)
