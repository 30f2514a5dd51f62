import json
import math
from typing import Any

import plotly.graph_objects as go
import pytest
import report_example as example

from goodfit.extrapolation import PowerLaw
from goodfit.report.evidence import growth_figure, parts_figure
from goodfit.report.figures import Figure


def valid(figure: Figure | None) -> Figure:
    assert figure is not None
    go.Figure({"data": figure.data, "layout": figure.layout})  # raises on an unknown or ill-typed setting
    json.dumps([figure.data, figure.layout], allow_nan=False)
    assert {len(row) for row in figure.rows} == {len(figure.columns)}
    return figure


def parts(*rows: tuple[str, float | None, float | None], score: str = "Brier score") -> dict[str, Any]:
    return {"score": score, "rows": [{"name": n, "bias": b, "variance": v} for n, b, v in rows]}


def test_bars_stand_on_each_other_and_end_at_the_whole_loss() -> None:
    figure = valid(parts_figure(parts(("none", 0.05, 0.03), ("l2=0.01", 0.06, 0.01))))
    bias, variance, ends = figure.data
    assert figure.layout["barmode"] == "stack"
    assert (bias["x"], variance["x"]) == ([0.05, 0.06], [0.03, 0.01])
    assert bias["y"] == variance["y"] == [0, 1]
    assert ends["x"] == pytest.approx([0.08, 0.07])
    assert figure.layout["shapes"][0]["x0"] == pytest.approx(0.08)
    assert figure.layout["xaxis"]["range"][1] > 0.08 * 1.1
    assert figure.layout["annotations"][0]["text"] == "none · as it is"
    assert figure.rows[1] == ("l2=0.01", "0.06", "0.01", "0.07")
    assert "Lowest in all: l2=0.01" in figure.label


def test_the_two_parts_differ_in_hue_and_each_has_a_key() -> None:
    figure = valid(parts_figure(parts(("none", 0.05, 0.03))))
    hues = [trace["marker"]["color"] for trace in figure.data[:2]]
    assert hues == [f"var(--c{hue + 1})" for hue, _ in figure.keys]
    assert len(set(hues)) == 2


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_a_row_without_both_parts_is_in_the_table_only(nothing: float | None) -> None:
    figure = valid(parts_figure(parts(("none", 0.05, 0.03), ("l2=0.01", 0.06, nothing))))
    assert figure.data[0]["x"] == [0.05]
    assert figure.rows[1][3] == "–"
    assert parts_figure(parts(("none", nothing, 0.03))) is None
    assert parts_figure(parts()) is None


def test_a_part_below_0_is_drawn_as_0_and_told_as_it_is() -> None:
    figure = valid(parts_figure(parts(("none", -0.001, 0.03))))
    assert figure.data[0]["x"] == [0]
    assert figure.rows[0][1] == "-0.001"


def test_no_name_reaches_plotly_as_markup() -> None:
    hostile = example.HOSTILE
    figure = valid(parts_figure(parts(*((name, 0.05, 0.03) for name in hostile), score=hostile[0])))
    texts = [note["text"] for note in figure.layout["annotations"]] + [figure.layout["xaxis"]["title"]["text"]]
    texts += [name for trace in figure.data[:2] for name in trace["customdata"]]
    assert len(texts) == 4 + 1 + 8
    assert not [text for text in texts if "<" in text or ">" in text]


def test_the_law_runs_dashed_from_the_fewest_rows_to_twice_the_most() -> None:
    growth = example.growth()
    law = next(trace for trace in valid(growth_figure(growth)).data if trace["line"].get("dash"))
    assert (law["x"][0], law["x"][-1]) == pytest.approx((986, 15772))
    whole = PowerLaw(**growth["law"], misfit=0.0)
    assert law["y"] == pytest.approx([whole.at(rows) for rows in law["x"]])


def test_points_band_and_prediction_are_the_losses_with_their_intervals() -> None:
    growth = example.growth()
    low, high, _, points, ahead = valid(growth_figure(growth)).data
    assert (low["y"], high["y"], points["y"]) == (growth["low"], growth["high"], growth["mean"])
    assert (high["fill"], points["x"]) == ("tonexty", growth["rows"])
    assert (ahead["x"], ahead["y"]) == ([15772], [growth["twice"]["value"]])
    assert ahead["error_y"]["array"] == pytest.approx([0.03])
    assert ahead["marker"]["symbol"] == "circle-open"


def test_rows_are_on_a_logarithmic_axis_and_their_counts_have_room() -> None:
    axis = valid(growth_figure(example.growth())).layout["xaxis"]
    assert axis["type"] == "log"
    assert axis["ticktext"] == ["986", "1,972", "3,943", "7,886", "15,772"]
    low, high = axis["range"]
    assert 800 < 10**low < 986
    assert 15772 < 10**high < 20000
    close = {"rows": [100, 101, 102, 200], "mean": [0.5, 0.5, 0.5, 0.4]}
    assert valid(growth_figure(close)).layout["xaxis"]["ticktext"] == ["102", "200"]


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_what_is_not_known_is_not_drawn(nothing: float | None) -> None:
    growth = example.growth()
    growth["mean"][0] = nothing
    growth["low"][1] = growth["high"][1] = nothing
    growth["law"]["floor"] = nothing
    growth["twice"] |= {"low": nothing, "high": nothing}
    low, _, points, ahead = valid(growth_figure(growth)).data
    assert (low["x"], points["x"]) == ([3943, 7886], [1972, 3943, 7886])
    assert ahead["error_y"]["array"] == ahead["error_y"]["arrayminus"] == [0]
    growth["twice"]["value"] = nothing
    figure = valid(growth_figure(growth))
    assert len(figure.data) == 3
    assert "Dashed" not in figure.caption
    assert growth_figure(growth | {"mean": [nothing] * 4}) is None
    assert growth_figure({"rows": [], "mean": []}) is None


def test_an_unsure_prediction_leaves_the_points_their_room() -> None:
    growth = example.growth()
    growth["twice"] |= {"low": 0.0, "high": 900.0}
    low, high = valid(growth_figure(growth)).layout["yaxis"]["range"]
    assert low < 0.45
    assert 0.75 < high < 2


def test_an_unreliable_law_is_told_and_drawn_pale() -> None:
    figure = valid(growth_figure(example.growth() | {"reliable": False}))
    assert "don't rely on it" in figure.caption
    assert [trace["line"]["color"] for trace in figure.data if trace.get("line", {}).get("dash")] == ["var(--soft)"]
    assert "rely" not in valid(growth_figure(example.growth())).caption


def test_a_listener_learns_both_ends_and_what_is_predicted() -> None:
    label = valid(growth_figure(example.growth())).label
    assert "0.7322 with 986 rows" in label
    assert "Predicted with 15,772: 0.4456 [0.416, 0.476]." in label
    assert valid(growth_figure(example.growth())).rows[-1] == ("15,772 (predicted)", "0.4456", "[0.416, 0.476]")
