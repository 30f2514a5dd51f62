"""Batch norm's running statistics, computed anew for the weights as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.errors import InputError
from goodfit.torch.layers import BATCH_NORMS


def refresh_statistics(module: nn.Module, batches: Iterable[Any]) -> None:
    """Make each running mean and variance the mean over batches of the batch's own.

    Args:
        module: whose weights have changed since its statistics were kept, as averaged weights have.
        batches: of training rows: inputs, pairs of inputs and targets, or mappings of the module's arguments.

    Raises:
        InputError: there is no batch.

    Source: Izmailov and others, "Averaging weights leads to wider optima", UAI 2018.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, BATCH_NORMS) and layer.track_running_stats]
    modes, momenta = [(layer, layer.training) for layer in module.modules()], [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum, norm.training = None, True
    said = 0
    try:
        with torch.no_grad():
            for batch in batches:
                call(module, batch)
                said += 1
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for layer, mode in modes:
            layer.training = mode
    if norms and not said:
        raise InputError("there is no batch to compute batch norm's statistics from: give the training loader")


def call(module: nn.Module, batch: Any) -> Any:
    """What a module says of a batch's inputs, which are brought to its device."""
    device = next(module.parameters()).device
    if isinstance(batch, Mapping):
        return module(**{key: _moved(value, device) for key, value in batch.items()})
    inputs = batch[0] if isinstance(batch, list | tuple) else batch
    every = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*(_moved(value, device) for value in every))


def _moved(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
