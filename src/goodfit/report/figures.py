"""The report's figures as plotly's JSON: colours are names of CSS variables, so that they follow the page's theme."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goodfit.report.wording import interval, number, percent, plotly_text, present, shorten

Json = dict[str, Any]
HUES = 7
FEATURES_DRAWN = 30
NAME_LENGTH = 60
NAMED = "%{fullData.name}<br>"
INK, SOFT, GRID = "var(--ink)", "var(--soft)", "var(--grid)"
ROOT_TICKS = (0, 0.01, 0.05, 0.15, 0.3, 0.5, 0.75, 1)
SMALL_ROOT_TICKS = (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Toggle:
    """One recipe of a figure that a reader can show or hide; `group` names its traces and marks."""

    group: str
    hue: int
    label: str
    shown: bool


@dataclass(frozen=True)
class Figure:
    """A figure: what plotly draws, what is read aloud (`label`), and the table of the data behind it.

    `title` is shown where a figure has no section of its own, `keys` are hues with what they stand for.
    """

    id: str
    label: str
    data: Sequence[Json]
    layout: Json
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    toggles: Sequence[Toggle] = field(default_factory=list)
    title: str = ""
    keys: Sequence[tuple[int, str]] = ()


def hue_color(hue: int, *, soft: bool = False) -> str:
    """Name the CSS variable of a recipe's colour; colours repeat after `HUES` recipes.

    Example:
        >>> hue_color(0), hue_color(8, soft=True)
        ('var(--c1)', 'var(--c2-soft)')
    """
    return f"var(--c{hue % HUES + 1}{'-soft' if soft else ''})"


def layout(height: int, x_title: str, y_title: str) -> Json:
    """Make the layout that all figures share: calm axes, no legend (the page has its own), room for labels.

    Args:
        height: of the drawing in pixels, above 0.
        x_title: the horizontal axis' title, one of our own texts (data must be escaped before).
        y_title: the vertical axis' title, likewise.

    Example:
        >>> layout(300, "epoch", "loss")["height"]
        300
    """
    axis = {"gridcolor": GRID, "linecolor": SOFT, "zeroline": False, "automargin": True, "tickcolor": SOFT}
    return {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 16, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "hoverlabel": {"bgcolor": "var(--paper)", "bordercolor": SOFT, "font": {"color": INK}, "align": "left"},
        "showlegend": False,
        "xaxis": {
            **axis,
            "title": {"text": x_title, "font": {"size": 13}},
            "showline": True,
            "ticks": "outside",
            "showgrid": False,
        },
        "yaxis": {**axis, "title": {"text": y_title, "font": {"size": 13}}},
    }


def density(item: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Turn a histogram of weights into the density of those that are not exactly zero.

    The density is taken over all weights, so that its area is 1 - zeros: muted weights are missing from it.

    Args:
        item: "edges" (n + 1, ascending), "counts" (n, zeros included), "zeros" (share in [0, 1]), "total".

    Returns:
        Shape (n,), at least 0.

    Example:
        >>> density({"edges": [-1, 0, 1], "counts": [2, 8], "zeros": 0.6, "total": 10}).tolist()
        [0.2, 0.2]
    """
    edges, counts = np.asarray(item["edges"], dtype=float), np.asarray(item["counts"], dtype=float)
    total = max(float(item.get("total") or counts.sum()), 1.0)
    if edges[0] <= 0 <= edges[-1]:
        middle = min(int(np.searchsorted(edges, 0, side="right")) - 1, len(counts) - 1)
        counts[middle] = max(0.0, counts[middle] - round(float(item.get("zeros") or 0) * total))
    return np.asarray(counts / (np.maximum(np.diff(edges), 1e-300) * total), dtype=float)


def weight_figures(items: Sequence[Mapping[str, Any]], hues: Mapping[str, int]) -> list[Figure]:
    """Draw one small histogram a recipe, each over the first recipe's outline and all on one horizontal axis.

    Args:
        items: histograms, see `density`; the first is the reference.
        hues: the number of each recipe's colour.

    Returns:
        One figure an item; none for no items.

    Example:
        >>> weight_figures([], {})
        []
    """
    if not items:
        return []
    reach = 1.02 * max(max(abs(item["edges"][0]), abs(item["edges"][-1])) for item in items)
    return [_weights(place, item, items[0], hue=hues[item["recipe"]], reach=reach) for place, item in enumerate(items)]


def _weights(place: int, item: Mapping[str, Any], first: Mapping[str, Any], *, hue: int, reach: float) -> Figure:
    color, zeros = hue_color(hue), float(item.get("zeros") or 0)
    drawn = layout(230, "weight", "density")
    drawn["xaxis"]["range"] = [-reach, reach]
    drawn["yaxis"] |= {"rangemode": "tozero", "nticks": 4}
    data = [_steps(item, color=color, fill=hue_color(hue, soft=True))]
    if place:
        data.append(_steps(first, color=SOFT, fill=None))
    if zeros > 0:
        drawn["shapes"] = [
            {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": color, "width": 3}}
        ]
    rows = [
        (f"{number(float(low))} to {number(float(high))}", number(count))
        for low, high, count in zip(item["edges"], item["edges"][1:], item["counts"], strict=False)
    ]
    label = (
        f"Histogram of the first layer's weights with {item['recipe']}: {percent(zeros)} of them are exactly zero, the "
        f"others lie between {number(float(item['edges'][0]))} and {number(float(item['edges'][-1]))}."
    )
    return Figure(f"weights-{place}", label, data, drawn, ("weights", "count"), rows)


def _steps(item: Mapping[str, Any], *, color: str, fill: str | None) -> Json:
    heights = density(item)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plotly_text(shorten(item["recipe"], NAME_LENGTH)),
        "x": list(item["edges"]),
        "y": [*heights.tolist(), float(heights[-1])],
        "line": {"shape": "hv", "color": color, "width": 1.5, "dash": "solid" if fill else "dot"},
        "hovertemplate": NAMED + "%{x:.3~g}: %{y:.3~g}<extra></extra>",
    } | ({"fill": "tozeroy", "fillcolor": fill} if fill else {})


def feature_figure(part: Mapping[str, Any]) -> Figure:
    """Draw how much each column weighs and how many networks keep it, the most kept first.

    Args:
        part: "recipe", "what" its rows are ("columns" or "terms"), and "rows" of "name", "selected" (share in [0, 1]:
            0 muted in all networks, 1 kept in all) and "weight" (its mean norm of the weights, at least 0, or None).

    Returns:
        A figure of at most `FEATURES_DRAWN` columns; its table has them all.

    Example:
        >>> feature_figure({"recipe": "l1=0.1", "rows": [{"name": "age", "selected": 1, "weight": 0.3}]}).rows
        [('age', '100.0 %', '0.3')]
    """
    weighed = any(present(row.get("weight")) for row in part["rows"])
    ranked = sorted(part["rows"], key=lambda row: (-row["selected"], -_finite(row.get("weight"))))
    shown = ranked[:FEATURES_DRAWN]
    drawn = layout(
        70 + 26 * len(shown), "mean norm of the weights" if weighed else "share of networks that keep it", ""
    )
    drawn["margin"]["r"] = 48
    names = [plotly_text(shorten(str(row["name"]), 22)) for row in shown]
    drawn["yaxis"] |= {"tickvals": list(range(len(shown))), "ticktext": names, "showgrid": False}
    drawn["yaxis"]["range"] = [len(shown) - 0.4, -0.6]
    lengths = [abs(_finite(row.get("weight"))) if weighed else row["selected"] for row in shown]
    drawn["xaxis"] |= {"range": [0, 1.02 * max([*lengths, 1e-9])], "showgrid": True, "nticks": 6}
    kept = [row["selected"] >= 0.5 for row in shown]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": lengths,
        "y": list(range(len(shown))),
        "text": [f"{100 * row['selected']:.0f} %" for row in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "textfont": {"color": INK},
        "marker": {"color": "var(--c1)", "pattern": {"shape": ["" if full else "/" for full in kept]}},
        "customdata": names,
        "hovertemplate": "%{customdata}: %{x:.3~g}, kept by %{text}<extra></extra>",
    }
    muted, rest = sum(row["selected"] == 0 for row in ranked), len(ranked) - len(shown)
    what = str(part.get("what", "columns"))
    label = (
        f"Bars of {len(shown)} of {len(ranked)} {what} with {part['recipe']}, the most kept first: "
        f"{', '.join(str(row['name']) for row in shown[:5])}. Muted in every network: {muted}."
    )
    caption = f"The figure at a bar's end is the share of networks that keep the {what[:-1]}. Kept by none: {muted}."
    caption += " Hatched: kept by fewer than half." if not all(kept) else ""
    caption += f" In the table only: {rest} more." if rest else ""
    rows = [(str(row["name"]), percent(row["selected"]), number(row.get("weight"))) for row in ranked]
    return Figure("features", label, [bars], drawn, (what[:-1], "kept by", "mean norm of the weights"), rows, caption)


def calibration_figure(items: Sequence[Mapping[str, Any]], hues: Mapping[str, int]) -> Figure:
    """Draw the observed share over the predicted probability by recipe, with intervals and the diagonal.

    The axes end just past the largest value. Where half of the bins predict less than 0.15 they are on a square-root
    scale: it spreads small probabilities as a logarithm would, and still has a place for an observed share of 0.

    Args:
        items: "recipe" and "bins" of "predicted", "observed", "low", "high" (all in [0, 1]) and "rows" (a count).
        hues: the number of each recipe's colour.

    Example:
        >>> bins = [{"predicted": 0.05, "observed": 0.06, "low": 0.04, "high": 0.09, "rows": 180}]
        >>> calibration_figure([{"recipe": "none", "bins": bins}], {"none": 0}).rows
        [('none', '5.0 %', '6.0 %', '[4.0, 9.0]', '180')]
    """
    bins = [(item["recipe"], entry) for item in items for entry in item["bins"]]
    top = min(
        1.0, 1.05 * max(max(entry["predicted"], entry["observed"], _finite(entry.get("high"))) for _, entry in bins)
    )
    rooted = float(np.median([entry["predicted"] for _, entry in bins])) < 0.15
    drawn = layout(440, "predicted probability", "observed share")
    end = math.sqrt(top) if rooted else top
    for axis in (drawn["xaxis"], drawn["yaxis"]):
        axis |= {"range": [-0.02 * end, end], "showgrid": True, "tickformat": ".0%", "tickangle": 0}
        if rooted:
            ticks = [tick for tick in (ROOT_TICKS if top > 0.15 else SMALL_ROOT_TICKS) if tick <= top]
            axis |= {"tickvals": [math.sqrt(tick) for tick in ticks], "ticktext": [f"{100 * t:g} %" for t in ticks]}
    diagonal: Json = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip"}
    diagonal["line"] = {"color": SOFT, "width": 1.5, "dash": "dot"}
    data = [diagonal, *(_calibrated(place, item, hues, rooted=rooted) for place, item in enumerate(items))]
    rows = [
        (recipe, *map(percent, (b["predicted"], b["observed"])), _percents(b), number(b.get("rows")))
        for recipe, b in bins
    ]
    worst = [max(item["bins"], key=lambda entry: abs(entry["observed"] - entry["predicted"])) for item in items]
    label = "Observed share over predicted probability. " + " ".join(
        f"{item['recipe']}: furthest from the diagonal where it predicts {percent(entry['predicted'])} and "
        f"{percent(entry['observed'])} is observed."
        for item, entry in zip(items, worst, strict=True)
    )
    caption = "A recipe whose points lie on the dotted diagonal says 5 % where 5 % happens. Bars: 95 % intervals."
    caption += " Both axes are on a square-root scale, so that small probabilities can be read." if rooted else ""
    columns = ("recipe", "predicted", "observed", "95 % interval", "rows")
    toggles = [Toggle(f"r{i}", hues[item["recipe"]], item["recipe"], True) for i, item in enumerate(items)]
    return Figure("calibration", label, data, drawn, columns, rows, caption, toggles, "Calibration")


def _finite(value: float | None, instead: float = 0.0) -> float:
    return value if value is not None and present(value) else instead


def _percents(entry: Mapping[str, Any]) -> str:
    return interval(entry.get("low"), entry.get("high"), as_percent=True)


def _calibrated(place: int, item: Mapping[str, Any], hues: Mapping[str, int], *, rooted: bool) -> Json:
    bins, color = item["bins"], hue_color(hues[item["recipe"]])

    def scaled(values: Iterable[float]) -> list[float]:
        return [math.sqrt(max(value, 0)) if rooted else value for value in values]

    observed = scaled(entry["observed"] for entry in bins)
    high = scaled(_finite(entry.get("high"), entry["observed"]) for entry in bins)
    low = scaled(_finite(entry.get("low"), entry["observed"]) for entry in bins)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": plotly_text(shorten(item["recipe"], NAME_LENGTH)),
        "legendgroup": f"r{place}",
        "x": scaled(entry["predicted"] for entry in bins),
        "y": observed,
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, b - a) for a, b in zip(observed, high, strict=True)],
            "arrayminus": [max(0.0, a - b) for a, b in zip(observed, low, strict=True)],
            "color": color,
            "thickness": 1.2,
            "width": 3,
        },
        "line": {"color": color, "width": 1.5},
        "marker": {"color": color, "size": 7, "symbol": place % 6},
        "text": [f"says {percent(b['predicted'])}, is {percent(b['observed'])} {_percents(b)}" for b in bins],
        "hovertemplate": NAMED + "%{text}<extra></extra>",
    }
