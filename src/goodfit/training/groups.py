"""Runs that wait for their turn: as many train together as memory holds."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from goodfit.errors import InputError


@dataclass(frozen=True)
class Progress:
    """How far a training is, after an epoch.

    Args:
        epoch: epochs done, of all groups so far.
        max_epochs: epochs at most, of all groups.
        alive: members that train or wait.
        members: members in all.
    """

    epoch: int
    max_epochs: int
    alive: int
    members: int


@dataclass
class Groups:
    """The runs that wait, and those that train.

    Args:
        waiting: places of runs whose turn comes.
        most: how many train together at most.
        deadline: `time.monotonic()` at which all should end.
        training: places of the runs of this turn that have not ended.
        done: turns before this one.
        until: when this turn should end.
    """

    waiting: list[int]
    most: int
    deadline: float
    training: list[int] = field(default_factory=list)
    done: int = 0
    until: float = field(init=False)

    def __post_init__(self) -> None:
        self.until = self._share()

    def take(self) -> list[int]:
        """The next turn's runs."""
        self.training, self.waiting = self.waiting[: self.most], self.waiting[self.most :]
        self.until = self._share()
        return self.training

    def put_back(self) -> None:
        """This turn's runs wait again, to train in smaller groups: there was no memory for so many.

        Raises:
            InputError: it was one run alone.
        """
        if len(self.training) <= 1:
            raise InputError(
                "out of memory with one network alone; take fewer hidden units, smaller batches or fewer rows"
            )
        self.most = max(1, len(self.training) // 2)
        self.waiting, self.training = self.training + self.waiting, []

    def progress(self, epoch: int, max_epochs: int, members: int) -> Progress:
        """How far all turns are, after an epoch of this one."""
        turns = self.done + 1 + math.ceil(len(self.waiting) / self.most)
        alive = len(self.training) + len(self.waiting)
        return Progress(self.done * max_epochs + epoch, turns * max_epochs, alive, members)

    def _share(self) -> float:
        """When this turn should end, so that those who wait get their share of the time."""
        if not self.training or math.isinf(self.deadline):
            return self.deadline
        now = time.monotonic()
        return now + (self.deadline - now) * len(self.training) / (len(self.training) + len(self.waiting))
