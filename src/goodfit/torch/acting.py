"""What a recipe does to one parameter, before and after a step of an optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor
from torch.optim import Optimizer

from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Decays, InLoss, OnWeights, Proximal
from goodfit.torch.holding import Holder
from goodfit.torch.shrinking import shrunk
from goodfit.torch.steps import Group, step_size
from goodfit.torch.weights import Parameter


@dataclass(frozen=True, eq=False)
class Acting:
    """The techniques that act on a parameter, with the doses that it takes.

    Args:
        parameter: on which they act.
        penalties: in the loss.
        decays: before the step.
        proximals: after it, each with what holds weights at 0, if it has zeros.
    """

    parameter: Parameter
    penalties: tuple[InLoss, ...]
    decays: tuple[Decays, ...]
    proximals: tuple[tuple[Proximal, Holder | None], ...]

    @classmethod
    def of(cls, parameter: Parameter, recipe: Recipe) -> Acting:
        """Of a recipe; biases and scales take what their techniques say of them."""
        parts = [part for part in recipe if isinstance(part, OnWeights)]
        own = parts if parameter.weight else [part for part in (p.for_biases() for p in parts) if part]
        return cls(
            parameter,
            tuple(part for part in own if isinstance(part, InLoss)),
            tuple(part for part in own if isinstance(part, Decays)),
            tuple((part, _holder(part, parameter)) for part in own if isinstance(part, Proximal)),
        )

    @cached_property
    def holders(self) -> list[Holder]:
        """What holds the parameter's weights at 0."""
        return [holder for _, holder in self.proximals if holder]

    @property
    def early(self) -> bool:
        """Whether there is something to do before a step."""
        return bool(self.penalties or self.decays or self.holders)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do at all."""
        return not (self.penalties or self.decays or self.proximals)

    def note(self) -> None:
        """Take note of the weights that a step, and the gradient before it, start from."""
        for holder in self.holders:
            holder.before()

    def before(self, gradient: Tensor, learning_rate: Tensor | float, scale: Tensor | None) -> None:
        """Add the penalties' gradients to the loss's, multiplied as that is, and decay."""
        values = self.parameter.values
        for penalty in self.penalties:
            if scale is None:
                penalty.add_gradient(gradient, values)
            else:
                gradient.add_(penalty.gradient(values) * scale.to(values.device))
        for decay in self.decays:
            decay.decay_(values, learning_rate)

    def after(self, optimizer: Optimizer, group: Group) -> None:
        """Map the weights at the size of the step that was taken."""
        for technique, holder in self.proximals:
            state = optimizer.state[self.parameter.values]
            if not shrunk(technique, optimizer, group, state, holder):
                self._map(technique, step_size(optimizer, group, state) if technique.scaled else 1.0)
                if holder:
                    holder.after()

    def _map(self, technique: Proximal, size: Tensor | float) -> None:
        parameter, values = self.parameter, self.parameter.values
        matrix = parameter.matrix(size) if isinstance(size, Tensor) and size.dim() else size
        values.copy_(parameter.shaped(technique.prox(parameter.matrix(values), matrix)))


def _holder(technique: Proximal, parameter: Parameter) -> Holder | None:
    return Holder(parameter, technique) if technique.released() else None
