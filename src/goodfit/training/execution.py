"""Where a training takes place and until when, and what else may end it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from goodfit.training.checkpoint import Checkpoint
from goodfit.training.engine import Choice
from goodfit.training.groups import Progress
from goodfit.training.runs import Data, Run, RunResult, Settings

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Drop:
    """Which runs to end early.

    Args:
        at: the epochs, from 1, after which it is asked; other machines train from one to the next without a word.
        choose: asked with the epoch and the validation losses `(N, epoch)` of all runs, nan where a run has not trained
            or has ended; answers with the places of those to drop.
    """

    at: frozenset[int]
    choose: Callable[[int, Floats], Places]


class Backend(Protocol):
    """Trains the runs of a population elsewhere than in this process."""

    def train(
        self,
        data: Data,
        runs: Sequence[Run],
        settings: Settings,
        *,
        execution: Execution,
        on_epoch: Callable[[Progress], None] | None = None,
        checkpoint: Checkpoint | None = None,
        drop: Drop | None = None,
    ) -> list[RunResult]:
        """What `goodfit.training.train` does: the same results, in the order of the runs, one or more."""


@dataclass(frozen=True)
class Execution:
    """Where and how long.

    Args:
        device: "cpu" or "cuda"; on a CPU blocks of members run side by side, a thread each.
        threads: threads at most; None for as many as torch uses (`OMP_NUM_THREADS`). With a backend, those of a group
            of runs, and None for one.
        deadline: `time.monotonic()` by which all members end with what they have: an epoch as long as the last one is
            begun only if it ends by then. At least one is trained.
        engine: "compiled" is the CPU's, "portable" trains anywhere; "auto" takes the first where it can.
        memory: bytes that members in training may take; None for three quarters of what is free. More runs than fit are
            trained a group after the other.
        backend: who trains; None for this process.
    """

    device: str = "cpu"
    threads: int | None = None
    deadline: float = math.inf
    engine: Choice = "auto"
    memory: int | None = None
    backend: Backend | None = None
