"""Units that do nothing, found and taken out of a network whose weights are sparse; the function stays the same.

Shapes: U units (or inputs, or channels) that come into a layer, H units of the layer, k weights from one to another: 9
of a convolution's window; as many as there are pixels where a dense layer follows a convolution; else 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Layer:
    r"""A layer $\text{gain} \cdot (W^T x) + \text{bias}$: batch norm, if there was any, is in gain and bias.

    Args:
        weights: `(U, k, H)` float32, as trained.
        gain: `(H,)`; 1 without batch norm.
        bias: `(H,)`.
        window: whether it is a convolution, which sees zeros around a picture.
    """

    weights: npt.NDArray[np.float32]
    gain: Floats
    bias: Floats
    window: bool = False

    @property
    def gained(self) -> bool:
        """Whether the gain does anything."""
        return bool((self.gain != 1.0).any())

    @property
    def parameters(self) -> int:
        """Weights, biases and gains."""
        return self.weights.size + self.bias.size + self.gained * self.gain.size

    @property
    def connected(self) -> Mask:
        """Where a weight that counts isn't 0, `(U, H)`."""
        return np.asarray((self.weights != 0).any(1) & (self.gain != 0))

    @property
    def heard(self) -> Mask:
        """Which of the units before it send it anything, `(U,)`."""
        return np.asarray(self.connected.any(1))

    @property
    def still(self) -> Mask:
        """Which of its units are constants, `(H,)`."""
        return np.asarray(~self.connected.any(0))

    def only(self, units: npt.NDArray[np.int64]) -> Layer:
        """The layer for some of what comes into it, in this order; the others are taken to be 0."""
        return replace(self, weights=self.weights[units])


@dataclass(frozen=True, eq=False)
class Pruned:
    """A network without the units that did nothing.

    Args:
        layers: ReLU stands between them.
        inputs: `(D',)` the places, of the D inputs, of those that are left, rising; 1 or more.
    """

    layers: tuple[Layer, ...]
    inputs: npt.NDArray[np.int64]

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return tuple(len(layer.bias) for layer in self.layers[:-1])

    @property
    def parameters(self) -> int:
        """Weights, biases and gains."""
        return sum(layer.parameters for layer in self.layers)


def prune(layers: Sequence[Layer], idle: Mask | None = None) -> Pruned:
    r"""Drop what a network's outputs can't depend on.

    A unit without incoming weights is a constant, $\max(\text{bias}, 0)$: what it sends goes into the next layer's
    biases. A unit without outgoing weights is left out, and so is an input. Both travel: a unit that is only heard by
    such units is one of them.

    Args:
        layers: first to last, ReLU between them.
        idle: `(D,)` inputs that are always 0; None for none. Where the first layer is a convolution its inputs are
            channels, and all stay.

    Returns:
        The same function up to rounding. A layer keeps one unit at least, and the network one input, without weights.

    Note:
        A constant channel before a convolution stays, unless it is 0: beside the picture's edge it isn't constant, for
        the zeros around it are not it.

    Example:
        >>> first = Layer(np.array([[[1, 0]], [[0, 0]]], np.float32), np.ones(2), np.array([0.0, 3.0]))
        >>> second = Layer(np.array([[[2]], [[5]]], np.float32), np.ones(1), np.zeros(1))
        >>> small = prune([first, second])
        >>> small.inputs.tolist(), small.hidden, small.layers[1].bias.tolist()
        ([0], (1,), [15.0])
    """
    parts = list(layers)
    if idle is not None:
        parts[0] = _without_weights(parts[0], idle)
    for place in range(1, len(parts)):
        parts[place] = _constants_folded(parts[place - 1], parts[place])
    for place in reversed(range(len(parts) - 1)):
        parts[place], parts[place + 1] = _without_unheard(parts[place], parts[place + 1])
    if parts[0].window:
        return Pruned(tuple(parts), np.arange(len(parts[0].weights)))
    heard = parts[0].heard
    heard[0] |= not heard.any()
    parts[0] = parts[0].only(np.flatnonzero(heard))
    return Pruned(tuple(parts), np.flatnonzero(heard))


def _constants_folded(layer: Layer, following: Layer) -> Layer:
    """The next layer, with what constant units send in its bias, and deaf to them."""
    sent = np.maximum(layer.bias, 0.0)
    still = layer.still & (sent == 0) if following.window else layer.still
    weights = following.weights.astype(np.float64).sum(1)
    bias = following.bias + following.gain * (np.where(still, sent, 0.0) @ weights)
    return replace(_without_weights(following, still), bias=bias)


def _without_weights(layer: Layer, units: Mask) -> Layer:
    """A layer that doesn't hear some of the units before it."""
    return replace(layer, weights=np.where(units[:, None, None], np.float32(0), layer.weights))


def _without_unheard(layer: Layer, following: Layer) -> tuple[Layer, Layer]:
    """Two layers without the units between them that the second doesn't hear."""
    heard = following.heard
    if not heard.any():
        layer = replace(layer, weights=np.zeros_like(layer.weights))
        heard[0] = True
    own = replace(layer, weights=layer.weights[:, :, heard], gain=layer.gain[heard], bias=layer.bias[heard])
    return own, replace(following, weights=following.weights[heard])
