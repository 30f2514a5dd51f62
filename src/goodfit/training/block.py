"""A block of members that train in lockstep, and the state that it carries from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from goodfit.networks import Layout, initialize
from goodfit.regularizers import Stack, stack
from goodfit.regularizers.places import OnWeights, Stops
from goodfit.rng import Purpose, Streams
from goodfit.training.losses import best_constant
from goodfit.training.runs import Data, Run, Settings, steps_an_epoch

EVALUATED_ROWS = 2048


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

    def take(self, members: Tensor) -> State:
        """The state of some of the members, copied."""
        return State(*(getattr(self, f.name)[members] for f in fields(self)))

    @staticmethod
    def join(states: Sequence[State]) -> State:
        """The states of several blocks as one."""
        return State(*(torch.cat([getattr(s, f.name) for s in states]) for f in fields(State)))


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of each member, padded to one length.

    Args:
        rows: `(M, N)` int64, numbers of rows in `Data.inputs` seen as one long table of all its views.
        counts: `(M,)` how many of them are the member's own; the rest is padding.
        even: whether all counts are N.
    """

    rows: Tensor
    counts: Tensor
    even: bool


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
        train: the rows they learn from.
        evaluated: the training rows on which the training loss is measured.
        validation: the rows held out.
        weight_scale: `(M, 1)`, one over the mean weight of the member's training rows.
        steps: batches of an epoch, the same for all.
        state: what changes.
    """

    members: list[int]
    layout: Layout
    regularizers: Stack
    on_biases: Stack
    streams: Streams
    learning_rate: Tensor
    train: Sample
    evaluated: Sample
    validation: Sample
    weight_scale: Tensor
    steps: int
    state: State

    @property
    def watched(self) -> Tensor:
        """`(M,)` whether a member is watched by early stopping: it has a finite patience and rows to watch."""
        watched = torch.zeros(len(self.members), dtype=torch.bool, device=self.state.parameters.device)
        for part in self.regularizers.at(Stops):
            watched = watched | part.restores()
        return watched & (self.validation.counts > 0)


def build_block(
    data: Data, runs: Sequence[Run], members: list[int], *, settings: Settings, layout: Layout, state: State | None
) -> Block:
    """Gather what members need to train, with a new state or with one they bring."""
    chosen = [runs[m] for m in members]
    device = data.inputs.device
    streams = Streams.of([run.seed for run in chosen], device)
    train = _sample(data, chosen, [torch.from_numpy(run.train) for run in chosen])
    weights = data.weights[train.rows % data.inputs.shape[1]] * _own(train)
    regularizers = stack([run.recipe for run in chosen], device)
    on_biases = (part.for_biases() for part in regularizers.at(OnWeights))
    return Block(
        members=members,
        layout=layout,
        regularizers=regularizers,
        on_biases=Stack(tuple(part for part in on_biases if part is not None)),
        streams=streams,
        learning_rate=torch.tensor([[run.learning_rate] for run in chosen], device=device),
        train=train,
        evaluated=_evaluated(train, streams),
        validation=_sample(data, chosen, [torch.from_numpy(run.validation) for run in chosen]),
        weight_scale=(train.counts / weights.sum(1))[:, None],
        steps=steps_an_epoch(chosen[0], settings.batch_size),
        state=state or _new_state(data, train, layout=layout, streams=streams, settings=settings, runs=runs),
    )


def _sample(data: Data, runs: Sequence[Run], rows: Sequence[Tensor]) -> Sample:
    """Rows of members as one matrix of places in the long table, padded with the member's first: no row of others."""
    counts = torch.tensor([len(r) for r in rows])
    padded = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    padded = torch.where(torch.arange(padded.shape[1]) < counts[:, None], padded, padded[:, :1])
    offsets = torch.tensor([run.view for run in runs]) * data.inputs.shape[1]
    device = data.inputs.device
    even = bool((counts == counts[0]).all())
    return Sample((padded + offsets[:, None]).to(device), counts.to(device), even)


def _own(sample: Sample) -> Tensor:
    """`(M, N)` which rows are the members' own, not padding."""
    return torch.arange(sample.rows.shape[1], device=sample.rows.device) < sample.counts[:, None]


def _evaluated(train: Sample, streams: Streams) -> Sample:
    """The training rows that the training loss is measured on: all, or a random choice a member."""
    if train.rows.shape[1] <= EVALUATED_ROWS:
        return train
    order = streams.at(Purpose.EVALUATION).order(train.rows.shape[1], train.counts)[:, :EVALUATED_ROWS]
    counts = train.counts.clamp(max=EVALUATED_ROWS)
    return Sample(train.rows.gather(1, order), counts, bool((counts == counts[0]).all()))


def _new_state(
    data: Data, train: Sample, *, layout: Layout, streams: Streams, settings: Settings, runs: Sequence[Run]
) -> State:
    members, rows = train.rows.shape[0], data.inputs.shape[1]
    targets = data.targets.flatten(0, 1)
    bias = torch.stack(
        [
            best_constant(targets[own], data.weights[own % rows], data.task)
            for own in (train.rows[m, : train.counts[m]] for m in range(members))
        ]
    )
    parameters = initialize(layout, streams, bias)
    units = sum(layout.hidden) if layout.batch_norm else 0
    statistics = torch.cat([parameters.new_zeros(members, units), parameters.new_ones(members, units)], 1)
    averaged = any(part.name == "weight_averaging" for run in runs for part in run.recipe)
    return State(
        parameters=parameters,
        first=torch.zeros_like(parameters),
        second=torch.zeros_like(parameters) if settings.optimizer != "sgd" else parameters[:, :0],
        statistics=statistics,
        average=parameters.clone() if averaged else parameters[:, :0],
        best=parameters.clone(),
        best_statistics=statistics.clone(),
        best_loss=parameters.new_full((members,), float("inf")),
        best_epoch=torch.zeros(members, dtype=torch.int64, device=parameters.device),
        waited=torch.zeros(members, dtype=torch.int64, device=parameters.device),
    )
