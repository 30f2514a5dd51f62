"""Which of a module's parameters are weights, and which are biases and scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from goodfit.errors import InputError

Penalized = Callable[[str, nn.Parameter], bool]
"""Whether a parameter, given with its name, is treated as a weight."""

NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)
QUANTIZED = "torch.ao.nn.quantized"
TRANSPOSED = nn.modules.conv._ConvTransposeNd


@dataclass(frozen=True, eq=False)
class Parameter:
    """A parameter of a module.

    Args:
        name: its full name.
        values: the parameter itself.
        weight: whether it is a weight; biases and the scales and shifts of norm layers are none.
        units: the axis of the units that it leads into.
    """

    name: str
    values: nn.Parameter
    weight: bool
    units: int

    def matrix(self, values: Tensor) -> Tensor:
        """A tensor of the parameter's shape as `(D, H)`, a column for the weights into each unit."""
        if values.dim() < 2:
            return values.reshape(1, -1)
        if values.dim() == 2:
            return values if self.units else values.t()
        moved = values.movedim(self.units, -1)
        return moved.reshape(-1, moved.shape[-1])

    def shaped(self, matrix: Tensor) -> Tensor:
        """The inverse of `matrix`."""
        if self.values.dim() < 2:
            return matrix.reshape(self.values.shape)
        if self.values.dim() == 2:
            return matrix if self.units else matrix.t()
        shape = self.values.movedim(self.units, -1).shape
        return matrix.reshape(shape).movedim(-1, self.units)


def parameters_of(module: nn.Module, penalized: Penalized | None = None) -> tuple[Parameter, ...]:
    """A module's parameters that train, each once, however many layers share it.

    Weights are all of two or more dimensions outside norm layers whose own name doesn't begin with "bias".

    Args:
        module: any.
        penalized: says which are treated as weights instead.

    Raises:
        InputError: there are none that train, or some that no gradient can train: lazy, quantized, complex, sharded.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
        >>> [parameter.name for parameter in parameters_of(net) if parameter.weight]
        ['0.weight', '2.weight']
    """
    _check(module)
    found = []
    owners = {id(p): owner for owner in module.modules() for p in owner.parameters(recurse=False)}
    for name, values in module.named_parameters():
        if values.requires_grad:
            owner = owners[id(values)]
            weight = penalized(name, values) if penalized else _is_weight(name, values, owner)
            found.append(Parameter(name, values, weight, int(isinstance(owner, TRANSPOSED) and values.dim() > 1)))
    if not found:
        raise InputError("the module has no parameter that trains: give it some, or set requires_grad of those it has")
    return tuple(found)


def _is_weight(name: str, values: nn.Parameter, owner: nn.Module) -> bool:
    return values.dim() > 1 and not isinstance(owner, NORMS) and not name.rpartition(".")[2].startswith("bias")


def _check(module: nn.Module) -> None:
    for name, values in module.named_parameters():
        if isinstance(values, UninitializedParameter):
            raise InputError(f"{name} is lazy: run a batch through the module first, so that its shape is known")
        if hasattr(values, "device_mesh"):  # a DTensor, whose import takes a while and isn't there in every torch
            raise InputError(f"{name} is sharded over processes: use DistributedDataParallel, which keeps it whole")
        if values.is_complex():
            raise InputError(f"{name} is complex ({values.dtype}): penalties and steps are for real parameters")
        if not values.is_floating_point():
            raise InputError(f"{name} is quantized ({values.dtype}): regularize the module before it is quantized")
    for name, layer in module.named_modules():
        if type(layer).__module__.startswith(QUANTIZED) and hasattr(layer, "_packed_params"):
            raise InputError(f"{name or 'the module'} is quantized: regularize the module before it is quantized")
