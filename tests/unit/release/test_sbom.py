"""The bill of materials names what goodfit brings, each with a licence that its own goes with."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from release.installed import licence_told, needed, requirements_of
from release.lowest import BESIDE
from release.sbom import EXTRA, PROJECT, forbids, licence_of, trimmed

ROOT = Path(__file__).parents[3]
NEEDED = needed(PROJECT, EXTRA)
INSTALLED = {canonicalize_name(own.name): own for own in distributions()}


def component(name, licence="MIT", **more):
    told = {"license": {"id": licence}} if licence else {}
    return {"name": name, "bom-ref": f"{name}==1", "licenses": [told] if told else []} | more


def test_all_that_goodfit_requires_is_among_what_it_needs():
    required = {canonicalize_name(r.name) for r in requirements_of(INSTALLED[PROJECT], EXTRA)} - {PROJECT}
    assert required >= {"torch", "numpy", "polars"}
    assert required <= set(NEEDED)
    assert next(iter(NEEDED)) == PROJECT


def test_what_is_needed_is_closed_and_leaves_the_developers_tools_out():
    assert {name for names in NEEDED.values() for name in names} <= set(NEEDED)
    assert "sympy" in NEEDED["torch"]
    assert not {"pytest", "mypy", "hypothesis"} & set(NEEDED)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_what_is_needed_has_a_licence_and_none_is_the_gpl(name):
    licence = licence_told(name)
    assert licence, f"{name} tells no licence: read its LICENSE, and put it into TOLD_ELSEWHERE"
    assert not forbids(licence), f"{name}: {licence}"


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("GNU General Public License v2 (GPLv2)", True),
        ("GNU Affero General Public License", True),
        ("LGPL-2.1-or-later", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("MIT", False),
    ],
)
def test_which_licences_are_refused(licence, forbidden):
    assert forbids(licence) == forbidden


def test_a_bill_is_of_what_is_needed_alone():
    local = [{"type": "distribution", "url": "file:///here"}, {"type": "website", "url": "https://example.org"}]
    whole = {
        "specVersion": "1.6",
        "metadata": {"tools": {}, "properties": ["of this machine"]},
        "components": [component("goodfit", externalReferences=local), component("NumPy"), component("pytest")],
    }
    bill = trimmed(whole, {"goodfit": {"numpy"}, "numpy": set()})
    assert bill["metadata"]["component"]["name"] == "goodfit"
    assert bill["metadata"]["component"]["externalReferences"] == local[1:]
    assert set(bill["metadata"]) == {"tools", "component"}
    assert [part["name"] for part in bill["components"]] == ["NumPy"]
    assert {edge["ref"]: edge["dependsOn"] for edge in bill["dependencies"]} == {
        "goodfit==1": ["NumPy==1"],
        "NumPy==1": [],
    }


def test_a_licence_that_only_prose_tells_is_put_in():
    (part,) = trimmed(
        {"metadata": {}, "components": [component("goodfit"), component("pandas", licence=None)]},
        {"goodfit": {"pandas"}, "pandas": set()},
    )["components"]
    assert licence_of(part).startswith("BSD")


def test_the_extra_for_users_has_all_the_others():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {Requirement(line).name for line in told["all"]} == {"goodfit"}
    named = {extra for line in told["all"] for extra in Requirement(line).extras}
    assert named == set(told) - {"all", *BESIDE}


@pytest.mark.slow
def test_the_bill_of_this_environment_is_whole(tmp_path):
    command = [sys.executable, "-m", "release.sbom", str(tmp_path / "bill.json")]
    subprocess.run(command, check=True, cwd=ROOT / "tools")
    text = (tmp_path / "bill.json").read_text(encoding="utf-8")
    bill = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    named = {canonicalize_name(part["name"]): part for part in bill["components"]}
    assert set(named) == set(NEEDED) - {PROJECT}
    assert [name for name, part in named.items() if not licence_of(part) or forbids(licence_of(part))] == []
    assert "file:" not in text
