"""Weights that are 0 stay there until their mean gradient says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.regularizers.places import Proximal
from goodfit.torch.weights import Parameter
from goodfit.training.native import load_library

RECENT = 2.0
"""The mean over t steps gives the last one RECENT / (t - 1 + RECENT) of its weight: about the later half counts."""


@dataclass(eq=False)
class Holder:
    r"""Holds weights at 0 that the gradient of a single batch would set free.

    A weight is 0 in the lasso's solution where the mean gradient is below λ; that of a batch is often above it, by
    chance, and a proximal step after each batch lets that weight go for a while. So there are always some that aren't
    0, others each time. Here a weight at 0 leaves it only if the mean gradient over the later half of the training so
    far is above λ. That changes no fixed point: what leaves 0 and what doesn't is decided by the same condition, with
    less noise.

    Args:
        parameter: the weights.
        technique: says which of those at 0 stay there by a mean gradient.
        mean: the mean gradient so far; None before the first step.
        steps: so far.
        zero: which weights were 0 before the step.

    Source: Lee and Wright, "Manifold identification in dual averaging for regularized stochastic online learning",
        JMLR 2012, on means of gradients for this; here they decide on release alone.
    """

    parameter: Parameter
    technique: Proximal
    mean: Tensor | None = None
    steps: int = 0
    zero: Tensor | None = None

    @property
    def values(self) -> nn.Parameter:
        """The weights themselves."""
        return self.parameter.values

    def before(self) -> None:
        """Take note of which weights are 0."""
        if self.zero is None:
            self.zero = torch.empty_like(self.values, dtype=torch.bool)
        mark_zeros(self.values, self.zero)

    def learn(self) -> tuple[Tensor, Tensor, float]:
        """Count a step: the mean, which weights were 0 before it, and the share of the mean that its gradient takes."""
        self.steps += 1
        if self.mean is None:
            self.mean = torch.zeros_like(self.values, dtype=torch.promote_types(self.values.dtype, torch.float32))
        if self.zero is None:
            self.zero = torch.zeros_like(self.values, dtype=torch.bool)
        return self.mean, self.zero, RECENT / (self.steps - 1 + RECENT)

    def after(self) -> None:
        """Put weights back to 0 that the mean gradient holds there."""
        mean, zero, share = self.learn()
        if self.values.grad is not None:
            mean.lerp_(self.values.grad.to(mean.dtype), share)
        stays = self.technique.stays(self.parameter.matrix(zero), self.parameter.matrix(mean))
        self.values.masked_fill_(self.parameter.shaped(stays), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Plain data and a tensor; `take` is the inverse."""
        return {"mean": self.mean, "steps": self.steps}

    def take(self, state: dict[str, Any]) -> None:
        """Go on from here."""
        mean, self.steps = state["mean"], state["steps"]
        self.mean = None if mean is None else mean.to(self.values.device, copy=True)


def mark_zeros(weights: Tensor, zero: Tensor) -> None:
    """Write into a truth value each which weights are 0."""
    mark = getattr(load_library(), "goodfit_zeros", None)
    if mark is None or not plain(weights):
        torch.eq(weights, 0.0, out=zero)
    else:
        mark(weights.data_ptr(), zero.data_ptr(), weights.numel())


def plain(values: Tensor | None) -> bool:
    """Whether compiled code can take these values: float32 in memory without gaps, or none at all."""
    if values is None:
        return True
    own = type(values) in (Tensor, nn.Parameter)  # a tensor of another kind may have its numbers elsewhere
    return own and (values.dtype == torch.float32 and values.device.type == "cpu" and values.is_contiguous())
