"""Early stopping on the validation loss, and back to the best weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from goodfit.regularizers.places import Stops
from goodfit.regularizers.recipe import Dose, dose


@dataclass(frozen=True)
class EarlyStopping(Stops):
    r"""Early stopping: stop when the validation loss has not improved for `patience` epochs; keep the best weights.

    An epoch improves if its validation loss is below the best so far by more than `min_delta`. At the end, stopped or
    not, the network has a copy of the weights (and batch-norm statistics) of its best epoch.

    Args:
        patience: epochs without improvement, in [1, inf]: 1 stops at the first, inf never stops and keeps the last
            weights; usually 5 to 20.
        min_delta: least improvement, in units of the loss, in [0, inf): 0 counts every improvement.

    Raises:
        InputError: a value is out of its range.

    Example:
        >>> import torch
        >>> stop = EarlyStopping(patience=5)
        >>> bool(stop.improves(torch.tensor(0.4), torch.tensor(0.5))), bool(stop.stops(torch.tensor(5)))
        (True, True)

    Note:
        Patience counts epochs, never batches. Without validation rows nothing is watched and nothing stops.

    Source:
        Prechelt, "Early stopping - but when?", Neural Networks: Tricks of the Trade, 1998.
    """

    patience: Dose = dose(10.0, neutral=math.inf, low=1.0, usual=(30.0, 20.0, 10.0, 7.0, 5.0, 3.0, 2.0, 1.0))
    min_delta: Dose = dose(0.0, open="high")

    def improves(self, loss: Tensor, best: Tensor) -> Tensor:
        """Whether a loss is below the best by more than min_delta."""
        return loss < best - self.min_delta

    def stops(self, epochs_without: Tensor) -> Tensor:
        """Whether so many epochs without improvement are enough."""
        return epochs_without >= self.patience

    def restores(self) -> Tensor | bool:
        """Whether the best weights are taken: yes for any finite patience."""
        return self.patience < math.inf
