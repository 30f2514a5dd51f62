import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest
import report_example as example
from hypothesis import given
from hypothesis import strategies as st

from goodfit.report.curves import EPOCHS_TABLED, curve_figure
from goodfit.report.figures import (
    FEATURES_DRAWN,
    HUES,
    Figure,
    calibration_figure,
    density,
    feature_figure,
    hue_color,
    weight_figures,
)

HUE = {recipe: place for place, recipe in enumerate((*example.RECIPES, *example.HOSTILE))}


def figures(*, hostile: bool) -> list[Figure]:
    summary = example.hostile_summary() if hostile else example.summary()
    history = example.history(example.hostile_recipes() if hostile else example.RECIPES, members=3)
    return [
        curve_figure(history, summary["curves"], summary["turns"], HUE),
        *weight_figures(summary["weights"], HUE),
        feature_figure(summary["features"]),
        calibration_figure(summary["calibration"], HUE),
    ]


@pytest.mark.parametrize("hostile", [False, True])
def test_plotly_knows_every_setting_and_every_row_fits_its_header(hostile: bool) -> None:
    for figure in figures(hostile=hostile):
        go.Figure({"data": figure.data, "layout": figure.layout})  # raises on an unknown or ill-typed setting
        assert figure.rows
        assert {len(row) for row in figure.rows} == {len(figure.columns)}
        assert len(figure.label) > 40


def texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in texts(value)]
    return [node] if isinstance(node, str) else []


def test_no_name_reaches_plotly_as_markup() -> None:
    for figure in figures(hostile=True):
        ours = re.compile("<br>|<extra></extra>")
        drawn = [ours.sub("", text) for text in texts([list(figure.data), figure.layout])]
        assert not [text for text in drawn if "<" in text or ">" in text]


def curve(history: pl.DataFrame, *, shown: tuple[str, ...] = (), turns: tuple[dict[str, Any], ...] = ()) -> Figure:
    return curve_figure(history, shown, turns, HUE)


def test_training_is_dashed_validation_solid_in_one_hue_with_a_band_each() -> None:
    figure = curve(example.history(members=4), shown=("l1=0.001",))
    means = [trace for trace in figure.data if trace["line"].get("dash")]
    assert [(trace["hovertemplate"].split("<br>")[1].split()[0], trace["line"]["dash"]) for trace in means[:2]] == [
        ("training", "dash"),
        ("validation", "solid"),
    ]
    assert {trace["line"]["color"] for trace in figure.data if trace["legendgroup"] == "r1"} == {hue_color(1)}
    assert len([trace for trace in figure.data if "fill" in trace]) == len(means) == 2 * len(example.RECIPES)
    assert [toggle.label for toggle in figure.toggles if toggle.shown] == ["l1=0.001"]


def test_one_network_without_validation_rows_has_one_line() -> None:
    history = example.history(("none",), members=1).with_columns(validation_loss=pl.lit(None, dtype=pl.Float64))
    figure = curve(history)
    assert [(trace["name"], trace["line"]["dash"]) for trace in figure.data] == [("none", "dash")]
    assert figure.rows[0][3] == "–"


def test_a_turn_is_marked_and_says_whether_it_is_noise() -> None:
    turns = (
        {"recipe": "none", "epoch": 9, "beyond_noise": True, "rise": 0.5124},
        {"recipe": "l2=0.001", "epoch": 55, "beyond_noise": False, "rise": 0.02},
        {"recipe": "l1=0.001", "epoch": None, "beyond_noise": False, "rise": None},
        {"recipe": "never run", "epoch": 3, "beyond_noise": True, "rise": 1.0},
    )
    layout = curve(example.history(members=2), turns=turns).layout
    assert [note["text"] for note in layout["annotations"]] == [
        "turns at epoch 9, then rises by 0.51",
        "turns at epoch 55 (within noise)",
    ]
    assert [line["x0"] for line in layout["shapes"]] == [9, 55]
    assert [note["xanchor"] for note in layout["annotations"]] == ["left", "right"]
    assert layout["annotations"][0]["name"] == "r0"


def test_the_table_of_a_long_training_is_thinned_and_keeps_both_ends() -> None:
    history = example.history(members=2, epochs=500)
    rows = [row for row in curve(history).rows if row[0] == "none"]
    assert len(rows) <= EPOCHS_TABLED + 1
    assert (rows[0][1], rows[-1][1]) == ("1", "500")


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9), st.integers(0, 50))
def test_the_density_covers_all_weights_that_are_not_zero(counts: list[int], zeros: int) -> None:
    edges = np.linspace(-1, 1.3, len(counts) + 1)
    counts[int(np.searchsorted(edges, 0, side="right")) - 1] += zeros
    total = max(sum(counts), 1)
    item = {"edges": edges.tolist(), "counts": counts, "zeros": zeros / total, "total": total}
    area = float(density(item) @ np.diff(edges))
    assert area == pytest.approx((sum(counts) - zeros) / total)


def test_weights_share_one_axis_and_only_exact_zeros_get_a_bar() -> None:
    first, second, third = weight_figures(example.summary()["weights"], HUE)
    assert first.layout["xaxis"]["range"] == second.layout["xaxis"]["range"] == third.layout["xaxis"]["range"]
    assert [len(figure.data) for figure in (first, second, third)] == [1, 2, 2]
    assert "shapes" not in first.layout
    assert third.layout["shapes"][0]["x0"] == 0
    assert "83.1 %" in third.label


def test_the_most_kept_columns_are_drawn_and_the_rest_counted() -> None:
    rows = [{"name": f"c{place}", "selected": place / 40, "weight": 0.01} for place in range(41)]
    figure = feature_figure({"recipe": "l1=0.1", "rows": rows})
    assert len(figure.data[0]["y"]) == FEATURES_DRAWN
    assert figure.layout["yaxis"]["ticktext"][0] == "c40"
    assert len(figure.rows) == 41
    assert "In the table only: 11 more." in figure.caption
    assert "Kept by none: 1." in figure.caption
    assert figure.data[0]["marker"]["pattern"]["shape"].count("/") == FEATURES_DRAWN - 21


def test_columns_without_weights_are_drawn_by_the_share_that_keeps_them() -> None:
    rows = [{"name": "a", "selected": 0.4, "weight": None}, {"name": "b", "selected": 1.0}]
    assert feature_figure({"recipe": "l1=0.1", "rows": rows}).data[0]["x"] == [1.0, 0.4]


def bins(*predicted: float) -> list[dict[str, Any]]:
    return [{"predicted": x, "observed": x, "low": x / 2, "high": 1.2 * x, "rows": 9} for x in predicted]


def test_small_probabilities_are_spread_and_the_axes_end_at_the_largest() -> None:
    small = calibration_figure([{"recipe": "none", "bins": bins(0.01, 0.02, 0.04)}], HUE)
    assert small.data[1]["x"] == pytest.approx([0.1, 0.1414214, 0.2])
    assert small.layout["xaxis"]["range"][1] == pytest.approx(np.sqrt(1.05 * 1.2 * 0.04))
    assert small.layout["xaxis"]["ticktext"][-1] == "5 %"
    assert small.data[1]["error_y"]["arrayminus"][0] == pytest.approx(0.1 - np.sqrt(0.005))
    large = calibration_figure([{"recipe": "none", "bins": bins(0.1, 0.5, 0.9)}], HUE)
    assert large.data[1]["x"] == [0.1, 0.5, 0.9]
    assert large.layout["xaxis"]["range"][1] == 1
    assert "square-root" in small.caption
    assert "square-root" not in large.caption


def test_an_observed_share_of_zero_and_a_bin_without_an_interval_are_drawn() -> None:
    entry = {"predicted": 0.01, "observed": 0.0, "low": None, "high": None, "rows": 3}
    trace = calibration_figure([{"recipe": "none", "bins": [entry]}], HUE).data[1]
    assert (trace["y"], trace["error_y"]["array"], trace["error_y"]["arrayminus"]) == ([0.0], [0.0], [0.0])


def test_colours_repeat_after_the_last() -> None:
    assert [hue_color(hue) for hue in (0, HUES - 1, HUES)] == ["var(--c1)", f"var(--c{HUES})", "var(--c1)"]
