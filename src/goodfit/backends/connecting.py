"""Joining a Ray cluster, and what can go wrong with it, each in a line."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from threading import current_thread, main_thread
from typing import Any
from urllib.parse import urlsplit

from goodfit.errors import InputError

ANSWERS_WITHIN = 5.0
"""Seconds in which an address must answer."""
CLIENT_PORT = 10001
"""Ray's own, for ray:// without one."""
INSTEAD = "start a cluster with 'ray start --head', name another address, or train without Ray"


@dataclass(frozen=True)
class Room:
    """What a cluster has room for.

    Args:
        tasks: of so many CPUs or GPUs side by side.
        beside: of these on one node at most.
    """

    tasks: int
    beside: int


def join(address: str | None) -> Any:
    """The module ray, in a process that has joined a cluster: the one that it had joined, or that of the address.

    Raises:
        InputError: Ray isn't installed; nothing answers at the address; the versions of Ray or Python differ.
    """
    try:
        ray: Any = import_module("ray")
    except ImportError:
        raise InputError("backend 'ray' needs Ray: pip install goodfit[ray]") from None
    if ray.is_initialized():
        return ray
    _check_answers(address)
    try:
        with _own_handler():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        raise InputError(f"no Ray cluster answers at {address or 'hand'} ({_gist(error)}): {INSTEAD}") from None
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"the Ray cluster can't be joined: {_gist(error)}") from None
    return ray


def room_in(ray: Any, *, threads: int, device: str) -> Room:
    """For tasks of so many threads, and of a GPU each where the device is one; as the cluster is now."""
    each = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    counts = [int(own.get("CPU", 0) // threads) for own in each]
    if device == "cuda":
        counts = [min(count, int(own.get("GPU", 0))) for count, own in zip(counts, each, strict=True)]
    return Room(sum(counts), max(counts, default=0))


@contextmanager
def _own_handler() -> Iterator[None]:
    """Ray puts a handler of its own in the place of the one for SIGTERM: here only where there was none."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if handler not in (None, signal.SIG_DFL) and current_thread() is main_thread():
            signal.signal(signal.SIGTERM, handler)


def _check_answers(address: str | None) -> None:
    """Ask the port whether anybody is there: Ray itself would ask for many minutes."""
    found = address
    try:
        found = address if address and "://" in address else _found(address)
        if found is None:
            return
        parts = urlsplit(found if "://" in found else f"ray://{found}")
        with socket.create_connection((parts.hostname or "", parts.port or CLIENT_PORT), ANSWERS_WITHIN):
            pass
    except (OSError, ValueError) as error:
        where = found if address in (None, "auto") else address
        raise InputError(f"no Ray cluster answers at {where} ({_gist(error)}): {INSTEAD}") from None


def _found(address: str | None) -> str | None:
    """Where Ray would look for a cluster, `host:port`; None for one of its own, or if this Ray doesn't say."""
    where = getattr(import_module("ray._private.services"), "canonicalize_bootstrap_address", None)
    return None if where is None else where(address)


def _gist(error: BaseException) -> str:
    """An error's first sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].split(". ")[0].rstrip(".:") if lines else type(error).__name__
