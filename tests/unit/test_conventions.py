"""The table of conventions in the documentation says what the code says."""

import re
from pathlib import Path

import pytest

from goodfit import InputError, strength
from goodfit.conventions import CONVENTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "strengths.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("| `")]
TABLE = [(*re.match(r"`([\w.]+)`(?:, (\w+))?$", name).groups(""), l2, l1, needs) for name, _, l2, l1, needs in ROWS]
GIVEN = {"rows": 70, "batch_size": 11, "l1_ratio": 0.2, "optimizer": "sgd"}
LETTERS = {"x": 0.3, "n": 70, "B": 11, "r": 0.2}


def test_the_page_lists_all_conventions_in_their_order():
    assert list(dict.fromkeys(name for name, *_ in TABLE)) == list(CONVENTIONS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join(row[:2]))
@pytest.mark.parametrize("part", ["l2", "l1"])
def test_a_formula_of_the_page_is_what_the_code_does(row, part):
    name, task, l2, l1, _ = row
    said = l2 if part == "l2" else l1
    asked = {"of": name, "to": f"goodfit.{part}", **GIVEN, "task": task or None}
    if said:
        formula = re.match(r"`(.+?)`", said).group(1)
        assert strength(LETTERS["x"], **asked) == pytest.approx(eval(formula, {}, LETTERS), rel=1e-12)
    elif name != asked["to"]:
        with pytest.raises(InputError, match="no strength makes one do what the other does"):
            strength(LETTERS["x"], **asked)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " ".join(row[:2]))
def test_what_the_page_says_is_needed_is_needed_and_nothing_else(row):
    name, task, *_, needs = row
    part = "l1" if CONVENTIONS[name].parts == {"L1"} else "l2"
    needed = set(filter(None, needs.split(", ")))
    all_given = {**GIVEN, "task": task or None}
    asked = {"of": name, "to": f"goodfit.{part}"}
    strength(0.3, **asked, **{key: value for key, value in all_given.items() if key in needed})
    for key in needed:
        with pytest.raises(InputError, match=f"give (its )?{key}"):
            strength(0.3, **asked, **all_given | {key: None})
