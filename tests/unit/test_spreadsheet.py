"""CSV that a spreadsheet may open: no cell is a formula, and numbers are numbers."""

import csv
import io
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.commands.spreadsheet import csv_bytes

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "\x00=1", "＝1", "\tx", "-", "=", "+1 2"]
TEXTS = ["", "'=1", "a=1", "-5", "+5", "-1.5e-3", "+.5", "5.", "plain", "日本", "1-1", None]


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_a_formula_gets_an_apostrophe_and_all_else_stays(kind) -> None:
    frame = pl.DataFrame({"a": pl.Series([*FORMULAS, *TEXTS], dtype=pl.String).cast(kind), "b": 1})
    found = [row[0] for row in cells(csv_bytes(frame))[1:]]
    assert found == [*(f"'{text}" for text in FORMULAS), *(text or "" for text in TEXTS)]
    assert pl.read_csv(csv_bytes(frame, raw=True))["a"].to_list()[: len(FORMULAS)] == FORMULAS


def test_numbers_dates_and_booleans_are_left_alone() -> None:
    frame = pl.DataFrame({"a": [-1, 2], "b": [-0.5, float("-inf")], "c": [True, None]})
    assert csv_bytes(frame) == csv_bytes(frame, raw=True) == frame.write_csv().encode()


def test_names_of_columns_are_guarded_and_stay_different() -> None:
    frame = pl.DataFrame({"=a": [1], "'=a": [2], "-5": [3], "b": [4]})
    assert cells(csv_bytes(frame)) == [["''=a", "'=a", "-5", "b"], ["1", "2", "3", "4"]]


@given(st.lists(st.text(max_size=8), min_size=1, max_size=8), st.lists(st.text(max_size=6), min_size=1, unique=True))
def test_no_cell_of_any_table_begins_as_a_formula(texts: list[str], names: list[str]) -> None:
    every = cells(csv_bytes(pl.DataFrame(dict.fromkeys(names, texts))))
    for cell in (cell for row in every for cell in row):
        assert not re.match(r"[=+\-@\t\r\n]", cell) or re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?", cell, re.IGNORECASE)
