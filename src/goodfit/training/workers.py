"""Worker threads for blocks, each with one thread of torch's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

import torch

if hasattr(os, "register_at_fork"):
    # OpenMP's threads don't survive a fork, and torch would wait for them for ever
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@dataclass
class _Borrowed:
    """torch's number of threads is the process's: the first training sets it to one, the last sets it back."""

    lock: Lock = field(default_factory=Lock)
    trainings: int = 0
    before: int = 1

    def take(self) -> None:
        with self.lock:
            if self.trainings == 0:
                self.before = torch.get_num_threads()
                torch.set_num_threads(1)
            self.trainings += 1

    def give_back(self) -> None:
        with self.lock:
            self.trainings -= 1
            if self.trainings == 0:
                torch.set_num_threads(self.before)


_BORROWED = _Borrowed()


@contextmanager
def workers(threads: int) -> Iterator[ThreadPoolExecutor]:
    """So many threads; meanwhile torch uses one in each of them and one in this thread."""
    _BORROWED.take()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool
    finally:
        _BORROWED.give_back()
