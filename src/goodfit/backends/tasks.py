"""What is sent to a cluster: a task that trains a group, and a mailbox for what tasks tell on their way.

Both are made within functions, so that Ray sends their code and not their names: a node finds out by them that it has
another goodfit, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from itertools import count
from typing import Any

PACKAGES = ("goodfit", "torch", "numpy")
BETWEEN = 0.3
"""Seconds between two letters of a task: each costs processors, which train otherwise, some ten milliseconds in all."""


def own_versions() -> dict[str, str]:
    """Of all that a network's numbers hang on."""
    return {name: version(name) for name in PACKAGES}


class Post:
    """Tasks, and letters from them.

    Args:
        ray: the module, in a process that has joined a cluster.
    """

    def __init__(self, ray: Any) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        kind = ray.remote(_mailbox())
        self.ray, self.task, self.tickets = ray, ray.remote(_training()), count()
        self.mailbox = kind.options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()
        self.letters = self.mailbox.take.remote()

    def read(self) -> dict[int, tuple[int, int, int, int] | None]:
        """The last letter of each task that wrote one; from now on `letters` stands for the next."""
        read: dict[int, tuple[int, int, int, int] | None] = {}
        with suppress(self.ray.exceptions.RayError):  # a mailbox that died comes back empty
            read = self.ray.get(self.letters)
        self.letters = self.mailbox.take.remote()
        return read


def _training() -> Callable[..., tuple[Any, Any]]:
    between = BETWEEN

    def train_group(expected: dict[str, str], refs: list[Any], mailbox: Any, ticket: int) -> tuple[Any, Any]:
        """Train a group, unless this node's versions differ from those expected; that is then the answer."""
        import socket
        import time
        from dataclasses import astuple
        from importlib.metadata import PackageNotFoundError, version

        began, told = time.monotonic(), time.monotonic()
        mailbox.tell.remote(ticket, None)
        for name, wanted in expected.items():
            try:
                own = version(name)
            except PackageNotFoundError:
                own = "none"
            if own != wanted:
                return f"node {socket.gethostname()} has {name} {own}, and this process {wanted}", None
        import ray

        from goodfit.backends.work import carry_out

        fetched: list[Any] = [None if ref is None else ray.get(ref) for ref in refs]

        def tell(progress: Any) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= between:
                told = now
                mailbox.tell.remote(ticket, astuple(progress))

        order, packed, planned, saved = fetched
        return carry_out(order, packed, planned, saved, tell=tell, began=began)

    return train_group


def _mailbox() -> type:
    import asyncio

    class Mailbox:
        """Letters from tasks, until somebody takes them."""

        def __init__(self) -> None:
            self.letters: dict[int, Any] = {}
            self.any = asyncio.Event()

        async def tell(self, ticket: int, content: Any) -> None:
            """Put in a task's letter; it takes the place of its last."""
            self.letters[ticket] = content
            self.any.set()

        async def take(self) -> dict[int, Any]:
            """The last letter of each task that has told something; waits for one."""
            await self.any.wait()
            self.any.clear()
            letters, self.letters = self.letters, {}
            return letters

    return Mailbox
