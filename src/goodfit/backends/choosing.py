"""From a backend's name to the backend."""

from __future__ import annotations

from goodfit.errors import InputError
from goodfit.training import Backend

BACKENDS = ("local", "ray")


def backend_of(name: str, address: str | None = None) -> Backend | None:
    """Who trains.

    Args:
        name: "local" for this process, or "ray" for a Ray cluster.
        address: of the cluster, as `ray.init` takes it: "auto", "host:port", "ray://host:port" or "local" for one of
            this process's own; None for the one that this process has joined, else that of `RAY_ADDRESS`, of this
            machine, or one of its own.

    Returns:
        None for this process.

    Raises:
        InputError: an unknown name, or an address without Ray.

    Example:
        >>> backend_of("local") is None
        True
        >>> backend_of("ray", "auto")
        Ray(address='auto', patience=60.0)
    """
    if not isinstance(name, str) or name not in BACKENDS:
        raise InputError(f"backend is {name!r}; give {' or '.join(map(repr, BACKENDS))}")
    if name == "local":
        if address is not None:
            raise InputError(f"address is {address!r}, but nothing trains there; give backend 'ray' too")
        return None
    from goodfit.backends.ray import Ray

    return Ray(address)
