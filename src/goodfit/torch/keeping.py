"""The weights that are kept: the best so far, and when to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.errors import InputError
from goodfit.regularizers.places import Stops

State = dict[str, Tensor]


@dataclass(eq=False)
class Keeper:
    """Watches the validation loss of a training.

    Args:
        technique: that says what is better and when to stop; None keeps nothing and never stops.
        losses: of each epoch so far.
        best: the epoch of the best weights, from 1; 0 before any.
        waited: epochs since.
        weights: a copy of the best weights and statistics.
    """

    technique: Stops | None
    losses: list[float] = field(default_factory=list)
    best: int = 0
    waited: int = 0
    weights: State = field(default_factory=dict)

    def watch(self, loss: float, state: State) -> bool:
        """Take note of an epoch; whether it is time to stop.

        Args:
            loss: on validation rows.
            state: of the module that had this loss.

        Raises:
            InputError: the loss is not finite, and no epoch before had a finite one.
        """
        self.losses.append(loss)
        if self.technique is None:
            return False
        lowest = self.losses[self.best - 1] if self.best else math.inf
        if math.isfinite(loss) and bool(self.technique.improves(torch.tensor(loss), torch.tensor(lowest))):
            self.best, self.waited = len(self.losses), 0
            if self.technique.restores():
                self.weights = {name: value.detach().clone() for name, value in state.items()}
        else:
            self.waited += 1
        if not self.best and not math.isfinite(loss):
            raise InputError(f"the validation loss is {loss}: the network diverged; lower the learning rate")
        return bool(self.technique.stops(torch.tensor(self.waited)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data and tensors; `take` is the inverse."""
        return {"losses": list(self.losses), "best": self.best, "waited": self.waited, "weights": self.weights}

    def take(self, state: dict[str, Any]) -> None:
        """Go on from here."""
        self.losses, self.best, self.waited = list(state["losses"]), state["best"], state["waited"]
        self.weights = dict(state["weights"])


def tensors_of(module: nn.Module) -> State:
    """All parameters and buffers by name, themselves and not copies."""
    return dict(module.named_parameters()) | dict(module.named_buffers())


@torch.no_grad()
def put(state: State, module: nn.Module) -> None:
    """Give a module's parameters and buffers these values."""
    held = tensors_of(module)
    for name, value in state.items():
        held[name].copy_(value)
