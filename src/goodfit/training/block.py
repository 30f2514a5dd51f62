"""A block of members that train in lockstep, and the state that it carries from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from goodfit.networks import Layout, initialize
from goodfit.regularizers import Stack, stack
from goodfit.regularizers.places import Averages, OnWeights, Stops
from goodfit.rng import Streams
from goodfit.training.losses import best_constant
from goodfit.training.rows import Rows, moved, streams_of, train_rows
from goodfit.training.runs import Data, Run, Settings, steps_an_epoch

STARTED_AT_ONCE = 16
"""Members whose initial weights are drawn together: more would need more memory, fewer more calls."""


@dataclass(frozen=True, eq=False)
class State:
    """All that changes while M members train; every tensor has the members in its first dimension.

    Args:
        parameters: `(M, P)`.
        first: the optimizer's first moment or velocity, `(M, P)`.
        second: its second moment, `(M, P)`, or `(M, 0)` for SGD.
        statistics: batch norm's running means and variances, `(M, R)`.
        average: the averaged parameters, `(M, P)`, or `(M, 0)` if no run averages.
        best: the parameters to be handed out if training ended now, `(M, P)`.
        best_statistics: their statistics, `(M, R)`.
        best_loss: validation loss of the best epoch, `(M,)`.
        best_epoch: number of the epoch that `best` comes from, from 1; 0 before the first.
        waited: epochs since the last improvement, `(M,)`.
    """

    parameters: Tensor
    first: Tensor
    second: Tensor
    statistics: Tensor
    average: Tensor
    best: Tensor
    best_statistics: Tensor
    best_loss: Tensor
    best_epoch: Tensor
    waited: Tensor

    def part(self, start: int, end: int) -> State:
        """The state of neighbours, as views: what is written there is written here."""
        return State(*(getattr(self, f.name)[start:end] for f in fields(self)))

    def keep(self, members: Tensor) -> State:
        """The state of some members, moved to the front of the same memory; the others' is lost."""
        return State(*(moved(getattr(self, f.name), members) for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Block:
    """Members that train in lockstep: what stays the same, and their state.

    Args:
        members: their places in the population.
        layout: the networks' shape.
        regularizers: their recipes as one.
        on_biases: the techniques of those that some member wants on its biases too.
        streams: their random streams.
        learning_rate: `(M, 1)`.
        rows: those they learn from, and those that losses are measured on.
        shift: `(M, K)` added to the outputs outside training; None if it is 0 for all.
        steps: batches of an epoch, the same for all.
        state: what changes.
    """

    members: list[int]
    layout: Layout
    regularizers: Stack
    on_biases: Stack
    streams: Streams
    learning_rate: Tensor
    rows: Rows
    shift: Tensor | None
    steps: int
    state: State

    @property
    def watched(self) -> Tensor:
        """`(M,)` whether a member is watched by early stopping: it has a finite patience and rows to watch."""
        watched = torch.zeros(len(self.members), dtype=torch.bool, device=self.state.parameters.device)
        for part in self.regularizers.at(Stops):
            watched = watched | part.restores()
        return watched & (self.rows.validation.counts > 0)


def build_block(
    data: Data, runs: Sequence[Run], members: list[int], *, settings: Settings, layout: Layout, state: State, rows: Rows
) -> Block:
    """Gather what members need to train, around the state and the rows that they bring."""
    chosen = [runs[m] for m in members]
    device = data.inputs.device
    regularizers = stack([run.recipe for run in chosen], device)
    on_biases = (part.for_biases() for part in regularizers.at(OnWeights))
    return Block(
        members=members,
        layout=layout,
        regularizers=regularizers,
        on_biases=Stack(tuple(part for part in on_biases if part is not None)),
        streams=streams_of(chosen, device),
        learning_rate=torch.tensor([[run.learning_rate] for run in chosen], device=device),
        rows=rows,
        shift=_shift(chosen, layout.sizes[-1], device),
        steps=steps_an_epoch(chosen[0], settings.batch_size),
        state=state,
    )


def _shift(runs: Sequence[Run], outputs: int, device: torch.device) -> Tensor | None:
    if all(run.shift is None for run in runs):
        return None
    each = [torch.zeros(outputs) if run.shift is None else torch.from_numpy(run.shift) for run in runs]
    return torch.stack(each).to(device)


def initial_state(data: Data, runs: Sequence[Run], settings: Settings, layout: Layout) -> State:
    """The state before the first step; each member's is a function of its own run."""
    device = data.inputs.device
    members, units = len(runs), layout.statistics // 2
    averages = any(isinstance(part, Averages) for run in runs for part in run.recipe)
    parameters = torch.empty(members, layout.total, device=device)
    for start in range(0, members, STARTED_AT_ONCE):
        some = runs[start : start + STARTED_AT_ONCE]
        bias = torch.stack([_best_constant(data, run) for run in some])
        parameters[start : start + len(some)] = initialize(layout, streams_of(some, device), bias)
    statistics = torch.cat([parameters.new_zeros(members, units), parameters.new_ones(members, units)], 1)
    return State(
        parameters=parameters,
        first=torch.zeros_like(parameters),
        second=torch.zeros_like(parameters if settings.optimizer != "sgd" else parameters[:, :0]),
        statistics=statistics,
        average=(parameters if averages else parameters[:, :0]).clone(),
        best=parameters.clone(),
        best_statistics=statistics.clone(),
        best_loss=parameters.new_full((members,), float("inf")),
        best_epoch=torch.zeros(members, dtype=torch.int64, device=device),
        waited=torch.zeros(members, dtype=torch.int64, device=device),
    )


def _best_constant(data: Data, run: Run) -> Tensor:
    rows = train_rows(run, data)
    return best_constant(data.targets[run.view, rows], data.weights[rows], data.task)
