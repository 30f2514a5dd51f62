import math
import re
from typing import Any

import plotly.graph_objects as go
import pytest
import report_example as example
from hypothesis import given
from hypothesis import strategies as st

from goodfit.report.changes import KINDS, change_figure
from goodfit.report.figures import Figure

ASKED = {"name": "none", "held_out": 0.741, "train": 0.031}


def change(value: float | None, low: float | None, high: float | None, *, kind: str = "dose") -> dict[str, Any]:
    return {"kind": kind, "name": f"{kind} {value}", "lower_by": {"value": value, "low": low, "high": high}}


def drawn(changes: list[dict[str, Any]], *kinds: str) -> Figure:
    figure = change_figure(changes, ASKED, kinds or tuple(KINDS), "changes")
    assert figure is not None
    go.Figure({"data": figure.data, "layout": figure.layout})  # raises on an unknown or ill-typed setting
    assert {len(row) for row in figure.rows} == {len(figure.columns)}
    return figure


def marks(figure: Figure) -> dict[int, tuple[float, str, str]]:
    """Place, symbol and colour of each mark by its line."""
    return {
        line: (x, symbol, trace["marker"]["color"])
        for trace in figure.data[1:]
        for line, x, symbol in zip(trace["y"], trace["x"], trace["marker"]["symbol"], strict=True)
    }


def test_each_change_has_a_line_in_the_order_given_below_the_network_as_it_is() -> None:
    figure = drawn(example.changes(), "dose")
    names = [note["text"] for note in figure.layout["annotations"] if "yshift" in note]
    assert names[:2] == ["none · as it is", "early_stopping=10"]
    assert names[-1].startswith("l2=0.001, dropout=0.3 input=0.1, early")
    assert [line for line, _ in sorted(marks(figure).items())] == [1, 2, 3, 4, 5, 6]
    assert marks(figure)[3][0] == pytest.approx(38)


def test_mark_and_interval_are_those_of_the_fall() -> None:
    trace = drawn([change(0.1, 0.04, 0.13)]).data[1]
    assert trace["x"] == pytest.approx([10])
    assert trace["error_x"]["array"] == pytest.approx([3])
    assert trace["error_x"]["arrayminus"] == pytest.approx([6])


def test_better_worse_and_noise_differ_in_colour_and_shape() -> None:
    found = marks(drawn([change(0.1, 0.05, 0.15), change(-0.1, -0.15, -0.05), change(0.1, -0.05, 0.25)]))
    assert len({symbol for _, symbol, _ in found.values()}) == 3
    assert len({color for *_, color in found.values()}) == 3
    assert found[3][1] == "circle-open"


def test_the_part_that_is_worth_it_begins_at_two_percent_and_0_is_marked() -> None:
    layout = drawn([change(0.01, -0.01, 0.03)]).layout
    worth, zero = layout["shapes"]
    assert worth["x0"] == pytest.approx(2)
    assert worth["x1"] == layout["xaxis"]["range"][1]
    assert zero["x0"] == zero["x1"] == 0
    assert [note["text"] for note in layout["annotations"][-2:]] == ["no better", "worth it"]


def test_a_change_far_worse_is_drawn_at_the_edge_and_told_in_the_table() -> None:
    figure = drawn([change(0.1, 0.05, 0.15), change(-40.0, -50.0, -30.0)])
    x, symbol, _ = marks(figure)[2]
    assert figure.layout["xaxis"]["range"][0] < x < figure.layout["xaxis"]["range"][0] + 3
    assert figure.layout["xaxis"]["range"][0] > -60
    assert symbol == "triangle-left"
    assert figure.rows[2][4:] == ("-4000.0 %", "[-5000.0, -3000.0]")


@given(st.lists(st.tuples(st.floats(-5, 0.9), st.floats(0, 0.5)), min_size=1, max_size=9))
def test_every_mark_and_0_lie_on_the_axis(falls: list[tuple[float, float]]) -> None:
    figure = drawn([change(value, value - half, value + half) for value, half in falls])
    left, right = figure.layout["xaxis"]["range"]
    assert all(left < x < right for x, *_ in marks(figure).values())
    assert left < 0 < right
    assert -left / (right - left) > 0.2  # room for "no better"


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_what_can_not_be_compared_is_in_the_table_only(nothing: float | None) -> None:
    changes = [change(nothing, nothing, nothing), change(0.1, nothing, nothing), {"kind": "dose", "name": "none"}]
    figure = drawn(changes)
    assert list(marks(figure)) == [1]
    assert figure.data[1]["error_x"]["array"] == figure.data[1]["error_x"]["arrayminus"] == [0]
    assert [row[4] for row in figure.rows] == ["–", "–", "10.0 %", "–"]
    assert "In the table only: 2" in figure.caption
    assert change_figure(changes[:1], ASKED, ["dose"], "changes") is None


def test_without_a_change_of_these_kinds_there_is_no_figure() -> None:
    assert change_figure([], ASKED, ["dose"], "changes") is None
    assert change_figure([change(0.1, 0, 0.2)], ASKED, ["capacity"], "changes") is None


def test_the_kind_is_told_where_there_are_several() -> None:
    several = drawn([change(0.1, 0, 0.2), change(0.1, 0, 0.2, kind="capacity")])
    assert [n["text"] for n in several.layout["annotations"][1:3]] == [
        "dose 0.1 · more regularization",
        "capacity 0.1 · a larger network",
    ]
    assert several.title == "What each change brings"
    assert drawn([change(0.1, 0, 0.2)]).title == "What more regularization brings"
    assert drawn([change(0.1, 0, 0.2)]).layout["annotations"][1]["text"] == "dose 0.1"


def test_a_listener_learns_how_many_help_and_which_most() -> None:
    label = drawn(example.changes(), "dose").label
    assert "Of 6, beyond their own noise 5 lower it and 0 raise it" in label
    assert "l2=0.001, dropout=0.3 input=0.1, early_stopping=10, 40.0 % [35.0, 45.0]" in label


def test_no_name_reaches_plotly_as_markup() -> None:
    asked = ASKED | {"name": example.HOSTILE[0]}
    changes = [change(0.1, 0, 0.2) | {"name": name} for name in example.HOSTILE]
    figure = change_figure(changes, asked, ["dose"], "changes")
    assert figure is not None
    texts = [note["text"] for note in figure.layout["annotations"]]
    texts += [re.sub("<br>", "", text) for trace in figure.data for text in trace["text"]]
    assert len(texts) == 5 + 2 + 5
    assert not [text for text in texts if "<" in text or ">" in text]
    assert figure.rows[1][0] == example.HOSTILE[0]


def test_a_long_name_is_cut_so_that_a_phone_holds_it() -> None:
    figure = drawn(
        [change(0.1, 0, 0.2) | {"name": "w" * 99}, change(0.1, 0, 0.2, kind="patience") | {"name": "w" * 99}]
    )
    assert [len(note["text"]) for note in figure.layout["annotations"][1:3]] == [45, 45]
    assert figure.layout["annotations"][2]["text"].endswith("w… · a later stop")
    assert figure.rows[1][0] == "w" * 99
