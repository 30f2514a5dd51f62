"""A batch of trials: recipes of one shape, each over all folds, trained as one population."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from goodfit.model import Model
from goodfit.networks import Layout
from goodfit.rng import derive
from goodfit.studies.fitting import model_from
from goodfit.studies.predicting import held_out_predictions
from goodfit.studies.preparing import Prepared
from goodfit.studies.problem import Ints
from goodfit.studies.searching.choices import Draft, Proposal
from goodfit.studies.searching.halving import halving
from goodfit.training import Execution, Progress, RunResult, Settings, train

Splits = Sequence[tuple[Ints, Ints]]

FIXED_A_ROW, PARAMETER_UPDATE = 2000.0, 20.0
"""What a row costs beside its products, and what the update of a parameter costs, in multiplications."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of a proposal.

    Args:
        number: in the study.
        draft: what was proposed.
        loss: mean over its networks of the held-out loss as they are handed out; nan if one failed. Of a trial
            that was dropped it is the lowest by then.
        epochs: the longest that one of its networks trained.
        results: one a fold; empty for a trial that was dropped.
        predicted: `(n, C)` float32 predictions for the rows held out, nan elsewhere; None if the trial was dropped.
        model: its networks with their encoders; likewise.
    """

    number: int
    draft: Draft
    loss: float
    epochs: int
    results: tuple[RunResult, ...]
    predicted: NDArray[np.float32] | None = None
    model: Model | None = None

    @property
    def usable(self) -> bool:
        """Whether it can be part of a model."""
        return self.model is not None and bool(np.isfinite(self.loss))


@dataclass(frozen=True, eq=False)
class Batch:
    """Trials that trained together.

    Args:
        trials: in the order proposed.
        settings: what they shared.
        seconds: how long they took.
        work: how many multiplications, in the unit of `work_of`.
    """

    trials: tuple[Trial, ...]
    settings: Settings
    seconds: float
    work: float


def train_batch(
    prepared: Prepared,
    splits: Splits,
    proposals: Sequence[Proposal],
    settings: Settings,
    *,
    seed: int,
    execution: Execution,
    on_epoch: Callable[[Progress], None] | None = None,
    halve: bool = True,
) -> Batch:
    """Train proposals of one shape over all folds, the worse ones not to the end.

    Args:
        prepared: the problem, with views for these recipes.
        splits: the folds: training rows and rows held out.
        proposals: one or more.
        settings: what they share.
        seed: of initial weights, orders and masks; all trials of a search share it, which pairs them.
        execution: threads and deadline.
        on_epoch: called after each epoch.
        halve: whether the worse half is dropped now and then.
    """
    started = time.monotonic()
    runs = [
        prepared.run(p.draft.recipe, place, held, seed=derive(seed, place), learning_rate=p.draft.learning_rate)
        for p in proposals
        for place, (_, held) in enumerate(splits)
    ]
    drop = halving(np.arange(len(proposals)).repeat(len(splits)), settings.max_epochs) if halve else None
    results = train(prepared.data, runs, settings, execution=execution, on_epoch=on_epoch, drop=drop)
    each = len(splits)
    trials = tuple(_trial(prepared, p, results[i * each : (i + 1) * each]) for i, p in enumerate(proposals))
    seconds = time.monotonic() - started
    work = sum(work_of(result, settings.batch_size) for result in results)
    return Batch(trials, settings, seconds, work)


def work_of(result: RunResult, batch_size: int) -> float:
    """About how much a training computed, in multiplications."""
    rows = len(result.run.train) + len(result.run.added)
    return result.epochs * work_an_epoch(rows, result.layout, batch_size)


def work_an_epoch(rows: int, layout: Layout, batch_size: int) -> float:
    """About how much an epoch computes: products for each row, and for each batch an update of all parameters."""
    return rows * (layout.products + FIXED_A_ROW) + rows / batch_size * PARAMETER_UPDATE * layout.total


def _trial(prepared: Prepared, proposal: Proposal, results: Sequence[RunResult]) -> Trial:
    epochs = max(result.epochs for result in results)
    if any(result.failed for result in results):
        return Trial(proposal.number, proposal.draft, float("nan"), epochs, ())
    if any(result.outcome == "dropped" for result in results):
        loss = float(np.mean([np.nanmin(result.history.validation) for result in results]))
        return Trial(proposal.number, proposal.draft, loss, epochs, ())
    loss = float(np.mean([result.history.validation[result.best_epoch - 1] for result in results]))
    kept = tuple(_owned(result) for result in results)
    model = model_from(prepared, kept)
    return Trial(proposal.number, proposal.draft, loss, epochs, kept, out_of_fold(prepared, kept), model)


def out_of_fold(prepared: Prepared, results: Sequence[RunResult]) -> NDArray[np.float32]:
    """Predictions `(n, C)` for the rows held out; nan for others."""
    rows, values = held_out_predictions(prepared, results)
    predicted = np.full((prepared.problem.rows, values.shape[1]), np.nan, np.float32)
    predicted[rows] = values
    return predicted


def _owned(result: RunResult) -> RunResult:
    """The result with weights of its own: those of all others, kept or not, would stay in memory with them."""
    return replace(result, parameters=result.parameters.copy(), statistics=result.statistics.copy())
