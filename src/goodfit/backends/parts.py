"""A training in parts: groups of runs, how far each is, and when it should end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from goodfit.training import Progress

TURNS = 4
"""Groups for each task that the cluster has room for, where none waits for another: what is lost with a machine, and
what an interrupted training does again, is so much smaller."""
MOST_FAILURES = 3


@dataclass(eq=False)
class Part:
    """A group of runs.

    Args:
        places: the runs.
        going: those that have not ended.
        state: where the state lies in which they were put aside; None at the beginning.
        dropped: those of the runs that were dropped since.
        failures: how often its training failed.
        why: the last time.
        progress: of its task; None before the first epoch.
    """

    places: list[int]
    going: list[int] = field(default_factory=list)
    state: Any = None
    dropped: list[int] = field(default_factory=list)
    failures: int = 0
    why: str = ""
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.going = list(self.places)

    @property
    def lost(self) -> bool:
        """Whether it has failed too often to be tried again."""
        return self.failures >= MOST_FAILURES

    def end(self, dropped: Iterable[int]) -> None:
        """Some of its runs go on no more."""
        gone = set(dropped)
        self.dropped += [place for place in self.going if place in gone]
        self.going = [place for place in self.going if place not in gone]

    def fail(self, why: str) -> None:
        """It has to begin anew, without those that have ended."""
        self.failures, self.why = self.failures + 1, why
        self.places, self.dropped, self.state, self.progress = list(self.going), [], None, None


def cut(places: Sequence[int], count: int) -> list[Part]:
    """At most so many groups of neighbours, of about as many runs each."""
    count = max(1, min(count, len(places)))
    bounds = [len(places) * i // count for i in range(count + 1)]
    return [Part(list(places[a:b])) for a, b in pairwise(bounds) if b > a]


def share_of(seconds: float, waiting: int, tasks: int) -> float:
    """Of the seconds left, those of the next group, so that those who wait behind it get theirs."""
    return seconds / math.ceil(max(waiting, 1) / max(tasks, 1))


def seconds_until(deadline: float) -> float:
    """Seconds left; infinite without a deadline."""
    return max(0.0, deadline - time.monotonic()) if math.isfinite(deadline) else math.inf


def progress_of(parts: Sequence[Part], max_epochs: int, members: int, done: int) -> Progress:
    """How far all groups are.

    Args:
        parts: the groups.
        max_epochs: of each.
        members: runs in all.
        done: those of them that ended before these groups were made.
    """
    told = [_whole(part, max_epochs) for part in parts]
    epochs = sum(round(max_epochs * one.epoch / one.max_epochs) for one in told)
    alive = min(sum(one.alive for one in told), members - done)
    return Progress(epochs, max_epochs * len(parts), alive, members)


def _whole(part: Part, max_epochs: int) -> Progress:
    """A group's own progress; one that has ended is done with all its epochs."""
    if not part.going or part.lost:
        return Progress(max_epochs, max_epochs, 0, len(part.places))
    return part.progress or Progress(0, max_epochs, len(part.going), len(part.places))
