"""How much memory a population takes, and how many members fit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import torch

from goodfit.regularizers.places import Averages
from goodfit.rng import NEIGHBOURS
from goodfit.training.evaluation import rows_at_once
from goodfit.training.population import Job, members_a_block
from goodfit.training.rows import EVALUATED_ROWS
from goodfit.training.runs import Run

SHARE = 0.75
"""Of the free memory that a population may take when nothing else is said."""
SCATTERED = 1.2
"""What torch's small and large pieces take, over their sum."""
CHOOSING = 24
"""Bytes a row that choosing some of them at random takes."""
SORTING = 52
"""Bytes a row that drawing a random order takes in torch: words, keys, and the sort's two results."""
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Footprint:
    """Bytes that a training takes beyond its data.

    Args:
        fixed: whatever the number of members.
        member: for each member that trains.
    """

    fixed: int
    member: int

    def of(self, members: int) -> int:
        """Bytes for so many members."""
        return self.fixed + members * self.member

    def members_in(self, memory: int) -> int:
        """The most members that so many bytes hold, at least 1."""
        return max(1, (memory - self.fixed) // self.member)


def footprint(job: Job) -> Footprint:
    """What the members of a job take while they train: their state, their rows, and room to work in.

    The results that are handed out at the end, P numbers a run, are not in it: they are what was asked for.
    """
    parameters, statistics = job.layout.total, job.layout.statistics
    copies = 3 + (job.settings.optimizer != "sgd") + averages(job) + job.layout.scaling
    rows = max(len(run.train) + len(run.added) for run in job.runs)
    variants = rows * max(run.variants.shape[1] for run in job.runs)
    watched = max(len(run.validation) for run in job.runs)
    evaluated = EVALUATED_ROWS if rows > EVALUATED_ROWS else 0
    state = 4 * (copies * parameters + 2 * statistics) + 8 * (evaluated + variants)
    named, room = 8 * (rows + watched), _room(job, rows)
    shared, own = (named, 0) if _one_set_of_rows(job.runs) else (0, named)
    if job.engine.dealt:
        return Footprint(shared + job.threads * room + 4 * parameters + CHOOSING * rows, state + own)
    if job.data.inputs.device.type == "cpu":
        return Footprint(shared + job.threads * members_a_block(job) * room, state + own)
    return Footprint(shared, state + own + room)


def _one_set_of_rows(runs: Sequence[Run]) -> bool:
    """Whether all runs name the same rows, which are then there once."""
    first = runs[0]
    return all(r.train is first.train and r.validation is first.validation and r.view == first.view for r in runs)


def _room(job: Job, rows: int) -> int:
    """Bytes to work in: for a thread of the compiled engine, or for a member of a stack."""
    batch = -(-rows // max(job.steps(i) for i in range(len(job.runs))))
    inputs, outputs = job.layout.sizes[0], job.layout.sizes[-1]
    widths = _widths(job)
    widest, units = max(inputs, outputs, *widths), sum(widths)
    if job.engine.dealt:
        layers = inputs + units * (1 + job.layout.batch_norm) + 2 * outputs + 2 * widest
        first = job.layout.scaling * inputs * (*job.layout.hidden, outputs)[0]
        return 4 * (batch * layers + 2 * job.layout.total + first) + 4 * rows + 16 * min(rows, NEIGHBOURS)
    training = batch * (3 * inputs + 8 * units) + 8 * job.layout.total
    evaluation = min(rows_at_once(job.layout), rows) * (2 * inputs + 5 * widest)
    most = 4 * rows_at_once(job.layout) if job.layout.channels else EVALUATED_ROWS
    refreshed = min(most, rows) * (2 * inputs + 9 * widest) * (averages(job) and job.layout.batch_norm)
    return int(SCATTERED * 4 * max(training, evaluation, refreshed)) + SORTING * rows


def _widths(job: Job) -> list[int]:
    """Values a row of each hidden layer; a convolution has those before pooling and half as many again after it."""
    pictures = job.layout.pictures
    convolved = [3 * b[0] * a[1] * a[2] // 2 for a, b in pairwise(pictures)]
    return [*convolved, *job.layout.dense, 0]


def averages(job: Job) -> bool:
    """Whether any run keeps an average of its weights."""
    return any(isinstance(part, Averages) for run in job.runs for part in run.recipe)


def free_memory(device: torch.device | None = None) -> int:
    """Bytes that a training may take on a device, by default the CPU: a share of what is free."""
    if device is not None and device.type == "cuda":
        return int(SHARE * torch.cuda.mem_get_info(device)[0])
    return int(SHARE * min(psutil.virtual_memory().available, *_left_to_group()))


def _left_to_group() -> list[int]:
    """Bytes left to this process's control group, if it has a limit: a container's memory is not the machine's.

    Pages of files count as free: the system gives them up where memory is asked for.
    """
    for most, used, stat, name in (
        ("memory.max", "memory.current", "memory.stat", "file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_cache"),
    ):
        with suppress(OSError, ValueError):
            limit, taken = (int((CGROUP / file).read_text()) for file in (most, used))
            return [max(0, limit - max(0, taken - _named(CGROUP / stat, name)))]
    return [2**62]


def _named(file: Path, name: str) -> int:
    """A number from a file of names and numbers, a line each; 0 if it isn't there."""
    with suppress(OSError, ValueError, KeyError):
        return int(dict(line.split() for line in file.read_text().splitlines())[name])
    return 0


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory: each allocator has its own way."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
