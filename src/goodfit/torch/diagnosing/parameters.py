"""Which of a module's parameters are weights, which are biases and which belong to a norm layer."""

from __future__ import annotations

import math
from typing import Literal

from torch import nn

from goodfit.torch.weights import NORMS

Kind = Literal["weights", "bias", "norm", "scale"]


def kinds_of(module: nn.Module) -> dict[str, tuple[nn.Parameter, Kind]]:
    """Each parameter once, under its first name, with its kind.

    A norm is a parameter of a layer that normalizes; a bias is called so; of the others those with two or more axes are
    weights and those with fewer scales.

    Example:
        >>> layers = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
        >>> {name: kind for name, (_, kind) in kinds_of(layers).items()}
        {'0.weight': 'weights', '0.bias': 'bias', '1.weight': 'norm', '1.bias': 'norm'}
    """
    found: dict[str, tuple[nn.Parameter, Kind]] = {}
    known: set[int] = set()
    for path, part in module.named_modules():
        for name, parameter in part.named_parameters(recurse=False):
            if id(parameter) not in known:
                known.add(id(parameter))
                found[f"{path}.{name}" if path else name] = (parameter, _kind(part, name, parameter))
    return found


def inputs_of(parameter: nn.Parameter, owner: nn.Module | None) -> int:
    """How many numbers a unit of a layer sums up; 1 for an embedding, which sums none."""
    return 1 if isinstance(owner, nn.Embedding | nn.EmbeddingBag) else max(1, math.prod(parameter.shape[1:]))


def _kind(part: nn.Module, name: str, parameter: nn.Parameter) -> Kind:
    if isinstance(part, NORMS) or type(part).__name__.endswith("Norm"):
        return "norm"
    if name.startswith("bias") or name.endswith("bias"):
        return "bias"
    return "weights" if parameter.ndim > 1 else "scale"
