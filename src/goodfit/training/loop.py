"""The training loop: a population of runs at once, until each has ended.

groups = runs that fit into memory together
for group:
    blocks = runs of as many steps an epoch, cut into blocks that share a thread or a device
    for epoch:
        for block, side by side:
            a row or one of its variants, for each training row
            for batch:
                rows, targets = mix(inputs(rows)), targets(targets)
                hidden        = drop(relu(normalize(hidden)))
                gradient      = d loss + d penalty
                weights       = prox(step(decay(weights)))
                average       = average(weights)
            losses of training and validation rows, in inference mode
            best, waited, stopped = watch(validation loss)
        members that ended, or that are dropped, leave; the others close up and are cut into blocks anew
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goodfit.networks import views
from goodfit.regularizers import BatchNorm, stack
from goodfit.regularizers.places import Averages, Stops
from goodfit.training.block import Block
from goodfit.training.checkpoint import Checkpoint, fingerprint
from goodfit.training.engine import Choice, choose_engine
from goodfit.training.groups import Groups, Progress
from goodfit.training.ledger import OUTCOMES, TRAINING, Ledger, restore, snapshot
from goodfit.training.memory import footprint, free_memory, is_out_of_memory
from goodfit.training.population import Job, Population, order_of, resume, start, without_ended
from goodfit.training.runs import Data, Run, RunResult, Settings
from goodfit.training.workers import workers

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Execution:
    """Where and how long.

    Args:
        device: "cpu" or "cuda"; on a CPU blocks of members run side by side, a thread each.
        threads: threads at most; None for as many as torch uses (`OMP_NUM_THREADS`).
        deadline: `time.monotonic()` at which all members end with what they have; at least one epoch is trained.
        engine: "compiled" is the CPU's, "portable" trains anywhere; "auto" takes the first where it can.
        memory: bytes that members in training may take; None for three quarters of what is free. More runs than fit are
            trained a group after the other.
    """

    device: str = "cpu"
    threads: int | None = None
    deadline: float = math.inf
    engine: Choice = "auto"
    memory: int | None = None


Drop = Callable[[int, Floats], Places]
"""Which runs to end early: asked after each epoch (from 1) with the validation losses `(N, epoch)` of all runs, nan
where a run has not trained or has ended; answers with the places of those to drop."""


def train(
    data: Data,
    runs: Sequence[Run],
    settings: Settings,
    *,
    execution: Execution | None = None,
    on_epoch: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
    drop: Drop | None = None,
) -> list[RunResult]:
    """Train a population of runs.

    A run's result is a function of the run, the data and the settings, not of its company. Its random numbers are the
    same bit for bit on any engine and device; its floats are the same bit for bit in any company where the compiled
    engine trains, and up to rounding otherwise.

    Args:
        data: the rows that the runs refer to.
        runs: what to train.
        settings: what they share.
        execution: device, threads, deadline, engine, memory; by default the CPU with all threads and no deadline.
        on_epoch: called after each epoch.
        checkpoint: where to save the state now and then, and to go on from if it is there.
        drop: which runs are not worth going on with; None to go on with all.

    Returns:
        One result a run, in their order.

    Raises:
        InputError: not even one member fits into memory, or the engine asked for can't train these runs.
    """
    if not runs:
        return []
    execution = execution or Execution()
    job = _job(data, runs, settings, execution)
    print_ = fingerprint(data, runs, settings) if checkpoint else ""
    saved = checkpoint.load(print_) if checkpoint else None
    ledger, population, epoch = _resume(job, saved) if saved else (_empty_ledger(job), None, 0)
    groups = _groups(job, ledger, population, execution)
    with job.engine.alone(), workers(job.threads) as pool:
        while population or groups.waiting:
            try:
                if population is None:
                    population, epoch = start(job, groups.take()), 0
                results = _side_by_side(pool, job, population.blocks, epoch)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                groups.put_back()
                population = None
                continue
            epoch += 1
            late = time.monotonic() >= groups.until
            population = _close_epoch(job, ledger, population, results, epoch=epoch, late=late, drop=drop)
            groups.training = population.members if population else []
            if checkpoint and checkpoint.due and not late:
                state = population.state if population else None
                checkpoint.save(snapshot(ledger, groups.training, state, epoch), print_)
            if on_epoch:
                on_epoch(groups.progress(epoch, settings.max_epochs, len(runs)))
            groups.done += population is None
    return [ledger.result(run, place, job.layout) for place, run in enumerate(runs)]


def _job(data: Data, runs: Sequence[Run], settings: Settings, execution: Execution) -> Job:
    there = data.to(torch.device(execution.device))
    return Job(
        data=there,
        runs=runs,
        settings=settings,
        layout=data.layout(settings, batch_norm=any(BatchNorm in run.recipe for run in runs)),
        threads=execution.threads or torch.get_num_threads(),
        engine=choose_engine(execution.engine, there, settings, stack([run.recipe for run in runs])),
    )


def _empty_ledger(job: Job) -> Ledger:
    return Ledger.empty(len(job.runs), job.layout, job.settings.max_epochs)


def _resume(job: Job, saved: dict[str, Tensor]) -> tuple[Ledger, Population | None, int]:
    """Where a training stood when it was saved."""
    ledger, state, members, epoch = restore(saved, job.data.inputs.device)
    return ledger, resume(job, members, state) if state else None, epoch


def _groups(job: Job, ledger: Ledger, population: Population | None, execution: Execution) -> Groups:
    """Who waits: the runs that neither ended nor train; and how many fit into memory."""
    training = population.members if population else []
    busy = set(training)
    waiting = [i for i in order_of(job) if ledger.outcome[i] == TRAINING and i not in busy]
    most = footprint(job).members_in(execution.memory or free_memory(job.data.inputs.device))
    return Groups(waiting, most, execution.deadline, training)


def _side_by_side(pool: ThreadPoolExecutor, job: Job, blocks: list[Block], epoch: int) -> list[tuple[Tensor, Tensor]]:
    """Train each block for an epoch; one that fails is not left before the others have stopped using their memory."""
    futures = [pool.submit(_train_epoch, job, block, epoch) for block in blocks]
    wait(futures)
    try:
        return [future.result() for future in futures]
    finally:
        futures.clear()  # an error would hold them, they the error, and both the blocks


def _train_epoch(job: Job, block: Block, epoch: int) -> tuple[Tensor, Tensor]:
    """Train a block for an epoch.

    Returns:
        Losses `(M, 2)` and outcomes `(M,)` so far.
    """
    job.engine.train_epoch(replace(block, rows=block.rows.of_epoch(block.streams, epoch)), epoch)
    with torch.inference_mode():
        parameters, statistics = _evaluated_weights(job, block)
        train_loss = job.engine.mean_losses(block, block.rows.evaluated, parameters, statistics)
        validation = job.engine.mean_losses(block, block.rows.validation, parameters, statistics)
        diverged = ~(train_loss.isfinite() & torch.linalg.vector_norm(parameters, math.inf, dim=1).isfinite())
        outcome = _watch(block, validation, diverged, parameters, statistics=statistics, epoch=epoch + 1)
        return torch.stack([train_loss, validation], 1), outcome


def _evaluated_weights(job: Job, block: Block) -> tuple[Tensor, Tensor]:
    """The parameters and statistics that count at an epoch's end, their outputs shifted where a run asks for it."""
    parameters, statistics = _averaged_weights(job, block)
    if block.shift is not None:
        parameters = parameters.clone()
        views(parameters, block.layout).biases[-1].add_(block.shift[:, None])
    return parameters, statistics


def _averaged_weights(job: Job, block: Block) -> tuple[Tensor, Tensor]:
    """Averaged parameters and their statistics where a recipe averages, else those of the last step.

    The statistics of averaged weights are computed anew over training rows; running averages belong to the path of the
    weights, not to their average.
    """
    state, averaging = block.state, block.regularizers.at(Averages)
    if not averaging:
        return state.parameters, state.statistics
    statistics = state.statistics.clone()
    job.engine.refresh_statistics(block, state.average, statistics)
    neutral = torch.as_tensor(averaging[0].decay)[:, None] == 0
    return state.average, torch.where(neutral, state.statistics, statistics)


def _watch(
    block: Block, validation: Tensor, diverged: Tensor, parameters: Tensor, *, statistics: Tensor, epoch: int
) -> Tensor:
    """Keep a copy of what is best so far, count the epochs without improvement, and say who has ended."""
    state, watched = block.state, block.watched
    improved, enough = ~watched, torch.zeros_like(watched)
    for part in block.regularizers.at(Stops):
        improved = improved | part.improves(validation, state.best_loss)
    improved = improved & ~diverged
    _copy_rows(state.best, parameters, improved)
    _copy_rows(state.best_statistics, statistics, improved)
    state.best_loss[improved] = validation[improved]
    state.best_epoch[improved] = epoch
    state.waited.copy_(torch.where(improved, 0, state.waited + 1))
    for part in block.regularizers.at(Stops):
        enough = enough | (watched & part.stops(state.waited))
    outcome = torch.where(enough, OUTCOMES.index("stopped"), TRAINING)
    return torch.where(diverged, OUTCOMES.index("diverged"), outcome)


def _copy_rows(to: Tensor, source: Tensor, chosen: Tensor) -> None:
    """Copy some members' rows: on a CPU one by one, which takes no memory for a copy between."""
    if to.device.type != "cpu":
        to[chosen] = source[chosen]
        return
    for row in chosen.nonzero().squeeze(1).tolist():
        to[row].copy_(source[row])


def _close_epoch(
    job: Job,
    ledger: Ledger,
    population: Population,
    results: list[tuple[Tensor, Tensor]],
    *,
    epoch: int,
    late: bool,
    drop: Drop | None,
) -> Population | None:
    """Enter an epoch in the ledger, and let members that ended leave; None when none is left."""
    last = OUTCOMES.index("out of time") if late else OUTCOMES.index("finished")
    over = late or epoch >= job.settings.max_epochs
    for block, (losses, _) in zip(population.blocks, results, strict=True):
        ledger.note(block, losses, epoch)
    dropped = torch.zeros(len(job.runs), dtype=torch.bool)
    if drop and not over:
        dropped[drop(epoch, ledger.losses[:, :epoch, 1].numpy())] = True
    going = []
    for block, (_, outcome) in zip(population.blocks, results, strict=True):
        left = dropped[block.members].to(outcome.device)
        ended = torch.where((outcome == TRAINING) & left, OUTCOMES.index("dropped"), outcome)
        going.append(ledger.close(block, torch.where(ended == TRAINING, last, ended) if over else ended))
    if not any(len(keep) for keep in going):
        return None
    return without_ended(job, population, going)
