"""Dropout and batch norm in the layers of a module: where they are, where they belong, and that they act there.

What is put in acts by hooks, so that no name of a layer changes and saved weights still fit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from goodfit.regularizers import BatchNorm, Dropout, Recipe

BATCH_NORMS = nn.modules.batchnorm._BatchNorm
LINEAR = nn.Linear | nn.modules.conv._ConvNd | nn.modules.conv._ConvTransposeNd | nn.Bilinear
INSIDE = nn.RNNBase | nn.MultiheadAttention
"""Layers with a dropout of their own inside."""
PUT_IN = "goodfit_batch_norm"
"""The name under which a batch norm that was put in is part of the layer in front of it."""


@dataclass(frozen=True)
class Change:
    """What was done to a layer, or would be if asked.

    Args:
        layer: its name; "" for the module itself.
        what: of it, for people.
        done: whether it was.
    """

    layer: str
    what: str
    done: bool = True

    def __str__(self) -> str:
        return f"{self.layer or 'the module'}: {self.what if self.done else f'would take {self.what} (insert=True)'}"


@dataclass(frozen=True)
class Drop:
    """A hook that drops a layer's outputs in training."""

    p: float

    def __call__(self, layer: nn.Module, *values: Any) -> Any:
        """Drop what it hands on."""
        if not layer.training:
            return None
        return dropped(values[-1], self.p)


@dataclass(frozen=True)
class DropInputs:
    """A hook that drops a layer's inputs in training, given in their order or by name."""

    p: float

    def __call__(self, layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The inputs, dropped."""
        if not layer.training:
            return None
        return tuple(dropped(v, self.p) for v in given), {key: dropped(v, self.p) for key, v in named.items()}


def dropped(value: Any, p: float) -> Any:
    """Real tensors dropped, other things as they are."""
    real = isinstance(value, Tensor) and value.is_floating_point()
    return functional.dropout(value, p) if real else value


@dataclass(frozen=True)
class Normalize:
    """A hook that normalizes a layer's outputs by the batch norm that was put into it, x + strength (y - x)."""

    strength: float

    def __call__(self, layer: nn.Module, inputs: Any, outputs: Tensor) -> Tensor:
        """The outputs, normalized."""
        rows = outputs.reshape(-1, outputs.shape[-1]) if isinstance(layer, nn.Linear) else outputs
        normalized: Tensor = layer.get_submodule(PUT_IN)(rows).reshape(outputs.shape)
        return normalized if self.strength == 1.0 else outputs + self.strength * (normalized - outputs)


def prepare_layers(module: nn.Module, recipe: Recipe, *, insert: bool) -> list[Change]:
    """Make a module's layers those of a recipe.

    Args:
        module: changed in place.
        recipe: whose dropout and batch norm act.
        insert: whether layers that are not there are put in.
    """
    guard_single_rows(module)
    norm, dropout = recipe.get(BatchNorm), recipe.get(Dropout)
    return [
        *(_normalized(module, norm, insert=insert) if norm else []),
        *(_dropped(module, dropout, insert=insert) if dropout else []),
        *(_moved_behind_norms(module, dropout) if norm or dropout else []),
    ]


# -- dropout -----------------------------------------------------------------------------------------------------------


def _dropped(module: nn.Module, dropout: Dropout, *, insert: bool) -> list[Change]:
    there = [*_set_dropout(module, dropout)]
    if there:
        return there
    doses = itertools.chain([float(dropout.input)], itertools.repeat(float(dropout.p)))
    places = [(name, layer, p) for (name, layer), p in zip(weight_layers(module), doses, strict=False) if p]
    for _, layer in weight_layers(module):
        _without_drops(layer._forward_pre_hooks)
    if insert:
        for _, layer, p in places:
            layer.register_forward_pre_hook(DropInputs(p), with_kwargs=True)
    return [Change(name, f"dropout of {p:g} in front of it", insert) for name, _, p in places]


def _set_dropout(module: nn.Module, dropout: Dropout) -> Iterator[Change]:
    """Give the dropout layers that are there the recipe's dose: those in front of all weights that for inputs."""
    last = [*module.children()][-1] if isinstance(module, nn.Sequential) and len(module) else None
    begun = False
    for name, layer in module.named_modules():
        begun = begun or isinstance(layer, LINEAR)
        if isinstance(layer, _DropoutNd):
            layer.p = 0.0 if layer is last else float(dropout.p if begun else dropout.input)
            yield Change(name, "would drop outputs: switched off" if layer is last else f"drops {layer.p:g}")
        elif isinstance(layer, INSIDE) and (layer.dropout or isinstance(layer, nn.MultiheadAttention)):
            layer.dropout = float(dropout.p)
            yield Change(name, f"drops {layer.dropout:g} inside")


def _moved_behind_norms(module: nn.Module, dropout: Dropout | None) -> Iterator[Change]:
    """A dropout in front of a batch norm, no weights between, acts behind it instead."""
    for name, holder in module.named_modules():
        if isinstance(holder, nn.Sequential):
            for (own, layer), (_, norm) in _dropout_before_norm(holder):
                p, layer.p = layer.p, 0.0
                if dropout:
                    _without_drops(norm._forward_hooks)
                if p:
                    norm.register_forward_hook(Drop(p))
                    full = f"{name}.{own}".lstrip(".")
                    yield Change(full, f"drops {p:g} behind the batch norm that follows it, not in front of it")


def _without_drops(hooks: dict[int, Any]) -> None:
    """Take out what was put in when the module was prepared before, as one that was pickled with its hooks was."""
    for key in [key for key, hook in hooks.items() if isinstance(hook, Drop | DropInputs)]:
        del hooks[key]


Named = tuple[str, Any]


def _dropout_before_norm(holder: nn.Sequential) -> Iterator[tuple[Named, Named]]:
    waiting: Named | None = None
    for own, layer in holder.named_children():
        if isinstance(layer, LINEAR):
            waiting = None
        elif isinstance(layer, _DropoutNd):
            waiting = (own, layer)
        elif isinstance(layer, BATCH_NORMS) and waiting:
            yield waiting, (own, layer)
            waiting = None


# -- batch norm --------------------------------------------------------------------------------------------------------


def _normalized(module: nn.Module, norm: BatchNorm, *, insert: bool) -> list[Change]:
    there = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, BATCH_NORMS)]
    for _, own in there:
        own.momentum, own.eps = float(norm.momentum), float(norm.eps)
    if there:
        return [Change(name, f"batch norm with momentum {norm.momentum:g}") for name, _ in there]
    places = weight_layers(module)[:-1]
    if insert:
        for _, layer in places:
            made = _batch_norm(layer, norm)
            guard_single_rows(made)
            layer.add_module(PUT_IN, made)
            layer.register_forward_hook(Normalize(float(norm.strength)), prepend=True)
    return [Change(name, "batch norm behind it", insert) for name, _ in places]


def _batch_norm(layer: nn.Module, norm: BatchNorm) -> nn.Module:
    kinds = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
    dimensions = len(layer.kernel_size) if isinstance(layer, nn.modules.conv._ConvNd) else 1
    units = layer.out_channels if isinstance(layer, nn.modules.conv._ConvNd) else layer.out_features
    like = next(layer.parameters())
    return kinds[dimensions](
        int(units),  # type: ignore[arg-type]
        eps=float(norm.eps),
        momentum=float(norm.momentum),
        device=like.device,
        dtype=like.dtype,
    )


def guard_single_rows(module: nn.Module) -> None:
    """Where a channel has one value, and so no variance, it is normalized by the running statistics and leaves them."""
    for layer in module.modules():
        if isinstance(layer, BATCH_NORMS) and layer.track_running_stats:
            layer.register_forward_pre_hook(_before_single, with_kwargs=True)
            layer.register_forward_hook(_after_single)


def _single(values: Tensor) -> bool:
    return values.dim() > 1 and values.numel() == values.shape[1]


def _before_single(layer: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
    if layer.training and all(map(_single, (*inputs, *named.values()))):
        layer.training = False
        layer.goodfit_single = True  # type: ignore[assignment]


def _after_single(layer: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
    if getattr(layer, "goodfit_single", False):
        layer.training = True
        del layer.goodfit_single


# -- which layers are there --------------------------------------------------------------------------------------------


def weight_layers(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Linear and convolutional layers, in the order in which they were put into the module; a shared one once.

    Not the last one of an attention, whose weights are used without a call of it.
    """
    return [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, LINEAR) and not isinstance(layer, NonDynamicallyQuantizableLinear)
    ]


def has_batch_norm(module: nn.Module) -> bool:
    """Whether any layer keeps running statistics."""
    return any(isinstance(layer, BATCH_NORMS) and layer.track_running_stats for layer in module.modules())
