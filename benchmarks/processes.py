"""Rivals in as many processes as threads, timed from a common start."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol, Self

import torch
from rivals import Task, Train, Trial, make_rows, score

SPINS = 0.25
"""Seconds for which some OpenMP libraries let idle threads spin, in the way of other processes."""


class Barrier(Protocol):
    def wait(self) -> int: ...


def serve(line: Connection, barrier: Barrier, seed: int) -> None:
    """A process of one thread: trains its share of each task from the common start, until it is told None."""
    torch.set_num_threads(1)
    x, y = make_rows()
    while (message := line.recv()) is not None:
        train, task = message
        torch.manual_seed(seed)
        barrier.wait()
        predict = train(task) if task.members else None
        line.send(None)
        line.send(score(predict, x, y))


class Processes:
    """As many processes as threads, one thread each; they are started once and wait at a barrier before each task."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self.barrier = context.Barrier(self.count + 1)
        self.lines, self.processes = [], []
        for seed in range(self.count):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, self.barrier, seed), daemon=True)
            process.start()
            self.lines.append(ours)
            self.processes.append(process)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for line in self.lines:
            line.send(None)
        for process in self.processes:
            process.join()

    def timed(self, train: Train, task: Task) -> Trial:
        """From the common start until the last process has trained its share."""
        shares = [(task.members + place) // self.count for place in range(self.count)]
        for line, share in zip(self.lines, shares, strict=True):
            line.send((train, replace(task, members=share)))
        time.sleep(SPINS)
        self.barrier.wait()
        start = time.perf_counter()
        for line in self.lines:
            line.recv()
        seconds = time.perf_counter() - start
        losses = [line.recv() for line in self.lines]
        mean = sum(loss * share for loss, share in zip(losses, shares, strict=True) if share) / task.members
        return Trial(seconds, task.steps, mean)
