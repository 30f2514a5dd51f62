"""Stacked multilayer perceptrons: M networks whose parameters are the rows of one matrix.

Shapes: M members, B rows, D inputs, H units of a layer, K outputs, P parameters of one network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from goodfit.rng import Purpose, Streams

Hook = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in a network's vector of P: all weights first, then all that is not a weight.

    Args:
        sizes: inputs, hidden units a layer, outputs; `(D, K)` is a linear model.
        batch_norm: whether hidden layers have a scale γ and a shift β for batch norm.
    """

    sizes: tuple[int, ...]
    batch_norm: bool = False

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return self.sizes[1:-1]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes in the order of the vector: weights `(D, H)`, biases `(1, H)`, then γ and β `(1, H)`."""
        weights = list(pairwise(self.sizes))
        biases = [(1, units) for units in self.sizes[1:]]
        norms = [(1, units) for units in self.hidden] * 2 if self.batch_norm else []
        return weights + biases + norms

    @property
    def weights(self) -> int:
        """How many of the parameters are weights."""
        return sum(d * h for d, h in pairwise(self.sizes))

    @property
    def total(self) -> int:
        """P, the parameters of one network."""
        return sum(a * b for a, b in self.shapes)


@dataclass(frozen=True)
class Parameters:
    """The parameters of M networks, a tensor a layer.

    Args:
        weights: `(M, D, H)` a layer.
        biases: `(M, 1, H)` a layer.
        scales: γ, `(M, 1, H)` a hidden layer; empty without batch norm.
        shifts: β, likewise.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    scales: list[Tensor]
    shifts: list[Tensor]

    @property
    def others(self) -> list[Tensor]:
        """All that is not a weight."""
        return self.biases + self.scales + self.shifts

    @property
    def all(self) -> list[Tensor]:
        """All tensors in the order of the vector."""
        return self.weights + self.others


def views(flat: Tensor, layout: Layout) -> Parameters:
    """The parameters as views of the matrix `(M, P)` that holds them."""
    parts, start = [], 0
    for rows, columns in layout.shapes:
        parts.append(flat[:, start : start + rows * columns].view(-1, rows, columns))
        start += rows * columns
    layers, hidden = len(layout.sizes) - 1, len(layout.hidden) if layout.batch_norm else 0
    cut = 2 * layers
    return Parameters(parts[:layers], parts[layers:cut], parts[cut : cut + hidden], parts[cut + hidden :])


def initialize(layout: Layout, streams: Streams, output_bias: Tensor) -> Tensor:
    """Initial parameters `(M, P)`, a function of each member's seed alone.

    Weights are uniform within ±1/sqrt(D), as in torch's Linear, and biases 0; a linear model starts at 0. The output
    bias starts at the best constant prediction. Larger weights (He and others, 2015) would fit noise sooner: each step
    of Adam then changes them less in proportion.

    Args:
        layout: the networks' shape.
        streams: the members' random streams.
        output_bias: `(M, K)`.
    """
    flat = torch.zeros(len(streams.base), layout.total, device=streams.base.device)
    parameters = views(flat, layout)
    for layer, weights in enumerate(parameters.weights):
        inputs, units = weights.shape[1:]
        reach = 1.0 / math.sqrt(inputs) if layout.hidden else 0.0
        draw = streams.at(Purpose.WEIGHTS, place=layer).uniform(inputs * units)
        weights.copy_((2.0 * draw - 1.0).view_as(weights) * reach)
    for scale in parameters.scales:
        scale.fill_(1.0)
    parameters.biases[-1].copy_(output_bias[:, None, :])
    return flat


def forward(parameters: Parameters, rows: Tensor, *, normalize: Hook, drop: Hook, rounded: bool = False) -> Tensor:
    """The outputs `(M, B, K)` of M networks for their rows `(M, B, D)`.

    Args:
        parameters: the networks.
        rows: each member's rows.
        normalize: what happens to hidden layer i before its nonlinearity.
        drop: what happens to the inputs (layer 0) and to hidden layer i (layer i + 1) after it.
        rounded: whether products are made in bfloat16; everything else stays in float32.
    """
    hidden = drop(rows, 0)
    last = len(parameters.weights) - 1
    for layer, (weights, biases) in enumerate(zip(parameters.weights, parameters.biases, strict=True)):
        hidden = _rounded_product(hidden, weights) + biases if rounded else torch.baddbmm(biases, hidden, weights)
        if layer < last:
            hidden = drop(torch.relu(normalize(hidden, layer)), layer + 1)
    return hidden


def _rounded_product(rows: Tensor, weights: Tensor) -> Tensor:
    return torch.bmm(rows.to(torch.bfloat16), weights.to(torch.bfloat16)).to(rows.dtype)
