"""Tables on a terminal of any width: nothing runs over, nothing is lost."""

import json
import math
import re
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size

from goodfit.commands import terminal
from goodfit.commands.terminal import console, print_json, print_table, progress
from goodfit.training import Progress

WIDTHS = [80, 110, 200]


def cell(value, half=0.0):
    return {"value": value, "low": value - half, "high": value + half}


def table_of(labels, metrics=9, *, baselines=(), percent=False, note="a note"):
    """Each cell has a value of its own, so that it is known wherever it is shown."""
    keys = [f"m{i}" for i in range(metrics)]
    rows = [
        {"label": label, "cells": {key: cell(place + 0.001 * (i + 1), 0.3) for i, key in enumerate(keys)}}
        for place, label in enumerate([*labels, *baselines])
    ]
    return {
        "metrics": [{"key": key, "label": f"metric{i}", "percent": percent} for i, key in enumerate(keys)],
        "rows": rows[: len(labels)],
        "baselines": rows[len(labels) :],
        "note": note,
    }


@pytest.fixture
def shown(capsys, monkeypatch):
    """The lines that a table takes on a terminal of a width."""

    def show(table, width, title=""):
        monkeypatch.setattr(terminal, "WIDTH_OF_A_PIPE", width)
        capsys.readouterr()
        print_table(table, title)
        return capsys.readouterr().out.splitlines()

    return show


def label_column(lines) -> str:
    """The first column of all lines, blanks apart; a wide character takes two places."""
    return "".join(re.sub(r"\s", "", set_cell_size(line, 1 + terminal.LABEL)) for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("metrics", [1, 3, 9])
def test_no_line_runs_over_and_every_metric_and_value_stands_there_once(shown, width, metrics):
    table = table_of(
        ["no regularization", "l2=0.001, dropout=0.5 input=0.1, early_stopping=10"], metrics, baselines=["all"]
    )
    lines = shown(table, width)
    assert max(map(cell_len, lines)) <= width
    words = " ".join(lines).split()
    for metric in table["metrics"]:
        assert words.count(metric["label"]) == 1
    for row in [*table["rows"], *table["baselines"]]:
        for value in row["cells"].values():
            assert words.count(f"{value['value']:.3f}") == 1
    assert words[-2:] == ["a", "note"]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_wide_terminal_shows_more_columns_beside_each_other(shown, width):
    lines = shown(table_of(["one"]), width)
    heads = [line.split() for line in lines if "metric" in line]
    assert [name for head in heads for name in head] == [f"metric{i}" for i in range(9)]
    assert len(heads) == {80: 3, 110: 2, 200: 1}[width]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "label",
    [
        "[bold red]everything[/bold red] '[/]' [link=x]",
        ":smile: \\[x] {y} %s",
        "everything '" + "x" * 70 + "'",
        "数量" * 12 + " ünïcode",
        "a " * 40,
        "l2=0.001, dropout=0.3, early_stopping=10, label_smoothing=0.05, weight_averaging=0.99",
    ],
)
def test_labels_survive_as_they_are(shown, width, label):
    table = table_of(["first", label], 2, baselines=[label])
    lines = shown(table, width)
    assert max(map(cell_len, lines)) <= width
    whole = re.sub(r"\s", "", label)
    assert label_column(lines).count(whole) == 2
    assert "…" not in "".join(lines)


@pytest.mark.parametrize("text", ["[bold]not bold[/bold] [/]", ":warning:", "long " * 60])
def test_titles_metrics_and_notes_are_no_markup(shown, text):
    table = table_of(["one"], 1, note=text)
    table["metrics"][0]["label"] = "[red]R²[/red]"
    lines = shown(table, 80, title=text)
    assert max(map(cell_len, lines)) <= 80
    together = "".join("".join(lines).split())
    assert together.count("".join(text.split())) == 2
    assert "[red]R²[/red]" in together


@pytest.mark.parametrize(
    ("value", "percent", "words"),
    [
        (cell(0.1234, 0.01), True, ["12.3", "%", "11.3", "to", "13.3"]),
        (cell(0.1234, 0.01), False, ["0.123", "0.113", "to", "0.133"]),
        (cell(-0.00004, 0.0001), True, ["0.0", "%", "0.0", "to", "0.0"]),
        (cell(-0.0004, 0.0), False, ["0.000", "0.000", "to", "0.000"]),
        (cell(-0.0006, 0.0), False, ["-0.001", "-0.001", "to", "-0.001"]),
        (cell(-0.25, 0.01), True, ["-25.0", "%", "-26.0", "to", "-24.0"]),
        (cell(12345.6, 10000.0), False, ["12,346", "2346", "to", "22,346"]),
        (cell(1.0), True, ["100.0", "%", "100.0", "to", "100.0"]),
        ({"value": 0.5, "low": math.nan, "high": math.nan}, False, ["0.500"]),
        ({"value": 0.5, "low": 0.1, "high": math.inf}, True, ["50.0", "%"]),
        ({"value": math.nan, "low": math.nan, "high": math.nan}, True, ["–"]),
        (cell(math.inf), False, ["–"]),
        (None, False, ["–"]),
    ],
)
def test_a_cell_is_its_value_over_its_interval(shown, value, percent, words):
    table = table_of(["one"], 1, percent=percent, note="")
    table["rows"][0]["cells"] = {} if value is None else {"m0": value}
    found = " ".join(shown(table, 80)).split()
    assert found[-len(words) :] == words
    assert found[-len(words) - 1] == "one"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60), min_size=1, max_size=4),
    st.integers(1, 11),
    st.integers(60, 220),
)
def test_any_labels_fit_any_width(shown, labels, metrics, width):
    lines = shown(table_of(labels, metrics), width)
    assert max(map(cell_len, lines)) <= width
    assert sum(word.startswith("metric") for word in " ".join(lines).split() if word[6:].isdigit()) >= metrics


def test_a_pipe_is_wide_and_has_no_colours(capsys):
    console().print("[b]bold[/b] :smile: 12345", style="bold")
    assert console().width == terminal.WIDTH_OF_A_PIPE
    assert capsys.readouterr().out == "[b]bold[/b] :smile: 12345\n"


def test_json_is_one_strict_document(capsys):
    print_json({"a": math.nan, "b": [1.5, math.inf], "c": "ü"})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {"a": None, "b": [1.5, None], "c": "ü"}


def test_there_is_no_progress_bar_in_a_pipe(capsys):
    with progress("training") as update:
        assert update is None
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_the_bar_goes_to_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("training") as update:
        for epoch in range(1, 4):
            update(Progress(epoch, 3, alive=4 - epoch, members=4))
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
    assert "1 of 4 networks training" in err
