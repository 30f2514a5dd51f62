"""The figures of what a loss is made of along the doses, and of where it leads with more rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from goodfit.report.changes import lines_layout
from goodfit.report.figures import INK, SOFT, Figure, Json, hue_color, layout
from goodfit.report.wording import MISSING, interval, number, plotly_text, present

BIAS, VARIANCE, ROWS = 3, 2, 0
"""Their hues."""
LAW_POINTS = 40
TICKS_APART = 0.12
"""Of the axis: counts of rows closer to each other share one label."""
FARTHEST = 1.5
"""The axis ends so many heights of the points beyond them, however wide the prediction's interval is."""


def parts_figure(parts: Mapping[str, Any]) -> Figure | None:
    """Draw the held-out loss of each dose as a bar of two parts: bias with noise, and variance.

    Args:
        parts: "score", the name of the loss, and "rows" of "name", "bias" (its square, noise included) and "variance":
            the network as it is first, then the doses in order. A part a little below 0 is drawn as 0.

    Returns:
        The figure, or None where no row has both parts.

    Example:
        >>> rows = [{"name": "none", "bias": 0.1, "variance": 0.05}]
        >>> parts_figure({"score": "Brier score", "rows": rows}).rows
        [('none', '0.1', '0.05', '0.15')]
    """
    known = [row for row in parts["rows"] if present(row.get("bias")) and present(row.get("variance"))]
    if not known:
        return None
    heights = [[max(0.0, float(row[key])) for row in known] for key in ("bias", "variance")]
    ends = [bias + variance for bias, variance in zip(*heights, strict=True)]
    drawn = lines_layout(
        [(str(row["name"]), "" if place else "as it is") for place, row in enumerate(known)],
        plotly_text(str(parts["score"])),
    )
    drawn["xaxis"] |= {"range": [0, 1.2 * max(*ends, 1e-9)], "nticks": 5, "showgrid": True}
    drawn |= {"barmode": "stack", "bargap": 0.76}
    drawn["shapes"] = [
        {"type": "line", "x0": ends[0], "x1": ends[0], "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
        | {"line": {"color": SOFT, "width": 1.5, "dash": "dot"}}
    ]
    names = [plotly_text(str(row["name"])) for row in known]
    data = [
        _bars(names, heights[0], BIAS, "bias² + noise"),
        _bars(names, heights[1], VARIANCE, "variance"),
        {
            "type": "scatter",
            "mode": "text",
            "x": ends,
            "y": list(range(len(known))),
            "text": [f" {end:.3g}" for end in ends],
            "textposition": "middle right",
            "cliponaxis": False,
            "textfont": {"color": INK, "size": 12},
            "hoverinfo": "skip",
        },
    ]
    rows = [_parts_row(row) for row in parts["rows"]]
    caption = (
        "Of what the held-out loss of each dose is made: bias² + noise is what its networks get wrong together, "
        "variance what each gets wrong by itself. Dotted: the loss of the network as it is."
    )
    low, first = min(range(len(ends)), key=ends.__getitem__), known[0]
    label = (
        f"The {parts['score']} of {len(known)} doses as stacked bars of bias with noise, and variance. "
        f"{first['name']}, as it is: {number(first['bias'])} and {number(first['variance'])}. Lowest in all: "
        f"{known[low]['name']}, {number(known[low]['bias'])} and {number(known[low]['variance'])}."
    )
    columns = ("dose", "bias² + noise", "variance", str(parts["score"]))
    keys = ((BIAS, "bias² + noise"), (VARIANCE, "variance"))
    title = "Of what the loss is made"
    return Figure("parts", label, data, drawn, columns, rows, caption, title=title, keys=keys)


def _bars(names: Sequence[str], heights: Sequence[float], hue: int, part: str) -> Json:
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(heights),
        "y": list(range(len(heights))),
        "marker": {"color": f"var(--c{hue + 1})"},
        "customdata": list(names),
        "hovertemplate": "%{customdata}<br>" + part + ": %{x:.3~g}<extra></extra>",
    }


def _parts_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    bias, variance = row.get("bias"), row.get("variance")
    whole = number(float(row["bias"]) + float(row["variance"])) if present(bias) and present(variance) else MISSING
    return str(row["name"]), number(bias), number(variance), whole


def growth_figure(growth: Mapping[str, Any]) -> Figure | None:
    """Draw the held-out loss by number of training rows, and the law through it continued to twice the rows.

    Args:
        growth: "rows" (counts above 0), "mean", "low" and "high" of the loss at each, "law": "floor", "scale", "rate"
            of floor + scale * rows ** -rate, "twice": "rows", "value", "low", "high", and "reliable", whether a law
            describes the points. What is None or NaN isn't drawn.

    Returns:
        The figure, or None where no loss is known.

    Example:
        >>> growth_figure({"rows": [100, 200], "mean": [0.5, 0.4], "low": [None, 0.3], "high": [None, 0.5]}).rows
        [('100', '0.5', '–'), ('200', '0.4', '[0.300, 0.500]')]
    """
    points = [point for point in _points(growth) if present(point["value"])]
    if not points:
        return None
    twice = growth.get("twice") or {}
    ahead = twice if present(twice.get("value")) and present(twice.get("rows")) else None
    reliable = bool(growth.get("reliable", True))
    law = _law(growth.get("law") or {}, points, ahead, reliable=reliable)
    data = [*_band(points), *law, _losses(points), *([_prediction(ahead, reliable=reliable)] if ahead else [])]
    counts = [int(point["rows"]) for point in [*points, *([ahead] if ahead else [])]]
    drawn = layout(380, "training rows", "held-out loss")
    ticks = _ticks(counts)
    drawn["xaxis"] |= {"type": "log", "tickvals": ticks, "ticktext": [f"{count:,}" for count in ticks], "tickangle": 0}
    edge = 0.06 * max(np.log10(max(counts) / min(counts)), 0.3)
    drawn["xaxis"]["range"] = [float(np.log10(min(counts)) - edge), float(np.log10(max(counts)) + edge)]
    drawn["yaxis"] |= {"range": _height(points, ahead), "nticks": 6}
    drawn["margin"]["t"] = 10
    rows = [_growth_row(point, "") for point in points] + ([_growth_row(ahead, " (predicted)")] if ahead else [])
    title = "What more rows bring"
    columns = ("training rows", "held-out loss", "95 % interval")
    return Figure("growth", _heard(points, ahead), data, drawn, columns, rows, _caption(ahead, reliable), title=title)


def _points(growth: Mapping[str, Any]) -> list[Json]:
    columns = [growth.get(key) or [None] * len(growth["rows"]) for key in ("mean", "low", "high")]
    each = zip(growth["rows"], *columns, strict=True)
    return [{"rows": rows, "value": mean, "low": low, "high": high} for rows, mean, low, high in each]


def _caption(ahead: Mapping[str, Any] | None, reliable: bool) -> str:
    caption = "The mean loss on held-out rows of networks that learned from so many rows, with its 95 % interval."
    if ahead is None:
        return caption
    caption += " Dashed: the power law through the means, continued; open: what it predicts, with its 95 % interval."
    if not reliable:
        return f"{caption} The means follow no such law, so don't rely on it."
    return caption + " The verdict rests on the fall, which is surer than each loss: chance moves them together."


def _heard(points: Sequence[Json], ahead: Mapping[str, Any] | None) -> str:
    first, last = points[0], points[-1]
    label = (
        f"Held-out loss by number of training rows: {number(first['value'])} with {number(first['rows'])} rows, "
        f"{number(last['value'])} with {number(last['rows'])}."
    )
    if ahead is None:
        return label
    ends = interval(ahead.get("low"), ahead.get("high"))
    return f"{label} Predicted with {number(ahead['rows'])}: {number(ahead['value'])} {ends}".rstrip() + "."


def _growth_row(point: Mapping[str, Any], note: str) -> tuple[str, ...]:
    ends = interval(point.get("low"), point.get("high")) or MISSING
    return number(point["rows"]) + note, number(point["value"]), ends


def _band(points: Sequence[Json]) -> list[Json]:
    known = [point for point in points if present(point["low"]) and present(point["high"])]
    if len(known) < 2:
        return []
    edge: Json = {"type": "scatter", "mode": "lines", "x": [point["rows"] for point in known], "hoverinfo": "skip"}
    edge |= {"line": {"width": 0, "color": hue_color(ROWS)}}
    low, high = (edge | {"y": [point[end] for point in known]} for end in ("low", "high"))
    return [low, high | {"fill": "tonexty", "fillcolor": hue_color(ROWS, soft=True)}]


def _losses(points: Sequence[Json]) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [point["rows"] for point in points],
        "y": [point["value"] for point in points],
        "marker": {"color": hue_color(ROWS), "size": 8},
        "text": [interval(point["low"], point["high"]) for point in points],
        "hovertemplate": "%{x:,} rows: %{y:.4~g} %{text}<extra></extra>",
    }


def _law(
    law: Mapping[str, Any], points: Sequence[Json], ahead: Mapping[str, Any] | None, *, reliable: bool
) -> list[Json]:
    if not all(present(law.get(key)) for key in ("floor", "scale", "rate")):
        return []
    ends = [float(point["rows"]) for point in [*points, *([ahead] if ahead else [])]]
    rows = np.geomspace(min(ends), max(ends), LAW_POINTS)
    losses = law["floor"] + law["scale"] * rows ** -law["rate"]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": rows.tolist(),
            "y": losses.tolist(),
            "line": {"color": hue_color(ROWS) if reliable else SOFT, "width": 2 if reliable else 1.25, "dash": "dash"},
            "hoverinfo": "skip",
        }
    ]


def _prediction(ahead: Mapping[str, Any], *, reliable: bool) -> Json:
    color, value = hue_color(ROWS) if reliable else SOFT, ahead["value"]
    low, high = (end if present(end) else value for end in (ahead.get("low"), ahead.get("high")))
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [ahead["rows"]],
        "y": [value],
        "marker": {"color": color, "size": 10, "symbol": "circle-open", "line": {"width": 2, "color": color}},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - value)],
            "arrayminus": [max(0.0, value - low)],
            "color": color,
            "thickness": 1.75,
            "width": 5,
        },
        "text": [interval(ahead.get("low"), ahead.get("high"))],
        "hovertemplate": "predicted with %{x:,} rows: %{y:.4~g} %{text}<extra></extra>",
    }


def _ticks(counts: Sequence[int]) -> list[int]:
    """The counts of rows that have room for a label, the largest first of all."""
    apart = TICKS_APART * np.log(max(counts) / min(counts))
    kept: list[int] = []
    for count in sorted(set(counts), reverse=True):
        if not kept or np.log(kept[-1] / count) >= apart:
            kept.append(count)
    return kept[::-1]


def _height(points: Sequence[Json], ahead: Mapping[str, Any] | None) -> list[float]:
    """The ends of the loss axis: all points with their intervals, and as much of the prediction's as has room."""
    own = [float(end) for point in points for end in (point["value"], point["low"], point["high"]) if present(end)]
    low, high = min(own), max(own)
    span = max(high - low, 0.02 * abs(high), 1e-9)
    said = [float(ahead[key]) for key in ("value", "low", "high") if present(ahead.get(key))] if ahead else []
    low = min([low, *(max(end, low - FARTHEST * span) for end in said)])
    high = max([high, *(min(end, high + FARTHEST * span) for end in said)])
    room = 0.06 * (high - low or span)
    return [low - room, high + room]
