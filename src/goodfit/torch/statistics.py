"""Batch norm's running statistics, computed anew for the weights as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from goodfit.errors import InputError
from goodfit.torch.batches import inputs_alone
from goodfit.torch.calling import call
from goodfit.torch.layers import BATCH_NORMS


def refresh_statistics(module: nn.Module, batches: Iterable[Any]) -> None:
    """Make each running mean and variance the mean over batches of the batch's own.

    Args:
        module: whose weights have changed since its statistics were kept, as averaged weights have.
        batches: of training rows: inputs, alone or with targets; several inputs or dicts of them too.

    Raises:
        InputError: there is no batch, or one that the module can't take.

    Source: Izmailov and others, "Averaging weights leads to wider optima", UAI 2018.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, BATCH_NORMS) and layer.track_running_stats]
    modes, momenta = [(layer, layer.training) for layer in module.modules()], [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum, norm.training = None, True
    said, device = 0, next(module.parameters()).device
    try:
        with torch.no_grad():
            for said, given in enumerate(batches, 1):
                where = f"batch {said} of the training loader"
                call(module, inputs_alone(given).to(device), where)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for layer, mode in modes:
            layer.training = mode
    if norms and not said:
        raise InputError("there is no batch to compute batch norm's statistics from: give the training loader")
