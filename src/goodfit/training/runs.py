"""What to train, on what, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goodfit.metrics import Task
from goodfit.networks import Layout
from goodfit.regularizers import Recipe

Outcome = Literal["finished", "stopped", "diverged", "out of time"]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Run:
    """One training.

    Args:
        recipe: the regularizers and their doses.
        seed: of all its random numbers; runs with one seed share initial weights and the order of rows.
        train: numbers of the rows it learns from; a row may stand in it more than once (a bootstrap sample).
        validation: numbers of the rows that early stopping watches; may be empty.
        view: which encoding of the inputs it sees: encoders are fitted on training rows only.
        learning_rate: the optimizer's, above 0.
    """

    recipe: Recipe
    seed: int
    train: Rows
    validation: Rows
    view: int = 0
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class Settings:
    """What all runs of a population share.

    Args:
        hidden: units of each hidden layer; `()` is a linear model.
        optimizer: "sgd", "adam" or "adamw". The last two differ in nothing here: decay comes from the recipe.
        momentum: of SGD, in [0, 1).
        batch_size: most rows of a batch; an epoch's rows are cut into batches of even size.
        max_epochs: epochs at most.
        schedule: the learning rate over the steps: "constant", or "cosine" from full down to 0.
        precision: of the matrix products while training: "float32", or "bfloat16", whose operands keep 8 bits,
            losses by epoch included; weights, sums and predictions stay as they are. It is faster where the processor
            has units for it.
    """

    hidden: tuple[int, ...] = (128, 128)
    optimizer: Literal["sgd", "adam", "adamw"] = "adamw"
    momentum: float = 0.9
    batch_size: int = 256
    max_epochs: int = 100
    schedule: Literal["constant", "cosine"] = "constant"
    precision: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True, eq=False)
class Data:
    """The rows that the runs refer to.

    Args:
        inputs: `(V, n, D)` float32: V encodings of the same n rows.
        targets: `(V, n, K)` float32: class indicators, the second class's for two classes, or the target, standardized
            as the view's training rows say.
        weights: `(n,)` float32: a row's weight in the loss, 0 or more.
        task: decides the loss.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    task: Task

    def to(self, device: torch.device) -> Data:
        """The same data on a device."""
        return Data(self.inputs.to(device), self.targets.to(device), self.weights.to(device), self.task)

    def contiguous(self) -> Data:
        """The same data, row after row in memory."""
        return Data(self.inputs.contiguous(), self.targets.contiguous(), self.weights.contiguous(), self.task)

    def layout(self, settings: Settings, *, batch_norm: bool) -> Layout:
        """The shape of networks for these data."""
        return Layout((self.inputs.shape[2], *settings.hidden, self.targets.shape[2]), batch_norm)


@dataclass(frozen=True, eq=False)
class History:
    """Losses by epoch: data loss only, no penalty, in inference mode, on rows as they are.

    Args:
        train: `(E,)`, on the training rows, at most 2,048 of them.
        validation: `(E,)`, nan without validation rows.
    """

    train: NDArray[np.float64]
    validation: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RunResult:
    """What came of a run.

    Args:
        run: what was asked.
        parameters: `(P,)` float32, those of the best epoch or of the last, as the recipe says.
        statistics: `(R,)` float32, batch norm's running means, then variances, a layer after the other.
        layout: where each parameter lies.
        history: losses by epoch.
        best_epoch: the epoch, from 1, that the parameters come from.
        outcome: why it ended.
    """

    run: Run
    parameters: NDArray[np.float32]
    statistics: NDArray[np.float32]
    layout: Layout
    history: History
    best_epoch: int
    outcome: Outcome

    @property
    def epochs(self) -> int:
        """How many epochs it trained."""
        return len(self.history.train)


def steps_an_epoch(run: Run, batch_size: int) -> int:
    """Batches of an epoch."""
    return max(1, math.ceil(len(run.train) / batch_size))
