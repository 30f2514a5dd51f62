"""The reference names everything that is public, once, and nothing without a docstring."""

import inspect
import re
from collections import Counter
from pathlib import Path

import pytest
from docs_site.reference import DIRECTIVE, entry, expand, found, markdown, members, named

import goodfit

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
TEXTS = {page.stem: page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md")}
LISTED = [name for text in TEXTS.values() for target in DIRECTIVE.findall(text) for name in named(target)]


def test_every_public_name_is_on_one_page():
    assert {name: count for name, count in Counter(LISTED).items() if count > 1} == {}
    assert set(goodfit.__all__) <= set(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_no_public_name_lacks_a_docstring(name):
    public = found(name)
    assert inspect.getdoc(public)
    assert [key for key, member in members(public) if not inspect.getdoc(member)] == []


@pytest.mark.parametrize("name", [name for name in LISTED if "." not in name])
def test_every_argument_that_can_be_given_is_told_of(name):
    public = getattr(goodfit, name)
    if inspect.isclass(public) and issubclass(public, Exception):
        return
    given = inspect.signature(public.__init__ if inspect.isclass(public) else public).parameters
    told = set(re.findall(r"^- `(\w+)`:", entry(name), re.MULTILINE))
    assert [one for one in given if one != "self" and one not in told] == []


def test_an_entry_has_its_signature_its_arguments_and_its_example():
    shown = entry("L1")
    assert shown.startswith("## goodfit.L1\n\n```python\ngoodfit.L1(strength=0.001, biases=False)\n```\n\nL1 regul")
    assert "\n- `strength`: λ, in units of the loss a unit of weight" in shown
    assert "```pycon\n>>> import torch" in shown
    assert "**Source**\n\nTibshirani" in shown


def test_a_section_that_begins_on_its_own_line_and_an_indented_formula_are_kept():
    shown = markdown(
        "Head.\n\n    a = b\n\nRaises:\n    InputError: it\n        fails.\n\nSource: A paper,\nof 1970.", 2
    )
    assert shown == (
        "Head.\n\n```text\na = b\n```\n\n**Raises**\n\n- `InputError`: it fails.\n\n**Source**\n\nA paper,\nof 1970."
    )


@pytest.mark.parametrize("target", ["goodfit.nothing", "goodfit.L3"])
def test_a_directive_that_names_nothing_stops_the_build(target):
    with pytest.raises(ValueError, match="names nothing public"):
        expand(f"# Page\n\n::: {target}")
