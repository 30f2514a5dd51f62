"""The lowest versions promised, and what is tested with them."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from release.lowest import CORE, lowest, promised

ROOT = Path(__file__).parents[3]


def test_the_highest_of_several_bounds_is_the_promise():
    assert lowest(["a>=2.0", "B>=1.10,<2", "b>=1.9", "c", "d~=3.1", "e==4"]) == ["a==2.0", "b==1.10", "d==3.1", "e==4"]


def test_what_is_left_to_pip_is_not_held():
    assert lowest(["torch>=2.6", "numpy>=2.0"], without=["torch"]) == ["numpy==2.0"]


def test_goodfit_promises_a_lowest_version_of_all_that_it_needs():
    lines = promised(ROOT / "pyproject.toml")
    held = {line.split("==")[0] for line in lowest(lines)}
    assert {"torch", "numpy", "pillow", "onnx"} <= held
    assert "mkdocs" not in held
    assert {Requirement(line).name for line in lines} - held == {"goodfit"}


@pytest.mark.parametrize("path", CORE)
def test_what_is_tested_with_them_is_there(path):
    assert (ROOT / path).exists()
