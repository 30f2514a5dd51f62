"""What acts in a text is written out, wherever texts from elsewhere are shown."""

import ast
import unicodedata
from pathlib import Path

import pytest
from hostile import CONTROLS, HARMFUL, LONG
from hypothesis import given
from hypothesis import strategies as st

from goodfit.errors import InputError
from goodfit.visible import MOST, visible

SOURCE = Path(__file__).parents[2] / "src" / "goodfit"
COUNTED = ("\u0600", "\u0605", "\u06dd", "\u070f", "\u0890", "\u0891", "\u08e2", "\U000110bd", "\U000110cd")
"""Formats that are seen: Arabic and other signs around numbers; hieroglyphs follow."""
JOINERS = "\u200c\u200d"


def test_every_character_that_acts_is_written_out():
    for code in range(0x110000):
        character = chr(code)
        kind = unicodedata.category(character)
        seen = "\u0600" <= character <= "\u0605" or character in COUNTED or 0x13430 <= code <= 0x1343F
        acts = kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and not seen)
        assert (visible(f"a{character}b") != f"a{character}b") == acts or kind == "Cn", hex(code)


@given(st.text())
def test_nothing_acts_and_a_second_time_changes_nothing(text):
    shown = visible(text)
    assert CONTROLS.findall(shown.replace(JOINERS[0], "").replace(JOINERS[1], "")) == []
    assert visible(shown) == shown
    shown.encode()


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=MOST))
def test_a_text_that_does_nothing_stays(text):
    assert visible(text) == text


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d🔬"])
def test_joiners_stay_where_a_script_needs_them(text):
    assert visible(text) == text
    assert visible(text.replace(text[0], "a").replace(text[-1], "b")) != text


def test_a_long_text_loses_its_middle_and_keeps_its_end():
    shown = visible(f"{LONG}: rename it")
    assert len(shown) < MOST + 50
    assert shown.startswith("long")
    assert shown.endswith(": rename it")
    assert "characters left out" in shown


@pytest.mark.parametrize("text", HARMFUL)
def test_messages_act_on_nothing(text):
    assert CONTROLS.findall(str(InputError(f"column {text} is bad"))) == []


def test_the_terminal_is_written_to_in_one_place():
    writers = {"exits.py", "options.py", "commands/terminal.py"}
    found = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            streams = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if name in ("print", "Console", "Text", "rich.print") or streams in (
                "sys.stdout.write",
                "sys.stderr.write",
            ):
                found.add(file.relative_to(SOURCE).as_posix())
    assert found == writers


def test_csv_is_written_in_one_place():
    texts = {file.relative_to(SOURCE).as_posix(): file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py")}
    own = "commands/spreadsheet.py"
    assert [name for name, text in texts.items() if ".write_csv(" in text or ".to_csv(" in text] == [own]
    writers = [name for name, text in texts.items() if "csv.writer(" in text]
    assert writers == ["data/readers.py"]  # back into the text that is read


def test_pages_are_made_in_one_environment():
    makers = [file for file in SOURCE.rglob("*.py") if "jinja2.Environment(" in file.read_text(encoding="utf-8")]
    assert [file.relative_to(SOURCE).as_posix() for file in makers] == ["report/safely.py"]
