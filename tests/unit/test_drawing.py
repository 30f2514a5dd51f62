"""The pieces of plots: what plotly accepts, what a reader sees, and that nothing heavy is imported for it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from goodfit.drawing import CALM, Axis, Paint, areas, band, dotted, figure, layout, mark, point


def luminance(color):
    shares = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return float(
        [0.2126, 0.7152, 0.0722] @ np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    )


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
@pytest.mark.parametrize("part", ["held_out", "training", "bias", "variance", "ink"])
def test_colours_stand_out_from_white_and_from_dark(part, ground):
    color = CALM.ink if part == "ink" else getattr(CALM, part).line
    bright, dark = sorted((luminance(color), luminance(ground)), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 3


def test_a_band_is_two_edges_and_a_line_and_a_gap_stays_one():
    low, high, line = band(
        [1, 2, 3],
        [0.5, np.nan, 0.3],
        ([0.4, np.nan, 0.2], [0.6, np.nan, np.inf]),
        name="loss",
        paint=CALM.training,
        at=["a", "b", "c"],
        dashed=True,
        axis=2,
    )
    assert "fill" not in low
    assert (high["fill"], high["fillcolor"]) == ("tonexty", CALM.training.soft)
    assert line["y"] == [0.5, None, 0.3]
    assert high["y"] == [0.6, None, None]
    assert line["line"]["dash"] == "dash"
    assert {trace["yaxis"] for trace in (low, high, line)} == {"y2"}
    assert [trace.get("showlegend", True) for trace in (low, high, line)] == [False, False, True]
    assert [told[0] for told in line["customdata"]] == ["a", "b", "c"]
    json.dumps([low, high, line], allow_nan=False)


def test_a_line_without_intervals_has_no_band():
    gone = [np.nan, np.nan]
    assert len(band([1, 2], [1.0, 2.0], (gone, gone), name="a", paint=CALM.bias, at=["", ""])) == 1


def test_areas_lie_on_each_other_and_never_below_zero():
    parts = {"bias": ([0.2, 0.3], CALM.bias), "variance": ([-0.1, 0.4], Paint("var(--c1)", "var(--c1-soft)"))}
    bottom, top = areas([1, 2], parts, at=["a", "b"], axis=2)
    assert bottom["stackgroup"] == top["stackgroup"]
    assert top["y"] == [0.0, 0.4]
    assert top["fillcolor"] == "var(--c1-soft)"


def test_panels_share_the_height_and_do_not_touch():
    drawn = layout("dose", [Axis("loss", share=2), Axis("parts", zero=True)])
    upper, lower = drawn["yaxis"], drawn["yaxis2"]
    assert upper["domain"][1] == 1
    assert lower["domain"][0] == pytest.approx(0)
    assert upper["domain"][0] > lower["domain"][1]
    assert np.ptp(upper["domain"]) == pytest.approx(2 * np.ptp(lower["domain"]))
    assert (upper["rangemode"], lower["rangemode"]) == ("normal", "tozero")
    assert drawn["xaxis"]["anchor"] == "y2"
    assert (upper["title"]["text"], drawn["xaxis"]["title"]["text"]) == ("loss", "dose")


def test_a_mark_shades_its_span_behind_its_line():
    drawn = layout("dose", [Axis("loss")])
    mark(drawn, 2.0, "best", span=(1.0, 3.0))
    shade, line = drawn["shapes"]
    assert (shade["type"], shade["x0"], shade["x1"]) == ("rect", 1.0, 3.0)
    assert (line["type"], line["x0"]) == ("line", 2.0)
    assert drawn["annotations"][0]["text"] == "best"
    assert layout("dose", [Axis("loss")])["shapes"] == []


def test_plotly_takes_all_of_it():
    drawn = layout("rows", [Axis("loss"), Axis("parts")])
    mark(drawn, 1.0, "best")
    ends = ([0.4, 0.3], [0.6, 0.5])
    traces = [
        *band([1, 2], [0.5, 0.4], ends, name="a", paint=CALM.bias, at=["", ""]),
        *areas([1, 2], {"b": ([1, 2], CALM.variance)}, at=["", ""], axis=2),
        dotted([1, 2], [0.5, 0.4], name="law", paint=CALM.held_out),
        point(3, 0.3, (0.2, np.nan), name="foreseen", paint=CALM.held_out),
    ]
    made = figure(traces, drawn)
    assert len(made.data) == 6
    assert made.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert made.data[-1].error_y.array == (None,)


def test_drawing_is_imported_without_plotly():
    code = "import sys, goodfit.drawing; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
