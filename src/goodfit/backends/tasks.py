"""What is sent to a cluster: a task that trains a group, and a mailbox for what tasks tell on their way.

Both are made within functions, so that Ray sends their code and not their names: a node finds out by them that it has
another goodfit, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

PACKAGES = ("goodfit", "torch", "numpy")


def own_versions() -> dict[str, str]:
    """Of all that a network's numbers hang on."""
    return {name: version(name) for name in PACKAGES}


def task_of(ray: Any) -> Any:
    """The task, for Ray."""
    return ray.remote(_training())


def mailbox_of(ray: Any) -> Any:
    """A mailbox on this process's own node, if it can be had there."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    kind = ray.remote(_mailbox())
    return kind.options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()


def _training() -> Callable[..., tuple[Any, Any]]:
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

        order, packed, planned, saved = (None if ref is None else ray.get(ref) for ref in refs)

        def tell(progress: Any) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= 0.1:
                told = now
                mailbox.tell.remote(ticket, astuple(progress))

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
