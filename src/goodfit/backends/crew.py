"""The tasks of a training: sent, watched, sent again where a machine died, and called back where it ends early."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from goodfit.backends.connecting import Room, room_in
from goodfit.backends.parts import Part, seconds_until, share_of
from goodfit.backends.tasks import Post, own_versions
from goodfit.backends.work import Answer, Order, Report
from goodfit.errors import InputError
from goodfit.training import Execution, Progress

TICK = 1.0
"""Seconds after which the cluster is looked at even if nothing was heard of it."""
LATE, LATE_SHARE = 5.0, 0.1
"""Seconds, and the share of its own, that a task may wait for a processor before it is told anew how many are left."""


@dataclass(eq=False)
class Sent:
    """A task on its way: its group, its number, its second result (a state), when and for how long it was sent."""

    part: Part
    ticket: int
    state: Any
    at: float
    seconds: float
    begun: bool = False


@dataclass(eq=False)
class Crew:
    """Trains groups on a cluster.

    Args:
        post: tasks, and letters from them.
        execution: device, threads, deadline, engine, memory; without a backend.
        shared: where the rows, and the runs with their settings, lie in the object store.
        batch_norm: whether any run has batch norm.
        patience: seconds without a free processor after which it gives up.
    """

    post: Post
    execution: Execution
    shared: tuple[Any, Any]
    batch_norm: bool
    patience: float
    room: Room = field(init=False)
    looked: float = field(init=False)
    heard: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.look()
        self.task = self.post.task.options(
            num_cpus=self.threads, num_gpus=int(self.on_gpu), num_returns=2, max_retries=0
        )
        self.expected = own_versions()

    @property
    def ray(self) -> Any:
        """The module."""
        return self.post.ray

    @property
    def threads(self) -> int:
        """Of a task."""
        return self.execution.threads or 1

    @property
    def on_gpu(self) -> bool:
        """Whether a task needs a GPU."""
        return self.execution.device == "cuda"

    def look(self) -> None:
        """See what the cluster has room for now: nodes come and go."""
        self.room, self.looked = room_in(self.ray, threads=self.threads, device=self.execution.device), time.monotonic()

    def train(
        self,
        parts: Sequence[Part],
        until: int,
        *,
        on_report: Callable[[Part, Report], None],
        on_news: Callable[[], None],
    ) -> None:
        """Train groups to an epoch; one that has failed too often is left as it is, and says so.

        Args:
            parts: the groups.
            until: the epoch.
            on_report: called with what a task has brought.
            on_news: called whenever something was heard, and once in a while without.

        Raises:
            InputError: no processor came free; versions differ; a node refuses to train these runs.
        """
        waiting, going = deque(parts), dict[Any, Sent]()
        self.heard = time.monotonic()
        try:
            while waiting or going:
                while waiting and len(going) < max(1, self.room.tasks):
                    ref, sent = self._send(waiting.popleft(), until, len(waiting) + 1)
                    going[ref] = sent
                for ref in self._wait(going):
                    sent = going.pop(ref)
                    if not self._received(ref, sent, on_report) and not sent.part.lost:
                        waiting.append(sent.part)
                self._call_back_the_late(waiting, going)
                on_news()
        finally:
            for ref in going:
                self._cancel(ref)

    def _send(self, part: Part, until: int, waiting: int) -> tuple[Any, Sent]:
        left = seconds_until(self.execution.deadline)
        seconds = left if math.isinf(left) else share_of(left, waiting, self.room.tasks)
        order = Order(
            tuple(part.places),
            tuple(part.places.index(place) for place in part.dropped),
            until,
            seconds,
            self.execution,
            self.batch_norm,
            max(1, self.room.beside),
        )
        ticket = next(self.post.tickets)
        refs = [self.ray.put(order), *self.shared, part.state]
        answer, state = self.task.remote(self.expected, refs, self.post.mailbox, ticket)
        return answer, Sent(part, ticket, state, time.monotonic(), seconds)

    def _wait(self, going: dict[Any, Sent]) -> list[Any]:
        """The tasks that have ended; what others told on their way is noted."""
        ready, _ = self.ray.wait([*going, self.post.letters], num_returns=1, timeout=TICK)
        if time.monotonic() - self.looked >= TICK:
            self.look()
            self._check_begun(going)
        if self.post.letters in ready:
            self._read(going)
        return [ref for ref in ready if ref in going]

    def _read(self, going: dict[Any, Sent]) -> None:
        letters = self.post.read()
        for sent in going.values():
            if sent.ticket in letters:
                told, sent.begun, self.heard = letters[sent.ticket], True, time.monotonic()
                sent.part.progress = sent.part.progress if told is None else Progress(*told)

    def _received(self, ref: Any, sent: Sent, on_report: Callable[[Part, Report], None]) -> bool:
        """Take a task's answer; False if it has none."""
        part, self.heard = sent.part, time.monotonic()
        try:
            answer: Answer | str = self.ray.get(ref)
        except self.ray.exceptions.RayError as error:
            part.fail(_why(error))
            return False
        if isinstance(answer, str):
            raise InputError(f"{answer}: install the same versions on all nodes of the Ray cluster")
        if answer.report is None:
            raise InputError(answer.refused)
        part.state = sent.state
        on_report(part, answer.report)
        return True

    def _call_back_the_late(self, waiting: deque[Part], going: dict[Any, Sent]) -> None:
        """Tasks that have waited long for a processor are sent anew, for there is less time now than they were told."""
        now = time.monotonic()
        for ref, sent in list(going.items()):
            if not sent.begun and now - sent.at > max(LATE, LATE_SHARE * sent.seconds):
                self._cancel(ref)
                del going[ref]
                waiting.appendleft(sent.part)

    def _check_begun(self, going: dict[Any, Sent]) -> None:
        if any(sent.begun for sent in going.values()) or time.monotonic() - self.heard < self.patience:
            return
        what = f"{self.threads} {'CPU' if self.threads == 1 else 'CPUs'}{' and a GPU' if self.on_gpu else ''}"
        whole, free = self.ray.cluster_resources(), self.ray.available_resources()
        counts = ", ".join(f"{free.get(kind, 0):.0f} of {whole.get(kind, 0):.0f} {kind}s" for kind in ("CPU", "GPU"))
        raise InputError(
            f"no node of the Ray cluster had {what} free for {self.patience:.0f} seconds ({counts} are free): wait "
            "until others are done, add nodes, or train without Ray"
        )

    def _cancel(self, ref: Any) -> None:
        with suppress(self.ray.exceptions.RayError, ValueError, TypeError):
            self.ray.cancel(ref, force=True)


def _why(error: Exception) -> str:
    """What became of a task, in a few words."""
    cause = getattr(error, "cause", None)
    if cause is not None:
        return f"{type(cause).__name__}: {' '.join(str(cause).split())}"[:200]
    said = {
        "OutOfMemoryError": "its node had no memory left",
        "WorkerCrashedError": "its process died",
        "NodeDiedError": "its node died",
    }
    return said.get(type(error).__name__, f"{type(error).__name__}")
