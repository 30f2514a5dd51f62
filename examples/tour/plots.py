"""What the scripts of the tour draw with: lines, bars and tables, each in a call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from plotly.graph_objects import Bar, Figure, Scatter
from plotly.subplots import make_subplots

COLORS = ("#0072b2", "#d55e00", "#009e73", "#b06593", "#8a7a00", "#7a7a7a")
"""Of Okabe and Ito, told apart by the colour-blind; each has a contrast of 3 or more with white and near black."""

Row = Mapping[str, object]


def lines(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    x_title: str,
    y_title: str,
    log: str = "",
    dashed: Sequence[str] = (),
) -> Figure:
    """Lines over x, by name; `log` holds "x", "y" or both for axes of ratios."""
    figure = Figure()
    few = len(x) <= 25
    for i, (name, y) in enumerate(series.items()):
        line = {"color": COLORS[i % len(COLORS)], "width": 2, "dash": "dash" if name in dashed else "solid"}
        figure.add_trace(Scatter(x=list(x), y=list(y), name=name, mode="lines+markers" if few else "lines", line=line))
    return calm(figure, x_title=x_title, y_title=y_title, log=log)


def bars(labels: Sequence[str], series: Mapping[str, Sequence[float]], *, y_title: str, log: str = "") -> Figure:
    """Bars side by side, a group a label."""
    figure = Figure()
    for i, (name, heights) in enumerate(series.items()):
        figure.add_trace(Bar(x=list(labels), y=list(heights), name=name, marker_color=COLORS[i % len(COLORS)]))
    return calm(figure, x_title="", y_title=y_title, log=log)


def beside(figures: Mapping[str, Figure], *, one_height: bool = False) -> Figure:
    """Figures as panels beside each other, by title; names in several have one key, the axis too if asked."""
    cols, titles = len(figures), list(figures)
    whole = make_subplots(cols=cols, subplot_titles=titles, horizontal_spacing=0.1, shared_yaxes=one_height)
    seen: dict[str, object] = {}
    for place, figure in enumerate(figures.values(), 1):
        for trace in figure.data:
            trace.showlegend = trace.name not in seen
            trace.legendgroup = trace.name
            seen.setdefault(trace.name, trace)
            whole.add_trace(trace, row=1, col=place)
        for axis in ("x", "y"):
            own = getattr(figure.layout, f"{axis}axis")
            getattr(whole, f"update_{axis}axes")(type=own.type, title=own.title, row=1, col=place)
    titles_of_y = {figure.layout.yaxis.title.text for figure in figures.values()}
    for place in range(2, cols + 1) if len(titles_of_y) == 1 else ():
        whole.update_yaxes(title=None, row=1, col=place)
    return calm(whole)


def calm(figure: Figure, *, x_title: str | None = None, y_title: str | None = None, log: str = "") -> Figure:
    """The figure with the look of all others."""
    figure.update_layout(
        template="none",
        height=420,
        margin={"l": 64, "r": 24, "t": 64, "b": 56},
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "x": 0, "y": 1.1, "yanchor": "bottom"},
    )
    figure.update_xaxes(showline=True, ticks="outside", showgrid=False, zeroline=False, automargin=True)
    figure.update_yaxes(showgrid=True, zeroline=False, automargin=True)
    if x_title is not None:
        figure.update_xaxes(title=x_title)
        figure.update_yaxes(title=y_title)
    for axis in log:
        figure.update_layout({f"{axis}axis": {"type": "log", "exponentformat": "power"}})
    return figure


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; numbers with three digits that count."""
    heads = list(rows[0])
    told = [[_told(row[head]) for head in heads] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [heads, ["---"] * len(heads), *told])


def _told(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "diverged"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def write(figure: Figure, name: str) -> None:
    """The figure as a page of its own in the working folder."""
    figure.write_html(name)
    print(f"wrote {Path(name).resolve()}")
