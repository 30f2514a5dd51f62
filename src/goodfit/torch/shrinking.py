"""L1 around the steps of SGD and Adam on a CPU, in one pass over the weights: by the compiled engine where it is."""

from __future__ import annotations

from torch.optim import Adam, Optimizer
from torch.optim.sgd import SGD

from goodfit.regularizers import L1
from goodfit.regularizers.places import Proximal
from goodfit.torch.holding import Holder, plain
from goodfit.torch.steps import Group, State, second_moment, step_size
from goodfit.training.native import load_library


def shrunk(technique: Proximal, optimizer: Optimizer, group: Group, state: State, holder: Holder | None) -> bool:
    """Take the proximal step of a technique in place, and hold weights at 0; whether that could be done here.

    Args:
        technique: L1, or another, for which nothing is done.
        optimizer: likewise SGD or Adam.
        group: of the weights.
        state: what the optimizer keeps of them.
        holder: of the weights, float32 in memory without gaps, or others, for which nothing is done.
    """
    if holder is None or not (isinstance(technique, L1) and isinstance(optimizer, Adam | SGD)):
        return False
    shrink = getattr(load_library(), "goodfit_shrink", None)
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
    beside = (mean.data_ptr(), zero.data_ptr(), weights.numel())
    shrink(*pointers, *beside, *sizes, float(technique.strength), share)
    return True
