"""The software bill of materials: what goodfit and its extra `all` bring when installed, in CycloneDX 1.6.

    python -m release.sbom sbom.cdx.json

cyclonedx-bom lists what this Python has installed; what goodfit doesn't need, such as the tools of its developers, is
taken out, and licences that packages tell in prose are put in.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from release.installed import licence_told, needed

PROJECT, EXTRA = "goodfit", "all"
COPYLEFT = re.compile(r"(?<!L)GPL|GNU (Affero )?General Public", re.IGNORECASE)
EXCEPTED = re.compile(r"\bGPL-[\w.-]+ WITH GCC-exception-[\d.]+", re.IGNORECASE)
"""The run-time libraries of GCC inside wheels: the exception lets programs of any licence use them."""


def bill() -> dict[str, Any]:
    """The bill of materials of what is installed here."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--spec-version", "1.6", "--of", "JSON"]
    told = subprocess.run([*command, "--output-reproducible", sys.executable], capture_output=True, check=True)
    return trimmed(json.loads(told.stdout), needed(PROJECT, EXTRA))


def trimmed(whole: Mapping[str, Any], needs: Mapping[str, set[str]]) -> dict[str, Any]:
    """A bill of materials of what is needed alone.

    Args:
        whole: the bill of all that is installed.
        needs: what each project that stays needs, by its name; the first is the one that the bill is for.

    Returns:
        The bill: the project as its subject, each of the others with a licence, and who needs whom.
    """
    listed = {canonicalize_name(component["name"]): component for component in whole["components"]}
    kept = {name: _told(listed[name]) for name in needs if name in listed}
    subject, *others = kept.values()
    edges = [
        {"ref": kept[name]["bom-ref"], "dependsOn": sorted(kept[other]["bom-ref"] for other in needs[name])}
        for name in sorted(kept)
    ]
    about = {key: value for key, value in whole["metadata"].items() if key == "tools"} | {"component": subject}
    components = sorted(others, key=lambda component: component["bom-ref"])
    return {**whole, "metadata": about, "components": components, "dependencies": edges}


def licence_of(component: Mapping[str, Any]) -> str:
    """The licences of a component in a line; "" where none is told."""
    choices = (choice.get("expression") or choice["license"] for choice in component.get("licenses", ()))
    return " AND ".join(choice if isinstance(choice, str) else _name(choice) for choice in choices)


def forbids(licence: str) -> bool:
    """Whether a licence is one of the GNU GPL or AGPL, which goodfit's own doesn't go with; the LGPL is not."""
    return COPYLEFT.search(EXCEPTED.sub("", licence)) is not None


def _name(licence: Mapping[str, str]) -> str:
    return licence.get("id") or licence["name"]


def _told(component: Mapping[str, Any]) -> dict[str, Any]:
    """A component without where it lay on this machine, and with a licence if any is told anywhere."""
    told = {key: value for key, value in component.items() if key != "externalReferences"}
    links = [link for link in component.get("externalReferences", ()) if not link["url"].startswith("file:")]
    if links:
        told["externalReferences"] = links
    if not licence_of(component):
        told["licenses"] = [{"license": {"name": licence_told(component["name"])}}]
    return told


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(bill(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
