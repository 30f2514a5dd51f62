"""The members that still train: their common state, and the blocks that it is cut into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from torch import Tensor

from goodfit.networks import Layout
from goodfit.training.block import Block, State, build_block, initial_state
from goodfit.training.engine import Engine
from goodfit.training.rows import Rows, rows_of
from goodfit.training.runs import Data, Run, Settings, steps_an_epoch

MEMBERS_A_BLOCK = 16
"""Members that train as one stack on a CPU: more fall out of the cache, fewer waste time on the calls."""
MOST_BYTES = 8 * 2**20
"""What a convolution of a stack may take for a batch: the C library gives larger pieces back to the system each time,
and clearing them anew takes longer than the arithmetic."""
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, eq=False)
class Job:
    """What a training is about, on the device that trains."""

    data: Data
    runs: Sequence[Run]
    settings: Settings
    layout: Layout
    threads: int
    engine: Engine

    def steps(self, place: int) -> int:
        """Batches of an epoch of the run at a place."""
        return steps_an_epoch(self.runs[place], self.settings.batch_size)


@dataclass(frozen=True, eq=False)
class Population:
    """Members in training.

    Args:
        members: their places among the job's runs.
        state: theirs, in the same order.
        rows: theirs, likewise.
        blocks: neighbours that train in lockstep; their states and rows are views of the population's.
    """

    members: list[int]
    state: State
    rows: Rows
    blocks: list[Block]


def members_a_block(job: Job) -> int:
    """How many members train as one stack on a CPU."""
    widest = max((own[0] * of[1] * of[2] for of, own in pairwise(job.layout.pictures)), default=0)
    if not widest:
        return MEMBERS_A_BLOCK
    return max(1, min(MEMBERS_A_BLOCK, MOST_BYTES // (4 * job.settings.batch_size * widest)))


def order_of(job: Job) -> list[int]:
    """The runs in the order in which they share blocks: those of as many steps an epoch beside each other.

    Where a block's members wait for each other's techniques, those with the same techniques are neighbours too; where
    they don't, techniques are spread evenly over any stretch, so that no thread gets all the slow ones.
    """
    kinds = [[part.name for part in run.recipe] for run in job.runs]
    alike = sorted(range(len(job.runs)), key=lambda i: (job.steps(i), kinds[i], i))
    if not job.engine.dealt:
        return alike
    return [i for _, i in sorted(enumerate(alike), key=lambda p: (job.steps(p[1]), p[0] * GOLDEN % 1.0))]


def start(job: Job, members: list[int]) -> Population:
    """Members before their first step."""
    return resume(job, members, initial_state(job.data, [job.runs[m] for m in members], job.settings, job.layout))


def resume(job: Job, members: list[int], state: State) -> Population:
    """Members with the state that they reached."""
    return _cut(job, members, state, rows_of(job.data, [job.runs[m] for m in members]))


def _cut(job: Job, members: list[int], state: State, rows: Rows) -> Population:
    """Cut members into blocks of equal steps an epoch, as many as keep all threads busy."""
    blocks, start = [], 0
    for _, same in groupby(members, key=job.steps):
        group = list(same)
        for a, b in pairwise(_cuts(len(group), job)):
            blocks.append(
                build_block(
                    job.data,
                    job.runs,
                    group[a:b],
                    settings=job.settings,
                    layout=job.layout,
                    state=state.part(start + a, start + b),
                    rows=rows.part(start + a, start + b),
                )
            )
        start += len(group)
    return Population(members, state, rows, blocks)


def without_ended(job: Job, population: Population, going: Sequence[Tensor]) -> Population:
    """The population without those that ended: the others close up, so that nothing is computed for who left.

    Args:
        job: the training.
        population: the members.
        going: for each block, places in it of the members that go on.
    """
    if all(len(keep) == len(block.members) for keep, block in zip(going, population.blocks, strict=True)):
        return population
    starts = [0, *torch.tensor([len(block.members) for block in population.blocks]).cumsum(0).tolist()]
    keep = torch.cat([places + start for places, start in zip(going, starts[:-1], strict=True)])
    members = [population.members[i] for i in keep.tolist()]
    keep = keep.to(job.data.inputs.device)
    return _cut(job, members, population.state.keep(keep), population.rows.keep(keep))


def _cuts(members: int, job: Job) -> list[int]:
    if job.data.inputs.device.type != "cpu":
        return [0, members]
    most = members if job.engine.dealt else members_a_block(job)
    count = min(members, job.threads * math.ceil(members / (most * job.threads)))
    return [members * i // count for i in range(count + 1)]
