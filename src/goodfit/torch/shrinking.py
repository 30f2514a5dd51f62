"""L1 around Adam's steps on a CPU, in one pass over the weights: by the compiled engine, where it is there."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from goodfit.regularizers import L1
from goodfit.regularizers.places import Proximal
from goodfit.torch.steps import Group, State, second_moment
from goodfit.training.native import load_library


def shrunk(technique: Proximal, optimizer: Optimizer, group: Group, state: State, weights: Tensor) -> bool:
    """Take the proximal step of a technique in place; whether that could be done here.

    Args:
        technique: L1, or another, for which nothing is done.
        optimizer: likewise Adam.
        group: of the weights.
        state: what the optimizer keeps of them.
        weights: float32 in memory without gaps, or others, for which nothing is done.
    """
    if not (isinstance(technique, L1) and isinstance(optimizer, Adam) and _plain(weights)):
        return False
    shrink, second = getattr(load_library(), "goodfit_shrink_adam", None), second_moment(group, state)
    if shrink is None or not _plain(second):
        return False
    correction = (1.0 - group["betas"][1] ** float(state["step"])) ** -0.5
    sizes = (float(group["lr"]), correction, group["eps"], float(technique.strength))
    shrink(weights.data_ptr(), second.data_ptr(), weights.numel(), *sizes)
    return True


def _plain(values: Tensor) -> bool:
    return values.dtype == torch.float32 and values.device.type == "cpu" and values.is_contiguous()
