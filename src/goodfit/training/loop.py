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
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from goodfit.networks import folded, views
from goodfit.regularizers import BatchNorm, stack
from goodfit.regularizers.places import Averages, Stops
from goodfit.training.block import Block
from goodfit.training.checkpoint import Checkpoint, fingerprint
from goodfit.training.engine import choose_engine
from goodfit.training.execution import Drop, Execution
from goodfit.training.groups import Groups, Progress
from goodfit.training.ledger import OUTCOMES, TRAINING, Ledger, restore, snapshot
from goodfit.training.memory import footprint, free_memory, is_out_of_memory
from goodfit.training.population import Job, Population, order_of, resume, start, without_ended
from goodfit.training.runs import Data, Run, RunResult, Settings
from goodfit.training.workers import workers


@dataclass
class Standing:
    """Where a training stands.

    Args:
        ledger: what is known of all runs.
        groups: whose turn it is, and who waits.
        population: the members of this turn that train; None between turns.
        epoch: how many this turn has trained.
    """

    ledger: Ledger
    groups: Groups
    population: Population | None = None
    epoch: int = 0

    def late(self, began: float) -> bool:
        """Whether this turn has no time left for an epoch as long as the one that began then and ends now."""
        now = time.monotonic()
        return now + (now - began) >= self.groups.until


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
        execution: device, threads, deadline, engine, memory, backend; by default this process on the CPU with all
            threads and no deadline.
        on_epoch: called after each epoch.
        checkpoint: where to save the state now and then, and to go on from if it is there.
        drop: which runs are not worth going on with; None to go on with all.

    Returns:
        One result a run, in their order.

    Raises:
        InputError: not even one member fits into memory, or the engine asked for can't train these runs; the backend
            can't be had.
    """
    if not runs:
        return []
    execution = execution or Execution()
    if execution.backend is not None:
        return execution.backend.train(
            data, runs, settings, execution=execution, on_epoch=on_epoch, checkpoint=checkpoint, drop=drop
        )
    job = job_of(data, runs, settings, execution)
    print_ = fingerprint(data, runs, settings) if checkpoint else ""
    saved = checkpoint.load(print_) if checkpoint else None
    standing = resumed(job, execution, saved)
    with closing(epochs(job, standing, drop)) as each:
        for late in each:
            if checkpoint and checkpoint.due and not late:
                checkpoint.save(saved_as(standing), print_)
            if on_epoch:
                on_epoch(standing.groups.progress(standing.epoch, settings.max_epochs, len(runs)))
    return results_of(job, standing.ledger)


def job_of(
    data: Data, runs: Sequence[Run], settings: Settings, execution: Execution, *, batch_norm: bool = False
) -> Job:
    """What a training is about; its networks have room for batch norm where any of the runs has it, or if asked to."""
    there = data.to(torch.device(execution.device))
    normed = batch_norm or any(BatchNorm in run.recipe for run in runs)
    return Job(
        data=there,
        runs=runs,
        settings=settings,
        layout=data.layout(settings, batch_norm=normed),
        threads=execution.threads or torch.get_num_threads(),
        engine=choose_engine(execution.engine, there, settings, stack([run.recipe for run in runs])),
    )


def resumed(job: Job, execution: Execution, saved: dict[str, Tensor] | None = None) -> Standing:
    """Where a training begins, or stood when it was saved; how many of the others fit into memory beside each other."""
    ledger, population, epoch = empty_ledger(job), None, 0
    if saved:
        ledger, state, members, epoch = restore(saved, job.data.inputs.device)
        population = resume(job, members, state) if state else None
    training = population.members if population else []
    busy = set(training)
    waiting = [i for i in order_of(job) if ledger.outcome[i] == TRAINING and i not in busy]
    most = footprint(job).members_in(execution.memory or free_memory(job.data.inputs.device))
    return Standing(ledger, Groups(waiting, most, execution.deadline, training), population, epoch)


def saved_as(standing: Standing) -> dict[str, Tensor]:
    """Everything that a training needs to go on from where it stands."""
    state = standing.population.state if standing.population else None
    return snapshot(standing.ledger, standing.groups.training, state, standing.epoch)


def epochs(job: Job, standing: Standing, drop: Drop | None = None) -> Generator[bool]:
    """Train until every run has ended, and say after each epoch whether it was the last for lack of time.

    Whoever asks for the next one may take this turn's population away in between: the next turn begins then.
    """
    with job.engine.alone(), workers(job.threads) as pool:
        while standing.population or standing.groups.waiting:
            began = time.monotonic()
            try:
                if standing.population is None:
                    standing.population, standing.epoch = start(job, standing.groups.take()), 0
                results = _side_by_side(pool, job, standing.population.blocks, standing.epoch)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                standing.groups.put_back()
                standing.population = None
                continue
            standing.epoch += 1
            late = standing.late(began)
            _close_epoch(job, standing, results, late=late, drop=drop)
            yield late
            standing.groups.done += standing.population is None


def empty_ledger(job: Job) -> Ledger:
    """What is known before the first epoch: nothing."""
    return Ledger.empty(len(job.runs), job.layout, job.settings.max_epochs)


def results_of(job: Job, ledger: Ledger) -> list[RunResult]:
    """What came of each run."""
    return [ledger.result(run, place, job.layout) for place, run in enumerate(job.runs)]


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
    """Averaged parameters and their statistics where a recipe averages, else those of the last step; folded.

    The statistics of averaged weights are computed anew over training rows; running averages belong to the path of the
    weights, not to their average.
    """
    state, averaging = block.state, block.regularizers.at(Averages)
    if not averaging:
        return folded(state.parameters, block.layout), state.statistics
    average, statistics = folded(state.average, block.layout), state.statistics.clone()
    job.engine.refresh_statistics(block, average, statistics)
    neutral = torch.as_tensor(averaging[0].decay)[:, None] == 0
    return average, torch.where(neutral, state.statistics, statistics)


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
    job: Job, standing: Standing, results: list[tuple[Tensor, Tensor]], *, late: bool, drop: Drop | None
) -> None:
    """Enter an epoch in the ledger, and let members that ended leave; no population where none is left."""
    population, ledger, epoch = standing.population, standing.ledger, standing.epoch
    assert population is not None
    last = OUTCOMES.index("out of time") if late else OUTCOMES.index("finished")
    over = late or epoch >= job.settings.max_epochs
    for block, (losses, _) in zip(population.blocks, results, strict=True):
        ledger.note(block, losses, epoch)
    dropped = torch.zeros(len(job.runs), dtype=torch.bool)
    if drop and epoch in drop.at and not over:
        dropped[drop.choose(epoch, ledger.losses[:, :epoch, 1].numpy())] = True
    going = []
    for block, (_, outcome) in zip(population.blocks, results, strict=True):
        left = dropped[block.members].to(outcome.device)
        ended = torch.where((outcome == TRAINING) & left, OUTCOMES.index("dropped"), outcome)
        going.append(ledger.close(block, torch.where(ended == TRAINING, last, ended) if over else ended))
    left_over = any(len(keep) for keep in going)
    standing.population = without_ended(job, population, going) if left_over else None
    standing.groups.training = standing.population.members if standing.population else []
