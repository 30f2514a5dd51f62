"""What to train, on what, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goodfit.metrics import Task
from goodfit.networks import Layout
from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Form

Outcome = Literal["finished", "stopped", "diverged", "out of time", "dropped", "lost"]
Rows = NDArray[np.int64]


def _no_rows() -> Rows:
    return np.empty(0, np.int64)


def _no_variants() -> Rows:
    return np.empty((0, 0), np.int64)


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
        added: numbers of synthetic rows that it learns from too; losses are never measured on them.
        variants: `(t, k)` for each training row the numbers of rows that may stand in for it: each epoch draws one of
            them, or the row itself, all alike. `(0, 0)` if there are none.
        shift: `(K,)` what is added to the outputs wherever they are not trained: synthetic rows change how frequent the
            classes are, and this takes it back. None for nothing.
    """

    recipe: Recipe
    seed: int
    train: Rows
    validation: Rows
    view: int = 0
    learning_rate: float = 1e-3
    added: Rows = field(default_factory=_no_rows)
    variants: Rows = field(default_factory=_no_variants)
    shift: NDArray[np.float32] | None = None


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
        channels: units of each convolution before the hidden layers; `()` for none, as on rows that are no pictures.
        scaling: how many times as fast as the weights the factors of a scaling layer learn: one an input, 1 at first,
            before the first layer, into which they are folded at the end; no penalty acts on them. 0 for no such layer;
            before convolutions there is none. It is 6 in Holzmueller, Grinsztajn and Steinwart, NeurIPS 2024.
    """

    hidden: tuple[int, ...] = (128, 128)
    optimizer: Literal["sgd", "adam", "adamw"] = "adamw"
    momentum: float = 0.9
    batch_size: int = 256
    max_epochs: int = 100
    schedule: Literal["constant", "cosine"] = "constant"
    precision: Literal["float32", "bfloat16"] = "float32"
    channels: tuple[int, ...] = ()
    scaling: float = 0.0


@dataclass(frozen=True, eq=False)
class Data:
    """The rows that the runs refer to.

    Args:
        inputs: `(V, n, D)` float32: V encodings of the same n rows.
        targets: `(V, n, K)` float32: class indicators, the second class's for two classes, or the target, standardized
            as the view's training rows say.
        weights: `(n,)` float32: a row's weight in the loss, 0 or more.
        task: decides the loss.
        form: what a row of inputs is.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    task: Task
    form: Form = field(default_factory=Form)

    def to(self, device: torch.device) -> Data:
        """The same data on a device."""
        return replace(
            self, inputs=self.inputs.to(device), targets=self.targets.to(device), weights=self.weights.to(device)
        )

    def contiguous(self) -> Data:
        """The same data, row after row in memory."""
        return replace(
            self,
            inputs=self.inputs.contiguous(),
            targets=self.targets.contiguous(),
            weights=self.weights.contiguous(),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row's inputs."""
        return self.form.shape or (self.inputs.shape[2],)

    def layout(self, settings: Settings, *, batch_norm: bool) -> Layout:
        """The shape of networks for these data."""
        sizes = (self.inputs.shape[2], *settings.hidden, self.targets.shape[2])
        picture = self.shape if settings.channels else ()
        return Layout(sizes, batch_norm, picture, settings.channels, settings.scaling > 0 and not settings.channels)


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
        outcome: why it ended; of one that was "lost" with the machines that trained it nothing else is known.
    """

    run: Run
    parameters: NDArray[np.float32]
    statistics: NDArray[np.float32]
    layout: Layout
    history: History
    best_epoch: int
    outcome: Outcome

    @property
    def failed(self) -> bool:
        """Whether it left no network to use."""
        return self.outcome in {"diverged", "lost"}

    @property
    def epochs(self) -> int:
        """How many epochs it trained."""
        return len(self.history.train)


def steps_an_epoch(run: Run, batch_size: int) -> int:
    """Batches of an epoch."""
    return max(1, math.ceil((len(run.train) + len(run.added)) / batch_size))
