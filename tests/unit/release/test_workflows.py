"""The workflows are valid, and build what the documentation promises, with the versions that are stated."""

import json
import re
import tomllib
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


class Loader(yaml.SafeLoader):
    """YAML 1.2, as GitHub reads it: `on` is a word."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), ["t", "f"])


def read(path):
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def faults(workflow):
    """What the schema of workflows, which check-jsonschema brings, says of one."""
    schema = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/github-workflows.json")
    checker = jsonschema.validators.validator_for(told := json.loads(schema.read_text(encoding="utf-8")))(told)
    return [error.message for error in checker.iter_errors(workflow)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_valid_and_a_wrong_one_is_found(path):
    right = read(path)
    assert faults(right) == []
    name, job = next(iter(right["jobs"].items()))
    wrong = {key: value for key, value in job.items() if key != "runs-on"}
    assert faults(right | {"jobs": {name: wrong}})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_need_jobs_that_are_there_and_may_do_no_more_than_they_say(path):
    workflow = read(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        needs = job.get("needs", [])
        assert {needs} if isinstance(needs, str) else set(needs) <= set(workflow["jobs"]), name
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "what others write never becomes a command"
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_files_that_a_workflow_runs_are_there(path):
    named = re.findall(r"(?:python|bash) ((?:tools|\.ci)/[\w./]+)", path.read_text(encoding="utf-8"))
    named += re.findall(r"\{project\}/([\w./]+)", PROJECT["tool"]["cibuildwheel"]["test-command"])
    assert [name for name in named if not (ROOT / name).is_file()] == []
    modules = re.findall(r"python -m release\.(\w+)", path.read_text(encoding="utf-8"))
    assert [name for name in modules if not (ROOT / "tools" / "release" / f"{name}.py").is_file()] == []


def test_there_is_a_wheel_for_each_platform_and_only_a_tag_publishes():
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    platforms = {row["platform"] for row in jobs["wheels"]["strategy"]["matrix"]["include"]}
    assert platforms == {"linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "windows-x86_64"}
    assert f'-eq {len(platforms)}"' in f'{jobs["check"]["steps"][-1]["run"]}"'
    assert jobs["publish"]["if"] == "startsWith(github.ref, 'refs/tags/')"
    assert set(jobs["publish"]["needs"]) == {"check", "without-compiler", "materials"}


def test_the_version_is_told_alike_everywhere():
    version = PROJECT["project"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["license"]) == (version, PROJECT["project"]["license"])


def test_contributing_fits_one_screen():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 40


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "README.md"])
def test_links_of_the_pages_beside_the_readme_lead_somewhere(name):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / name).read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
