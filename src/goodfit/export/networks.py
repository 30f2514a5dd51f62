"""A network's layers, and what its outputs mean, as nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goodfit.data.target import TargetScale
from goodfit.export.graph import DOUBLE, Graph
from goodfit.export.pruning import Layer
from goodfit.metrics import Task
from goodfit.networks.layout import KERNEL, halved
from goodfit.tempering import SMALLEST


def perceive(graph: Graph, layers: Sequence[Layer], hidden: str) -> str:
    """Outputs `(N, K)` of dense layers for `(N, D)`, in double precision.

    Weights are kept as they were trained, in single precision: a runtime turns them into doubles, times the gain of
    batch norm, once when it loads the file.
    """
    for place, layer in enumerate(layers):
        if place:
            hidden = graph.apply("Relu", hidden)
        weights = graph.cast(layer.weights.reshape(-1, layer.weights.shape[2]), DOUBLE)
        if layer.gained:
            weights = graph.apply("Mul", weights, layer.gain[None])
        hidden = graph.apply("Add", graph.apply("MatMul", hidden, weights), layer.bias[None])
    return hidden


def convolve(graph: Graph, layers: Sequence[Layer], pictures: str, sides: tuple[int, int]) -> str:
    """What convolutions `(N, C, height, width)` hand on to dense layers, `(N, F)` double: channels, then pixels.

    Runtimes convolve in single precision only.
    """
    for layer in layers:
        kernels = (layer.weights * layer.gain).astype(np.float32).transpose(2, 0, 1)
        kernels = np.ascontiguousarray(kernels).reshape(*kernels.shape[:2], KERNEL, KERNEL)
        around = {"pads": [KERNEL // 2] * 4}
        hidden = graph.apply("Conv", pictures, kernels, layer.bias.astype(np.float32), attributes=around)
        size = [min(2, side) for side in sides]
        hidden = graph.apply("MaxPool", hidden, attributes={"kernel_shape": size, "strides": size})
        pictures, sides = graph.apply("Relu", hidden), (halved(sides[0]), halved(sides[1]))
    return graph.cast(graph.apply("Flatten", pictures), DOUBLE)


def predicted(graph: Graph, outputs: str, task: Task, scale: TargetScale | None) -> str:
    """Class probabilities `(N, C)` of outputs `(N, K)`, or numbers `(N, 1)` in the target's unit."""
    if scale is not None:
        return graph.apply("Add", graph.apply("Mul", outputs, scale.scale), scale.center)
    if task == "binary":
        both = graph.join([graph.apply("Neg", outputs), outputs])
        return graph.apply("Sigmoid", both)
    return graph.apply("Softmax", outputs, attributes={"axis": 1})


def mixed(graph: Graph, values: Sequence[str], shares: Sequence[float]) -> str:
    """The sum of values, each times its share."""
    parts = [graph.apply("Mul", value, share) for value, share in zip(values, shares, strict=True)]
    return graph.apply("Sum", *parts)


def tempered(graph: Graph, probabilities: str, temperature: float) -> str:
    """`goodfit.tempering.tempered`."""
    if temperature == 1:
        return probabilities
    logs = graph.apply("Log", graph.apply("Max", probabilities, SMALLEST))
    return graph.apply("Softmax", graph.apply("Div", logs, temperature), attributes={"axis": 1})
