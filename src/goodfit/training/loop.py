"""The training loop: a population of runs at once, until each has ended.

blocks = runs of as many steps an epoch, cut into blocks that fit the cache
for epoch:
    for block, side by side:
        for batch:
            rows, targets = inputs(rows), targets(targets)
            hidden        = drop(relu(normalize(hidden)))
            gradient      = d loss + d penalty
            weights       = prox(step(decay(weights)))
            average       = average(weights)
        losses of training and validation rows, in inference mode
        best, waited, stopped = watch(validation loss)
    members that ended leave; the others are cut into blocks anew
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from torch import Tensor

from goodfit.networks import Layout
from goodfit.regularizers import BatchNorm, stack
from goodfit.regularizers.places import Stops
from goodfit.training.block import Block, State, build_block
from goodfit.training.checkpoint import Checkpoint, fingerprint
from goodfit.training.engine import Choice, Engine, choose_engine
from goodfit.training.evaluation import evaluated_weights
from goodfit.training.ledger import OUTCOMES, TRAINING, Ledger, restore, snapshot
from goodfit.training.runs import Data, Run, RunResult, Settings, steps_an_epoch

MEMBERS_A_BLOCK = 16
"""Members that train as one stack on a CPU: more fall out of the cache, fewer waste time on the calls."""


@dataclass(frozen=True)
class Execution:
    """Where and how long.

    Args:
        device: "cpu" or "cuda"; on a CPU blocks of members run side by side, a thread each.
        threads: threads at most; None for as many as torch uses (`OMP_NUM_THREADS`).
        deadline: `time.monotonic()` at which all members end with what they have; at least one epoch is trained.
        engine: "compiled" is the CPU's, "portable" trains anywhere; "auto" takes the first where it can.
    """

    device: str = "cpu"
    threads: int | None = None
    deadline: float = math.inf
    engine: Choice = "auto"


@dataclass(frozen=True)
class Progress:
    """How far a training is, after an epoch.

    Args:
        epoch: epochs done.
        max_epochs: epochs at most.
        alive: members still training.
        members: members in all.
    """

    epoch: int
    max_epochs: int
    alive: int
    members: int


@dataclass(frozen=True, eq=False)
class _Job:
    data: Data
    runs: Sequence[Run]
    settings: Settings
    layout: Layout
    threads: int
    engine: Engine


def train(
    data: Data,
    runs: Sequence[Run],
    settings: Settings,
    *,
    execution: Execution | None = None,
    on_epoch: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[RunResult]:
    """Train a population of runs.

    A run's result is a function of the run, the data and the settings, not of its company: its random numbers are the
    same bit for bit, its floats differ by rounding only.

    Args:
        data: the rows that the runs refer to.
        runs: what to train.
        settings: what they share.
        execution: device, threads, deadline; by default the CPU with all threads and no deadline.
        on_epoch: called after each epoch.
        checkpoint: where to save the state now and then, and to go on from if it is there.

    Returns:
        One result a run, in their order.
    """
    execution = execution or Execution()
    layout = data.layout(settings, batch_norm=any(BatchNorm in run.recipe for run in runs))
    threads = execution.threads or torch.get_num_threads()
    data_there = data.to(torch.device(execution.device))
    engine = choose_engine(execution.engine, data_there, settings, stack([run.recipe for run in runs]))
    job = _Job(data_there, runs, settings, layout, threads, engine)
    print_ = fingerprint(data, runs, settings) if checkpoint else ""
    saved = checkpoint.load(print_) if checkpoint else None
    ledger, state, alive, epoch = restore(saved, job.data.inputs.device) if saved else _begin(job)
    blocks = _cut(job, alive, state)
    with engine.alone(), _workers(threads) as pool:
        while blocks:
            losses = list(pool.map(lambda block, at=epoch: _train_epoch(job, block, at), blocks))
            epoch += 1
            late = time.monotonic() >= execution.deadline
            blocks = _close_epoch(job, ledger, blocks, losses, epoch=epoch, late=late)
            if checkpoint and checkpoint.due and not late:
                checkpoint.save(snapshot(ledger, blocks, epoch), print_)
            if on_epoch:
                on_epoch(Progress(epoch, settings.max_epochs, sum(len(b.members) for b in blocks), len(runs)))
    return [ledger.result(run, place, layout) for place, run in enumerate(runs)]


def _begin(job: _Job) -> tuple[Ledger, State | None, list[int], int]:
    """Members in an order in which neighbours have as many steps and the same techniques: they share blocks."""
    kinds = [[part.name for part in run.recipe] for run in job.runs]
    steps = [steps_an_epoch(run, job.settings.batch_size) for run in job.runs]
    order = sorted(range(len(job.runs)), key=lambda i: (steps[i], kinds[i], i))
    return Ledger.empty(len(job.runs), job.layout, job.settings.max_epochs), None, order, 0


def _cut(job: _Job, alive: list[int], state: State | None) -> list[Block]:
    """Cut members into blocks of equal steps an epoch, as many as keep all threads busy."""
    blocks = []
    places = {member: place for place, member in enumerate(alive)}
    for _, same in groupby(alive, key=lambda i: steps_an_epoch(job.runs[i], job.settings.batch_size)):
        group = list(same)
        for part in _split(group, job):
            own = state.take(torch.tensor([places[m] for m in part])) if state else None
            block = build_block(job.data, job.runs, part, settings=job.settings, layout=job.layout, state=own)
            blocks.append(block)
    return blocks


def _split(group: list[int], job: _Job) -> list[list[int]]:
    if job.data.inputs.device.type != "cpu":
        return [group]
    if job.engine.dealt:
        count = min(len(group), job.threads)
        return [group[i::count] for i in range(count)]
    rounds = math.ceil(len(group) / (MEMBERS_A_BLOCK * job.threads))
    count = min(len(group), rounds * job.threads)
    cuts = [len(group) * i // count for i in range(count + 1)]
    return [group[a:b] for a, b in pairwise(cuts)]


@contextmanager
def _workers(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A thread a block; torch's own threads are set back afterwards."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


def _train_epoch(job: _Job, block: Block, epoch: int) -> tuple[Tensor, Tensor]:
    """Train a block for an epoch.

    Returns:
        Losses `(M, 2)` and outcomes `(M,)` so far.
    """
    job.engine.train_epoch(block, epoch)
    with torch.inference_mode():
        parameters, statistics = evaluated_weights(block, job.data)
        train_loss = job.engine.mean_losses(block, block.evaluated, parameters, statistics)
        validation = job.engine.mean_losses(block, block.validation, parameters, statistics)
        diverged = ~(train_loss.isfinite() & parameters.isfinite().all(1))
        outcome = _watch(block, validation, diverged, parameters, statistics=statistics, epoch=epoch + 1)
        return torch.stack([train_loss, validation], 1), outcome


def _watch(
    block: Block, validation: Tensor, diverged: Tensor, parameters: Tensor, *, statistics: Tensor, epoch: int
) -> Tensor:
    """Keep a copy of what is best so far, count the epochs without improvement, and say who has ended."""
    state, watched = block.state, block.watched
    improved, enough = ~watched, torch.zeros_like(watched)
    for part in block.regularizers.at(Stops):
        improved = improved | part.improves(validation, state.best_loss)
    improved = improved & ~diverged
    state.best[improved] = parameters[improved]
    state.best_statistics[improved] = statistics[improved]
    state.best_loss[improved] = validation[improved]
    state.best_epoch[improved] = epoch
    state.waited.copy_(torch.where(improved, 0, state.waited + 1))
    for part in block.regularizers.at(Stops):
        enough = enough | (watched & part.stops(state.waited))
    outcome = torch.where(enough, OUTCOMES.index("stopped"), TRAINING)
    return torch.where(diverged, OUTCOMES.index("diverged"), outcome)


def _close_epoch(
    job: _Job, ledger: Ledger, blocks: list[Block], results: list[tuple[Tensor, Tensor]], *, epoch: int, late: bool
) -> list[Block]:
    """Enter an epoch in the ledger, let members that ended leave, and cut the others into blocks anew."""
    last = OUTCOMES.index("out of time") if late else OUTCOMES.index("finished")
    over = late or epoch >= job.settings.max_epochs
    going = []
    for block, (losses, outcome) in zip(blocks, results, strict=True):
        ended = torch.where(outcome == TRAINING, last, outcome) if over else outcome
        going.append(ledger.enter(block, losses, ended, epoch))
    if all(len(keep) == len(block.members) for keep, block in zip(going, blocks, strict=True)):
        return blocks
    alive = [block.members[i] for keep, block in zip(going, blocks, strict=True) for i in keep.tolist()]
    if not alive:
        return []
    device = job.data.inputs.device
    left = [block.state.take(keep.to(device)) for keep, block in zip(going, blocks, strict=True)]
    return _cut(job, alive, State.join(left))
