"""What is installed, and what of it a project needs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOLD_ELSEWHERE = {"protobuf": "BSD-3-Clause"}
"""Licences of packages whose metadata holds none; from the LICENSE file that each brings."""


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


def licence_told(name: str) -> str:
    """The licence that an installed project tells of itself, in a line; "" if it tells none."""
    told = metadata(name)
    classified = [line.split(" :: ")[-1] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    licence = told.get("License-Expression") or " AND ".join(classified) or told.get("License") or ""
    return TOLD_ELSEWHERE.get(canonicalize_name(name)) or licence.strip().split("\n")[0]


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
