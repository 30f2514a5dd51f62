"""Any bytes for what reads the files and texts of others: a result, or a refusal of one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import targets
from fuzz.headers import resealed, whole
from fuzz.seeds import RECIPES, seeds
from fuzz.targets import TARGETS, refused_in_a_line
from fuzz.tracing import functions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import goodfit
from goodfit import InputError, diagnose_log
from goodfit.data import readers
from goodfit.regularizers import Recipe, families

ROOT = Path(__file__).parents[2]
BOUNDED = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = (
    *RECIPES,
    "=",
    ",",
    "..",
    "|",
    "off|",
    " ",
    "inf",
    "nan",
    "-1",
    "1e999",
    "1_0",
    "１",
    "true",
    "\x1b[2J",
    "\ud800",
)


@st.composite
def altered(draw: st.DrawFn, name: str) -> bytes:
    """A seed with bytes put in, taken out and changed."""
    content = bytearray(draw(st.sampled_from(seeds()[name])))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(content)))
        content[start : start + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(content)


@BOUNDED
@given(st.lists(st.one_of(st.sampled_from([*WORDS, *families()]), st.text(max_size=4)), max_size=12))
def test_any_words_are_a_recipe_or_refused(words):
    TARGETS["recipe"]("".join(words).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", ["recipe", "log", "table", "model"])
def test_any_bytes_are_read_or_refused(name):
    BOUNDED(given(st.binary(max_size=300))(TARGETS[name]))()


@pytest.mark.parametrize("name", ["recipe", "log", "table", "model"])
def test_whole_examples_with_changes_are_read_or_refused(name):
    BOUNDED(given(altered(name))(TARGETS[name]))()


@BOUNDED
@given(st.binary(min_size=3, max_size=12))
def test_a_model_that_says_anything_under_a_right_checksum_loads_or_is_refused(content):
    TARGETS["header"](content)


def test_a_header_that_is_resealed_unchanged_loads_and_one_without_its_task_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    for content in (whole(), resealed(b"")):
        path.write_bytes(content)
        assert goodfit.load(path).predict([[3.0, "a"]]).tolist() == ["yes"]
    path.write_bytes(resealed(b"\0\0\0"))
    with pytest.raises(InputError, match=r"task|whole model"):
        goodfit.load(path)


@pytest.mark.parametrize("name", ["log", "table"])
def test_seeds_are_read_as_they_are(name):
    read, names = (diagnose_log, targets.LOGS) if name == "log" else (readers.read, targets.TABLES)
    assert len(seeds()[name]) == len(names)
    for content in seeds()[name]:
        for path in targets.written(content, names):
            assert read(path) is not None


def test_a_fault_is_no_refusal():
    with pytest.raises(KeyError), refused_in_a_line():
        raise KeyError
    with pytest.raises(AssertionError), refused_in_a_line():
        raise InputError("two\nlines")
    with refused_in_a_line():
        raise InputError("a line")


def test_functions_to_trace_are_found():
    names = {function.__qualname__ for function in functions("goodfit")}
    assert {"Recipe.parse", "read_part", "Unzipped.read"} <= names
    assert Recipe.parse.__func__ in set(functions("goodfit"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_guided_by_coverage_finds_nothing(name, tmp_path):
    pytest.importorskip("atheris")
    command = [sys.executable, "-m", "fuzz", name, "--seconds", "5"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "stat::number_of_executed_units" in done.stderr
