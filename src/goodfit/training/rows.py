"""Which rows each member learns from, and on which its losses are measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from goodfit.rng import Draw, Purpose, Streams
from goodfit.training.runs import Data, Run
from goodfit.training.runs import Rows as RowNumbers

EVALUATED_ROWS = 2048


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

    @staticmethod
    def of(rows: Tensor, counts: Tensor) -> Sample:
        """A sample without padding that no member needs."""
        longest = int(counts.max())
        return Sample(rows[:, :longest], counts, int(counts.min()) == longest)

    def part(self, start: int, end: int) -> Sample:
        """The rows of neighbours, as a view."""
        return Sample.of(self.rows[start:end], self.counts[start:end])

    def keep(self, members: Tensor) -> Sample:
        """The rows of some members, moved to the front of the same memory; the others' are lost."""
        return Sample.of(moved(self.rows, members), moved(self.counts, members))


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of M members.

    Args:
        train: those they learn from.
        evaluated: the training rows on which the training loss is measured.
        validation: those held out.
        weight_scale: `(M, 1)`, one over the mean weight of the member's training rows.
        variants: `(M, N, k)` rows that may stand in for each training row; k is 0 where none has any.
        variety: `(M,)` how many of them are the member's own; the rest is padding.
    """

    train: Sample
    evaluated: Sample
    validation: Sample
    weight_scale: Tensor
    variants: Tensor
    variety: Tensor

    def part(self, start: int, end: int) -> Rows:
        """The rows of neighbours, as views."""
        train, evaluated, validation = (s.part(start, end) for s in (self.train, self.evaluated, self.validation))
        others = (self.weight_scale, self.variants, self.variety)
        return Rows(train, evaluated, validation, *(tensor[start:end] for tensor in others))

    def keep(self, members: Tensor) -> Rows:
        """The rows of some members, moved to the front of the same memory; the others' are lost."""
        same = self.evaluated is self.train
        train, validation = self.train.keep(members), self.validation.keep(members)
        evaluated = train if same else self.evaluated.keep(members)
        others = (self.weight_scale, self.variants, self.variety)
        return Rows(train, evaluated, validation, *(moved(tensor, members) for tensor in others))

    def of_epoch(self, streams: Streams, epoch: int) -> Rows:
        """The rows that an epoch (from 0) learns from: for each training row one of its variants, or itself."""
        if not self.variants.shape[2]:
            return self
        own = self.train.rows
        chosen = streams.at(Purpose.VARIANTS, step=epoch).uniform(own.shape[1]) * (self.variety[:, None] + 1)
        among = torch.cat([own[..., None], self.variants[:, : own.shape[1]]], 2)
        drawn = among.gather(2, chosen.long()[..., None]).squeeze(2)
        return replace(self, train=replace(self.train, rows=drawn))


def rows_of(data: Data, runs: Sequence[Run]) -> Rows:
    """The rows of some runs."""
    views = [run.view for run in runs]
    real = _sample(data, views, [run.train for run in runs])
    added = any(len(run.added) for run in runs)
    train = _sample(data, views, [learned_rows(run) for run in runs]) if added else real
    mean = torch.stack([data.weights[torch.from_numpy(learned_rows(run)).to(real.rows.device)].mean() for run in runs])
    return Rows(
        train=train,
        evaluated=_evaluated(real, streams_of(runs, data.inputs.device)),
        validation=_sample(data, views, [run.validation for run in runs]),
        weight_scale=1.0 / mean[:, None],
        variants=_variants(data, runs, train),
        variety=torch.tensor([run.variants.shape[1] for run in runs]).to(real.rows.device),
    )


def learned_rows(run: Run) -> RowNumbers:
    """The numbers of all rows that a run learns from: real ones, then synthetic ones."""
    return np.concatenate([run.train, run.added]) if len(run.added) else run.train


def streams_of(runs: Sequence[Run], device: torch.device) -> Streams:
    """The random streams of some runs."""
    return Streams.of([run.seed for run in runs], device)


def train_rows(run: Run, data: Data) -> Tensor:
    """The numbers of a run's training rows, on the data's device."""
    return torch.from_numpy(run.train).to(data.inputs.device)


def moved(tensor: Tensor, members: Tensor) -> Tensor:
    """Some rows of a tensor, moved to the front of its memory; rows that are one and the same stay."""
    kept = tensor[: len(members)]
    if tensor.stride(0):
        kept.copy_(tensor[members])
    return kept


def _sample(data: Data, views: Sequence[int], rows: Sequence[RowNumbers]) -> Sample:
    """Rows of members as one matrix of places in the long table, padded with the member's first: no row of others.

    Where all have the same, they are there once.
    """
    device, counts = data.inputs.device, torch.tensor([len(own) for own in rows])
    if all(own is rows[0] and view == views[0] for own, view in zip(rows, views, strict=True)):
        shared = torch.from_numpy(rows[0] + views[0] * data.inputs.shape[1]).to(device)
        return Sample.of(shared.expand(len(rows), -1), counts.to(device))
    places = np.empty((len(rows), max(len(own) for own in rows)), np.int64)
    for row, own, view in zip(places, rows, views, strict=True):
        np.add(own, view * data.inputs.shape[1], out=row[: len(own)])
        row[len(own) :] = row[:1] if len(own) else 0
    return Sample.of(torch.from_numpy(places).to(device), counts.to(device))


def _variants(data: Data, runs: Sequence[Run], train: Sample) -> Tensor:
    """What may stand in for each training row, `(M, N, k)`; a synthetic row has itself."""
    most = max(run.variants.shape[1] for run in runs)
    variants = train.rows[..., None].repeat(1, 1, most)
    for own, run in zip(variants, runs, strict=True):
        rows, count = run.variants.shape
        own[:rows, :count] = torch.from_numpy(run.variants + run.view * data.inputs.shape[1])
    return variants


def _evaluated(train: Sample, streams: Streams) -> Sample:
    """The training rows that the training loss is measured on: all, or a random choice a member."""
    if train.rows.shape[1] <= EVALUATED_ROWS:
        return train
    chosen = train.rows.new_empty(len(train.counts), EVALUATED_ROWS)
    for m, count in enumerate(train.counts.tolist()):  # one by one: a million rows of all at once would be gigabytes
        if count <= EVALUATED_ROWS:
            chosen[m] = train.rows[m, :EVALUATED_ROWS]
        else:
            places = _first(Streams(streams.base[m : m + 1].cpu()).at(Purpose.EVALUATION), count)
            chosen[m] = train.rows[m, places.to(train.rows.device)]
    return Sample.of(chosen, train.counts.clamp(max=EVALUATED_ROWS))


def _first(draw: Draw, count: int) -> Tensor:
    """The first `EVALUATED_ROWS` of a random order of more."""
    words = draw.bits(count)[0].numpy()
    least = np.argpartition(words, EVALUATED_ROWS)[:EVALUATED_ROWS]
    return torch.from_numpy(least[np.lexsort((least, words[least]))])
