"""The shape of a network, and the parameters of M of them as the rows of one matrix.

Shapes: M members, D inputs, H units of a layer, K outputs, P parameters of one network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from goodfit.rng import Purpose, Streams

KERNEL = 3
"""Pixels on a side of a convolution's window."""


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in a network's vector of P: all weights first, then all that is not a weight.

    A convolution is a linear layer on the window around each pixel: its weights are `(9 C, H)` for C channels in and H
    out. After each, the picture is halved by max pooling; what is left of it are the inputs of the dense layers.

    Args:
        sizes: inputs, hidden units a dense layer, outputs; `(D, K)` is a linear model. With convolutions D is the
            number of a picture's values, not of what reaches the dense layers.
        batch_norm: whether hidden layers have a scale γ and a shift β for batch norm.
        picture: channels, height and width of the inputs; `()` without convolutions.
        channels: units of each convolution; `()` without.
        scaling: whether a scaling layer stands before the first one while it trains: a factor an input.
    """

    sizes: tuple[int, ...]
    batch_norm: bool = False
    picture: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    scaling: bool = False

    @property
    def dense(self) -> tuple[int, ...]:
        """Units of each hidden layer that is no convolution."""
        return self.sizes[1:-1]

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each hidden layer, convolutions first."""
        return self.channels + self.dense

    @cached_property
    def pictures(self) -> tuple[tuple[int, int, int], ...]:
        """Channels, height and width of what goes into each convolution, and of what comes out of the last."""
        if not self.channels:
            return ()
        shapes = [(self.picture[0], self.picture[1], self.picture[2])]
        for units in self.channels:
            _, height, width = shapes[-1]
            shapes.append((units, halved(height), halved(width)))
        return tuple(shapes)

    @cached_property
    def weight_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes `(D, H)` of the weights a layer, convolutions first."""
        kernels = [(KERNEL**2 * a[0], b[0]) for a, b in pairwise(self.pictures)]
        flat = math.prod(self.pictures[-1]) if self.pictures else self.sizes[0]
        return (*kernels, *pairwise((flat, *self.sizes[1:])))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Shapes in the order of the vector: weights `(D, H)`, biases, γ and β `(1, H)`, factors of inputs `(1, D)`."""
        biases = [(1, units) for _, units in self.weight_shapes]
        norms = [(1, units) for units in self.hidden] * 2 if self.batch_norm else []
        factors = [(1, self.sizes[0])] if self.scaling else []
        return [*self.weight_shapes, *biases, *norms, *factors]

    @property
    def weights(self) -> int:
        """How many of the parameters are weights."""
        return sum(d * h for d, h in self.weight_shapes)

    @property
    def total(self) -> int:
        """P, the parameters of one network."""
        return sum(a * b for a, b in self.shapes)

    @cached_property
    def products(self) -> int:
        """Multiplications of weights by inputs for a row: a convolution's weights count once a pixel."""
        pixels = [height * width for _, height, width in self.pictures[:-1]]
        times = pixels + [1] * (len(self.weight_shapes) - len(pixels))
        return sum(d * h * often for (d, h), often in zip(self.weight_shapes, times, strict=True))

    @property
    def plain(self) -> Layout:
        """The same without a scaling layer: the first of its parameters are those of a network that was folded."""
        return replace(self, scaling=False)

    @property
    def statistics(self) -> int:
        """R, batch norm's running means and variances of one network."""
        return 2 * sum(self.hidden) if self.batch_norm else 0


def halved(pixels: int) -> int:
    """A side of a picture after pooling; one of 1 stays."""
    return max(1, pixels // 2)


@dataclass(frozen=True)
class Parameters:
    """The parameters of M networks, a tensor a layer.

    Args:
        weights: `(M, D, H)` a layer.
        biases: `(M, 1, H)` a layer.
        scales: γ, `(M, 1, H)` a hidden layer; empty without batch norm.
        shifts: β, likewise.
        factors: of the inputs, one `(M, 1, D)`; empty without a scaling layer.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    scales: list[Tensor]
    shifts: list[Tensor]
    factors: list[Tensor]

    @property
    def others(self) -> list[Tensor]:
        """All that is neither a weight nor a factor of an input."""
        return self.biases + self.scales + self.shifts

    @property
    def all(self) -> list[Tensor]:
        """All tensors in the order of the vector."""
        return self.weights + self.others + self.factors

    @property
    def folded(self) -> Parameters:
        """The network that a scaling layer and the one behind it are: factors times the first weights."""
        if not self.factors:
            return self
        first = self.weights[0] * self.factors[0].transpose(1, 2)
        return replace(self, weights=[first, *self.weights[1:]], factors=[])


def views(flat: Tensor, layout: Layout) -> Parameters:
    """The parameters as views of the matrix `(M, P)` that holds them."""
    parts, start = [], 0
    for rows, columns in layout.shapes:
        parts.append(flat[:, start : start + rows * columns].view(-1, rows, columns))
        start += rows * columns
    layers, hidden = len(layout.weight_shapes), len(layout.hidden) if layout.batch_norm else 0
    ends = [0, layers, 2 * layers, 2 * layers + hidden, 2 * layers + 2 * hidden, len(parts)]
    return Parameters(*(parts[start:end] for start, end in pairwise(ends)))


def folded(flat: Tensor, layout: Layout) -> Tensor:
    """Parameters `(M, P)` of the same networks with factors of 1: themselves where the layout has no scaling layer."""
    if not layout.scaling:
        return flat
    flat = flat.clone()
    parameters = views(flat, layout)
    parameters.weights[0].mul_(parameters.factors[0].transpose(1, 2))
    parameters.factors[0].fill_(1.0)
    return flat


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
    for ones in parameters.scales + parameters.factors:
        ones.fill_(1.0)
    parameters.biases[-1].copy_(output_bias[:, None, :])
    return flat
