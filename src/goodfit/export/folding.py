"""A trained network as layers: batch norm folded into each layer's gain and bias."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from goodfit.export.pruning import Layer
from goodfit.model import Model
from goodfit.networks import Layout, views
from goodfit.networks.layout import KERNEL
from goodfit.regularizers import BatchNorm
from goodfit.training.normalization import layer_statistics


def layers_of(model: Model, member: int) -> tuple[Layer, ...]:
    r"""A network's layers in inference mode.

    With batch norm of strength s, running mean m and variance v, scale γ and shift β, a layer $W^T x + b$ hands on

        gain = 1 - s + s γ / sqrt(v + ε),    bias = gain b + s (β - γ m / sqrt(v + ε)).

    Args:
        model: whose network.
        member: its place.
    """
    layout = model.layout
    parts = views(torch.from_numpy(model.parameters[member : member + 1]), layout)
    running = layer_statistics(torch.from_numpy(model.statistics[member : member + 1]), layout)
    norm = model.recipe.get(BatchNorm)
    found = []
    for place, (weights, biases) in enumerate(zip(parts.weights, parts.biases, strict=True)):
        bias = biases[0, 0].double().numpy()
        gain = np.ones_like(bias)
        if norm is not None and place < len(layout.hidden):
            every = (parts.scales, parts.shifts, *running)
            scale, shift, mean, variance = (values[place][0, 0].double().numpy() for values in every)
            share, slope = float(norm.strength), scale / np.sqrt(variance + float(norm.eps))
            gain = 1.0 - share + share * slope
            bias = gain * bias + share * (shift - slope * mean)
        found.append(Layer(_by_unit(weights[0].numpy(), layout, place), gain, bias, place < len(layout.channels)))
    return tuple(found)


def _by_unit(weights: npt.NDArray[np.float32], layout: Layout, place: int) -> npt.NDArray[np.float32]:
    """Weights `(D, H)` as `(U, k, H)`, by the unit that each comes from."""
    units = weights.shape[1]
    if place < len(layout.channels):
        return weights.reshape(-1, KERNEL**2, units)
    if layout.channels and place == len(layout.channels):
        return weights.reshape(-1, layout.channels[-1], units).transpose(1, 0, 2)
    return weights[:, None, :]
