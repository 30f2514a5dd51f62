"""How far an optimizer's step moves a parameter for a unit of its gradient: what proximal operators are taken at."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from torch import Tensor
from torch.optim import Adagrad, Adam, NAdam, Optimizer, RMSprop
from torch.optim.sgd import SGD

from goodfit.errors import InputError

Group = dict[str, Any]
State = dict[str, Any]


@singledispatch
def step_size(optimizer: Optimizer, group: Group, state: State) -> Tensor | float:
    r"""The size of each weight's own step, just after it was taken.

    SGD: $\alpha (1 - d) / (1 - \mu)$ with momentum $\mu$ and dampening d, where a steady gradient brings it in the long
    run. Adam and its kin: $\alpha / (\sqrt{\hat v} + \epsilon)$. RMSprop and Adagrad: likewise by their own averages.
    An optimizer of another kind is made known by `step_size.register`.

    Args:
        optimizer: that made the step.
        group: the parameter's group in it.
        state: what the optimizer keeps of the parameter.

    Returns:
        A number, or a tensor of the parameter's shape.
    """
    raise InputError(refusal(optimizer))


def knows(optimizer: Optimizer) -> bool:
    """Whether the size of this optimizer's steps is known."""
    return step_size.dispatch(type(optimizer)) is not step_size.dispatch(object)


def refusal(optimizer: Optimizer) -> str:
    """Why L1 and its kin can't act under an optimizer."""
    known = ", ".join(sorted(kind.__name__ for kind in step_size.registry if kind is not object))
    return (
        f"l1, group_l1 and elastic_net need to know the size of each step, and that of {type(optimizer).__name__} "
        f"isn't known: use one of {known} or a class derived from them, or register it with goodfit.torch.step_size"
    )


@step_size.register
def _(optimizer: SGD, group: Group, state: State) -> Tensor | float:
    momentum = group["momentum"]
    size: Tensor | float = group["lr"] * (1.0 - group["dampening"] * bool(momentum)) / (1.0 - momentum)
    return size


@step_size.register(Adam)
@step_size.register(NAdam)
def _(optimizer: Optimizer, group: Group, state: State) -> Tensor | float:
    correction = (1.0 - group["betas"][1] ** _number(state["step"])) ** 0.5
    return _over(group["lr"] * correction, second_moment(group, state).sqrt(), group["eps"] * correction)


def second_moment(group: Group, state: State) -> Tensor:
    """Adam's running mean of squared gradients, or the largest so far where it uses that."""
    second: Tensor = state["max_exp_avg_sq" if group.get("amsgrad") else "exp_avg_sq"]
    return second


@step_size.register
def _(optimizer: RMSprop, group: Group, state: State) -> Tensor | float:
    square = state["square_avg"]
    if group["centered"]:
        square = square - state["grad_avg"].square()
    return _over(group["lr"] / (1.0 - group["momentum"]), square.sqrt(), group["eps"])


@step_size.register
def _(optimizer: Adagrad, group: Group, state: State) -> Tensor | float:
    rate = group["lr"] / (1.0 + (_number(state["step"]) - 1.0) * group["lr_decay"])
    return _over(rate, state["sum"].sqrt(), group["eps"])


def _number(step: Tensor | float) -> Tensor | float:
    """A count of steps as a number; one on a GPU stays there, since to ask for it would wait for the GPU."""
    return step.item() if isinstance(step, Tensor) and step.device.type == "cpu" else step


def _over(rate: Tensor | float, scale: Tensor, eps: Tensor | float) -> Tensor:
    """rate / (scale + eps), in the memory of the scale."""
    return scale.add_(eps).reciprocal_().mul_(rate)
