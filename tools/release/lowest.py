"""The lowest versions that `pyproject.toml` promises to work with, as constraints for pip.

    python -m release.lowest pyproject.toml [--without torch]...

A bound that nobody installs is a guess. `make lowest` installs these versions and runs the tests in `CORE` with them.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CORE = (
    "tests/unit/data",
    "tests/unit/training",
    "tests/unit/studies/test_study_comparison.py",
    "tests/unit/studies/test_study_fitting.py",
    "tests/unit/release/test_formats.py",
    "tests/unit/test_metrics.py",
    "tests/unit/test_model.py",
)
"""Tests of what every user needs: tables, training, comparing, fitting, models and their files."""
BESIDE = ("dev", "docs", "release", "bench", "peers")
"""Extras that no user needs at run time."""


def lowest(requirements: Iterable[str], *, without: Sequence[str] = ()) -> list[str]:
    """Constraints that hold each project at the lowest version that is promised.

    Args:
        requirements: such as `"numpy>=2.0"`; of several bounds of one project the highest counts. One without a lower
            bound promises all versions, and isn't held; neither is a project that refers to its own extras.
        without: names of projects that are left to pip.

    Returns:
        Lines such as `"numpy==2.0"`, by name.

    Example:
        >>> lowest(["numpy>=2.0", "rich", "mkdocs>=1.6,<2", "numpy>=2.1"])
        ['mkdocs==1.6', 'numpy==2.1']
    """
    bounds: dict[str, Version] = {}
    for text in requirements:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        for part in requirement.specifier:
            if part.operator in {">=", "==", "~="} and name not in without:
                bounds[name] = max(bounds.get(name, Version("0")), Version(part.version))
    return [f"{name}=={bounds[name]}" for name in sorted(bounds)]


def promised(project: Path) -> list[str]:
    """What a `pyproject.toml` requires, its extras for users included."""
    told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = (lines for extra, lines in told["optional-dependencies"].items() if extra not in BESIDE)
    return [*told["dependencies"], *(line for lines in extras for line in lines)]


def main() -> None:
    """Print the constraints."""
    parser = argparse.ArgumentParser(description="The lowest versions promised, as constraints for pip.")
    parser.add_argument("project", type=Path)
    parser.add_argument("--without", action="append", default=[], help="a project that pip may choose")
    asked = parser.parse_args()
    print(*lowest(promised(asked.project), without=asked.without), sep="\n")


if __name__ == "__main__":
    main()
