"""What plots of studies are built of: bands, marks, areas and a calm layout, as plotly's JSON.

Colours are arguments: `CALM` reads well on white and on dark, and a page may give names of its CSS variables instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Json = dict[str, Any]
Interval = tuple[ArrayLike, ArrayLike]

GAP = 0.09
"""Between two panels, as a share of the height."""


@dataclass(frozen=True)
class Paint:
    """A colour for lines and its soft shade for areas.

    Example:
        >>> Paint.of("#0072b2").soft
        'rgba(0, 114, 178, 0.2)'
    """

    line: str
    soft: str

    @classmethod
    def of(cls, color: str, opacity: float = 0.2) -> Paint:
        """The paint of a colour `#rrggbb`; the opacity of its shade is in [0, 1]."""
        red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
        return cls(color, f"rgba({red}, {green}, {blue}, {opacity:g})")


@dataclass(frozen=True)
class Theme:
    """The colours of a plot.

    Args:
        ink: text, axes and marks.
        grid: lines behind the curves.
        held_out: of losses on rows held out.
        training: of losses on training rows.
        bias: of bias and noise.
        variance: of variance.
    """

    ink: str
    grid: str
    held_out: Paint
    training: Paint
    bias: Paint
    variance: Paint


CALM = Theme(
    ink="#7a7a7a",
    grid="rgba(128, 128, 128, 0.22)",
    held_out=Paint.of("#0072b2"),
    training=Paint.of("#d55e00"),
    bias=Paint.of("#cc79a7", 0.45),
    variance=Paint.of("#009e73", 0.45),
)
"""Colours of Okabe and Ito that have a contrast of 3 or more with white and with near black."""


@dataclass(frozen=True)
class Axis:
    """A vertical axis: its title with the unit, and its share of the height.

    Args:
        title: one of our own texts: plotly reads it as HTML.
        share: of the height, above 0; panels' shares needn't add up to anything.
        zero: whether it begins at 0.
    """

    title: str
    share: float = 1.0
    zero: bool = False


def band(
    x: ArrayLike,
    mean: ArrayLike,
    interval: Interval,
    *,
    name: str,
    paint: Paint,
    at: Sequence[str],
    dashed: bool = False,
    axis: int = 1,
) -> list[Json]:
    """A mean with the band of its interval: the band's two edges, then the line.

    Args:
        x: `(P,)` positions.
        mean: `(P,)`; nan is a gap.
        interval: its low and high ends, `(P,)` each; where all are nan no band is drawn.
        name: in the legend and beside the pointer.
        paint: the line's colour and the band's.
        at: `(P,)` what each position means, beside the pointer.
        dashed: whether the line is.
        axis: the panel, from 1 at the top.

    Example:
        >>> ends = [0.4, 0.3], [0.6, 0.5]
        >>> traces = band([1, 2], [0.5, 0.4], ends, name="loss", paint=CALM.held_out, at=["epoch 1", "epoch 2"])
        >>> [trace["mode"] for trace in traces]
        ['lines', 'lines', 'lines+markers']
    """
    places, values = _numbers(x), _array(mean)
    low, high = (_array(end) for end in interval)
    common: Json = {"type": "scatter", "x": places, "legendgroup": name, "name": name} | _on(axis)
    known = np.isfinite(low) & np.isfinite(high)
    told = [[word, f" [{a:.4g}, {b:.4g}]" if k else ""] for word, a, b, k in zip(at, low, high, known, strict=True)]
    mode = "lines+markers" if len(values) <= 25 else "lines"
    line: Json = common | {
        "mode": mode,
        "y": _numbers(mean),
        "line": {"color": paint.line, "width": 2, "dash": "dash" if dashed else "solid"},
        "marker": {"color": paint.line, "size": 6},
        "customdata": told,
        "hovertemplate": name + ", %{customdata[0]}: %{y:.4~g}%{customdata[1]}<extra></extra>",
    }
    if not known.any():
        return [line]
    edge = common | {"mode": "lines", "line": {"width": 0, "color": paint.line}, "hoverinfo": "skip"}
    edge |= {"showlegend": False, "connectgaps": False}
    filled = {"fill": "tonexty", "fillcolor": paint.soft}
    return [edge | {"y": _numbers(low)}, edge | {"y": _numbers(high)} | filled, line]


def areas(
    x: ArrayLike, parts: Mapping[str, tuple[ArrayLike, Paint]], *, at: Sequence[str], axis: int = 1
) -> list[Json]:
    """Areas on top of each other, the first at the bottom; a part below 0 counts as 0.

    Args:
        x: `(P,)` positions.
        parts: heights `(P,)` and paint by name.
        at: `(P,)` what each position means, beside the pointer.
        axis: the panel, from 1 at the top.

    Example:
        >>> [trace["name"] for trace in areas([1, 2], {"variance": ([0.1, 0.2], CALM.variance)}, at=["a", "b"])]
        ['variance']
    """
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": _numbers(x),
            "y": _numbers(np.maximum(_array(heights), 0.0)),
            "name": name,
            "stackgroup": f"panel {axis}",
            "line": {"color": paint.line, "width": 1.5},
            "fillcolor": paint.soft,
            "customdata": list(at),
            "hovertemplate": name + ", %{customdata}: %{y:.4~g}<extra></extra>",
        }
        | _on(axis)
        for name, (heights, paint) in parts.items()
    ]


def point(x: float, y: float, interval: tuple[float, float], *, name: str, paint: Paint) -> Json:
    """A single open point with its interval, for what is foreseen rather than measured.

    Example:
        >>> point(2.0, 0.3, (0.2, 0.5), name="at twice the rows", paint=CALM.held_out)["error_y"]["array"]
        [0.2]
    """
    up, down = (_numbers([np.maximum(end, 0.0)]) for end in (interval[1] - y, y - interval[0]))
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _numbers([x]),
        "y": _numbers([y]),
        "name": name,
        "marker": {"color": paint.line, "size": 9, "symbol": "circle-open", "line": {"width": 2}},
        "error_y": {"type": "data", "array": up, "arrayminus": down, "color": paint.line, "thickness": 1.5, "width": 4},
        "hovertemplate": name + ": %{y:.4~g}<extra></extra>",
    }


def dotted(x: ArrayLike, y: ArrayLike, *, name: str, paint: Paint) -> Json:
    """A dotted line, for a fitted law.

    Example:
        >>> dotted([1, 2], [0.5, 0.4], name="power law", paint=CALM.held_out)["line"]["dash"]
        'dot'
    """
    line = {"color": paint.line, "width": 1.5, "dash": "dot"}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _numbers(x),
        "y": _numbers(y),
        "name": name,
        "line": line,
        "hoverinfo": "skip",
    }


def mark(layout: Json, x: float, text: str, *, theme: Theme = CALM, span: tuple[float, float] | None = None) -> None:
    """Add a dotted line with a text at its upper end to a layout, over all panels; a span is shaded behind it.

    Args:
        layout: see `layout`; changed in place.
        x: where.
        text: one of our own texts: plotly reads it as HTML.
        theme: the colours.
        span: from where to where its interval reaches.
    """
    whole = {"y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    if span is not None:
        width = {"fillcolor": theme.grid, "line": {"width": 0}}
        layout["shapes"].append({"type": "rect", "x0": span[0], "x1": span[1], **whole, **width})
    line = {"color": theme.ink, "width": 1.5, "dash": "dot"}
    layout["shapes"].append({"type": "line", "x0": x, "x1": x, **whole, "line": line})
    note: Json = {"x": x, "y": 1, "yref": "paper", "text": text, "showarrow": False, "xanchor": "auto"}
    layout["annotations"].append(note | {"yanchor": "bottom", "font": {"color": theme.ink, "size": 12}})


def layout(x_title: str, axes: Sequence[Axis], *, theme: Theme = CALM, height: int = 460) -> Json:
    """A calm layout without a background of its own: panels below each other over one horizontal axis.

    Args:
        x_title: of the horizontal axis, with its unit.
        axes: a panel each, from the top.
        theme: the colours.
        height: in pixels.

    Example:
        >>> sorted(key for key in layout("dose", [Axis("loss"), Axis("bias")]) if key.startswith("yaxis"))
        ['yaxis', 'yaxis2']
    """
    lines: Json = {"gridcolor": theme.grid, "linecolor": theme.ink, "tickcolor": theme.ink, "zeroline": False}
    lines |= {"automargin": True, "title": {"font": {"size": 13}}}
    made: Json = {
        "template": "none",
        "height": height,
        "margin": {"l": 64, "r": 24, "t": 64, "b": 56},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": theme.ink},
        "legend": {"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom"},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "#ffffff", "font": {"color": "#333333"}},
        "shapes": [],
        "annotations": [],
        "xaxis": lines | {"title": {"text": x_title}, "showline": True, "ticks": "outside", "showgrid": False},
    }
    shares = np.array([axis.share for axis in axes])
    heights = shares / shares.sum() * (1 - GAP * (len(axes) - 1))
    top = 1.0
    for number, (axis, share) in enumerate(zip(axes, heights.tolist(), strict=True), 1):
        bottom = max(top - share, 0.0)
        made["yaxis" + _suffix(number)] = lines | {
            "title": {"text": axis.title},
            "domain": [bottom, top],
            "rangemode": "tozero" if axis.zero else "normal",
        }
        top = bottom - GAP
    made["xaxis"]["anchor"] = "y" + _suffix(len(axes))
    return made


def figure(traces: Sequence[Json], layout: Json) -> Figure:
    """The plotly figure of traces and a layout; plotly is imported only now."""
    from plotly.graph_objects import Figure

    return Figure({"data": list(traces), "layout": layout})


def _on(axis: int) -> Json:
    return {"xaxis": "x", "yaxis": "y" + _suffix(axis)}


def _suffix(number: int) -> str:
    return "" if number == 1 else str(number)


def _array(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _numbers(values: ArrayLike) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in _array(values).tolist()]
