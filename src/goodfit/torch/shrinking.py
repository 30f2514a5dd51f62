"""L1 and group L1 around the steps of SGD and Adam on a CPU, in compiled code where it is there."""

from __future__ import annotations

import math

from torch.optim import Adam, Optimizer
from torch.optim.sgd import SGD

from goodfit.regularizers import L1, GroupL1
from goodfit.regularizers.places import Proximal
from goodfit.torch.holding import Holder, plain
from goodfit.torch.steps import Group, State, second_moment, step_size
from goodfit.torch.weights import Parameter
from goodfit.training.native import load_library

NAMES: dict[type, str] = {L1: "goodfit_shrink", GroupL1: "goodfit_shrink_groups"}


def shrunk(technique: Proximal, optimizer: Optimizer, group: Group, state: State, holder: Holder | None) -> bool:
    """Take the proximal step of a technique in place, and hold weights at 0; whether that could be done here.

    Args:
        technique: L1 or group L1, or another, for which nothing is done.
        optimizer: likewise SGD or Adam.
        group: of the weights.
        state: what the optimizer keeps of them.
        holder: of the weights, float32 in memory without gaps, or others, for which nothing is done.
    """
    if holder is None or not (isinstance(technique, L1 | GroupL1) and isinstance(optimizer, Adam | SGD)):
        return False
    shrink = getattr(load_library(), NAMES.get(type(technique), ""), None)  # a derived class has steps of its own
    second = second_moment(group, state) if isinstance(optimizer, Adam) else None
    weights, gradient = holder.values, holder.values.grad
    if shrink is None or gradient is None or not all(map(plain, (weights, gradient, second))):
        return False
    mean, zero, share = holder.learn()
    if second is None:
        sizes = (float(step_size(optimizer, group, state)), 0.0, 0.0)
    else:
        sizes = (float(group["lr"]), (1.0 - group["betas"][1] ** float(state["step"])) ** -0.5, group["eps"])
    pointers = (weights.data_ptr(), 0 if second is None else second.data_ptr(), gradient.data_ptr())
    beside = (mean.data_ptr(), zero.data_ptr())
    if isinstance(technique, GroupL1):
        doses = (float(technique.strength), float(technique.half_at))
        return not shrink(*pointers, *beside, *_columns(holder.parameter), *sizes, *doses, share)
    shrink(*pointers, *beside, weights.numel(), *sizes, float(technique.strength), share)
    return True


def _columns(parameter: Parameter) -> tuple[int, int, int]:
    """A parameter as blocks of units x width."""
    shape, axis = parameter.values.shape, parameter.units
    if len(shape) < 2:
        return 1, parameter.values.numel(), 1
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
