"""What is installed, and what of it a project needs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(name: str, extra: str = "") -> dict[str, set[str]]:
    """What a project needs of others, and these in turn.

    Args:
        name: of the project, which is installed.
        extra: one of its extras; "" for none.

    Returns:
        The names of the projects that each installed one needs, by its own name; `name` comes first. What isn't
        installed, such as a dependency of other systems, isn't there.
    """
    found: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(name), extra)]
    while waiting:
        of = waiting.pop()
        if of in seen or (own := _installed(of[0])) is None:
            continue
        seen.add(of)
        edges = found.setdefault(of[0], set())
        for requirement in requirements_of(own, of[1]):
            other = canonicalize_name(requirement.name)
            if _installed(other) is not None and other != of[0]:
                edges.add(other)
            waiting += [(other, more) for more in ("", *requirement.extras)]
    return found


def requirements_of(own: Distribution, extra: str) -> Iterator[Requirement]:
    """What an installed project requires on this system; of an extra both the extra's own and what it adds to."""
    for line in own.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
