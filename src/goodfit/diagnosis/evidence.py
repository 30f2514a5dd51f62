"""What the checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goodfit.extrapolation import Extrapolation
from goodfit.metrics import Task
from goodfit.training import RunResult

Floats = NDArray[np.float64]
Kind = Literal["dose", "relaxed", "training", "capacity", "patience"]


@dataclass(frozen=True, eq=False)
class Trial:
    """A way to train the network, tried on the same rows as the others.

    Args:
        kind: what it changes: "dose" is more regularization, "relaxed" less; "training" is longer, "capacity" larger
            networks, "patience" a later early stop.
        name: what it is, for people; a recipe's text for doses.
        recipe: its text.
        results: its networks.
        losses: `(r,)` loss of each held-out row by the networks that held it out; nan where one diverged. The epoch of
            early stopping counts as chosen on other rows.
        units: `(M,)` what a network's own losses are multiplied by to be in the unit of these, as a standardized
            target asks; None for 1.
    """

    kind: Kind
    name: str
    recipe: str
    results: tuple[RunResult, ...]
    losses: Floats
    units: Floats | None = None

    @property
    def usable(self) -> bool:
        """Whether every held-out row has a loss."""
        return len(self.losses) > 1 and bool(np.isfinite(self.losses).all())

    @property
    def train_losses(self) -> Floats:
        """Training loss of each network at the epoch that it is kept from, in the unit of `losses`; nan if diverged."""
        gone = np.nan
        own = np.array([gone if r.failed else r.history.train[r.best_epoch - 1] for r in self.results])
        return own if self.units is None else own * self.units


@dataclass(frozen=True)
class Leaks:
    """What in the rows would flatter a network.

    Args:
        rows: of the table.
        copies: share of the rows whose inputs equal another row's.
        expected: the share that chance would give if the columns were independent.
        column: the one that tells the target best by itself.
        skill: how well it does on rows held out: 1 is always right, 0 is no better than the constant prediction.
    """

    rows: int
    copies: float
    expected: float
    column: str
    skill: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """The runs of a job and how they did on rows that they had not seen.

    Args:
        task: what was predicted.
        trials: in the order tried.
        reference: the network that is asked about; the other trials are changes of it.
        chosen: the trial whose predictions and scores these are.
        rows: `(r,)` numbers of the rows held out.
        target: `(r,)` their codes or numbers.
        weights: `(r,)` of the rows.
        predicted: `(r, C)` the chosen trial's predictions for them; nan where a network diverged.
        best: `(r, C)` predictions of the dose with the lowest held-out loss, or of the chosen trial.
        held: the rows that each of the chosen trial's networks is asked about.
        scores: the chosen trial's scores on them.
        baseline: the scores of the constant prediction on them.
        classes: how many there are; 0 in regression.
        leaks: what in the rows would flatter; None if that was not looked at.
        growth: what more rows would bring; None if that was not tried.
    """

    task: Task
    trials: tuple[Trial, ...]
    reference: int
    chosen: int
    rows: NDArray[np.int64]
    target: NDArray[np.generic]
    weights: Floats
    predicted: Floats
    best: Floats
    held: tuple[NDArray[np.int64], ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
    classes: int = 0
    leaks: Leaks | None = None
    growth: Extrapolation | None = None

    @property
    def asked(self) -> Trial:
        """The trial that is asked about."""
        return self.trials[self.reference]

    def changes(self, *kinds: Kind) -> list[Trial]:
        """The other trials of these kinds that have a loss for every row."""
        return [
            trial
            for place, trial in enumerate(self.trials)
            if place != self.reference and trial.kind in kinds and trial.usable
        ]

    def mean_loss(self, trial: Trial) -> float:
        """A trial's mean held-out loss."""
        return float(np.average(trial.losses, weights=self.weights))
