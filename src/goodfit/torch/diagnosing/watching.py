"""What goes through a module while it predicts: ranges of its units, inputs of batch norm, dropout that stays on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode

ACTIVATIONS = (
    "relu",
    "relu_",
    "relu6",
    "gelu",
    "elu",
    "elu_",
    "selu",
    "celu",
    "leaky_relu",
    "leaky_relu_",
    "silu",
    "mish",
    "hardswish",
    "hardtanh",
    "hardsigmoid",
    "tanh",
    "tanh_",
    "sigmoid",
    "sigmoid_",
    "softplus",
    "prelu",
)
DROPOUTS = (
    "dropout",
    "dropout_",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "alpha_dropout_",
    "feature_dropout",
    "feature_dropout_",
    "feature_alpha_dropout",
    "feature_alpha_dropout_",
    "scaled_dot_product_attention",
)
SIGMOIDS = ("sigmoid", "sigmoid_")


@dataclass(eq=False)
class Ranges:
    """The least and the greatest value of each unit of a layer so far.

    Args:
        low: `(H,)`.
        high: `(H,)`.
        values: how many values of each unit were seen.
    """

    low: Tensor
    high: Tensor
    values: int = 0

    def add(self, table: Tensor) -> None:
        """See more values `(n, H)`."""
        self.low = torch.minimum(self.low, table.amin(0))
        self.high = torch.maximum(self.high, table.amax(0))
        self.values += len(table)


@dataclass(eq=False)
class Moments:
    """Sums of the values of each channel in front of a batch norm.

    Args:
        total: `(H,)`.
        squares: `(H,)`.
        values: how many values of each channel were seen.
        batches: how many of these each batch held.
    """

    total: Tensor
    squares: Tensor
    values: int = 0
    batches: list[int] = field(default_factory=list)

    @property
    def mean(self) -> Tensor:
        """`(H,)`."""
        return self.total / self.values

    @property
    def variance(self) -> Tensor:
        """`(H,)`, divided by the number of values."""
        return (self.squares / self.values - self.mean**2).clamp_min(0)

    def add(self, table: Tensor) -> None:
        """See the values `(n, H)` of a batch."""
        self.total += table.double().sum(0)
        self.squares += (table.double() ** 2).sum(0)
        self.values += len(table)
        self.batches.append(len(table))


class Watch(TorchFunctionMode):
    """Sees a module's layers and the functions that they call.

    Attributes:
        ranges: of each layer with weights, by its name; after its activation where it has one.
        order: layers with weights, norms and dropouts, as they were first called: kind and name.
        left_on: functions that dropped values, with their share.
        sigmoid: address of the last result of a sigmoid.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ranges: dict[str, Ranges] = {}
        self.activated: set[str] = set()
        self.order: list[tuple[str, str]] = []
        self.left_on: dict[str, float] = {}
        self.sigmoid = 0
        self._layer: tuple[str, int, int] | None = None

    def __torch_function__(self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        result = function(*args, **named)
        name = getattr(function, "__name__", "")
        if name in DROPOUTS:
            share = _dropped(name, args, named)
            if share > 0:
                self.left_on[name] = max(share, self.left_on.get(name, 0.0))
        elif name in ACTIVATIONS and isinstance(result, Tensor):
            self._activation(result)
            if name in SIGMOIDS:
                self.sigmoid = result.untyped_storage().data_ptr()
        return result

    def layer(self, name: str, part: nn.Module, result: Any) -> None:
        """See what a layer with weights gives."""
        found = result[0] if isinstance(result, tuple) and not isinstance(result, PackedSequence) else result
        found = found.data if isinstance(found, PackedSequence) else found
        self.note("weights", name)
        if isinstance(found, Tensor) and found.is_floating_point() and found.ndim:
            axis = _unit_axis(part, found)
            self._layer = (name, axis, found.shape[axis])
            if name not in self.activated:
                self._add(name, found, axis)

    def note(self, kind: str, name: str) -> None:
        """Keep the order in which layers are called first."""
        if (kind, name) not in self.order:
            self.order.append((kind, name))

    def _activation(self, result: Tensor) -> None:
        """Of the layer called last, if it has as many units."""
        if self._layer is None or not result.is_floating_point():
            return
        name, axis, units = self._layer
        if result.ndim == 0 or not -result.ndim <= axis < result.ndim or result.shape[axis] != units:
            return
        if name not in self.activated:
            self.activated.add(name)
            self.ranges.pop(name, None)
        self._add(name, result, axis)

    def _add(self, name: str, values: Tensor, axis: int) -> None:
        table = values.detach().movedim(axis, -1).reshape(-1, values.shape[axis])
        if not table.numel():
            return
        if name not in self.ranges:
            far = torch.full((table.shape[1],), torch.inf, device=table.device, dtype=table.dtype)
            self.ranges[name] = Ranges(far, -far)
        if len(self.ranges[name].low) == table.shape[1]:
            self.ranges[name].add(table)


@contextmanager
def watched(module: nn.Module) -> Iterator[Watch]:
    """See all that a module does until the context is left."""
    watch = Watch()
    hooks = []
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear | _ConvNd | nn.RNNBase | nn.RNNCellBase | nn.Bilinear):
            hooks.append(part.register_forward_hook(_layer_hook(watch, name)))
        elif isinstance(part, _BatchNorm | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm):
            hooks.append(part.register_forward_hook(_order_hook(watch, "norm", name)))
        elif isinstance(part, _DropoutNd) and part.p > 0:
            hooks.append(part.register_forward_hook(_order_hook(watch, "dropout", name)))
    try:
        with watch:
            yield watch
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def batch_norms_watched(module: nn.Module) -> Iterator[dict[str, Moments]]:
    """The moments of what goes into each batch norm until the context is left, by the layer's name."""
    found: dict[str, Moments] = {}
    layers = {name: part for name, part in module.named_modules() if isinstance(part, _BatchNorm)}
    hooks = [part.register_forward_pre_hook(_moments_hook(found, name)) for name, part in layers.items()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _layer_hook(watch: Watch, name: str) -> Callable[[nn.Module, Any, Any], None]:
    return lambda part, _, result: watch.layer(name, part, result)


def _order_hook(watch: Watch, kind: str, name: str) -> Callable[[nn.Module, Any, Any], None]:
    return lambda *_: watch.note(kind, name)


def _moments_hook(found: dict[str, Moments], name: str) -> Callable[[nn.Module, Any], None]:
    def see(part: nn.Module, given: Any) -> None:
        values = given[0].detach()
        table = values.movedim(1, -1).reshape(-1, values.shape[1])
        if name not in found:
            nothing = torch.zeros(table.shape[1], dtype=torch.float64, device=table.device)
            found[name] = Moments(nothing, nothing.clone())
        found[name].add(table)

    return see


def _unit_axis(part: nn.Module, values: Tensor) -> int:
    """Convolutions have their channels in front of as many axes as the kernel has; all else has units last."""
    return -1 - len(part.kernel_size) if isinstance(part, _ConvNd) and values.ndim > len(part.kernel_size) else -1


def _dropped(name: str, args: Any, named: Any) -> float:
    """The share of values that a call drops; 0 where it is off. Defaults differ between torch's functions."""
    if name == "scaled_dot_product_attention":
        return float(named.get("dropout_p", args[4] if len(args) > 4 else 0.0))
    share = float(named.get("p", args[1] if len(args) > 1 else 0.5))
    default = not name.startswith(("alpha", "feature_alpha"))
    on = named.get("training", named.get("train", args[2] if len(args) > 2 else default))
    return share if on else 0.0
