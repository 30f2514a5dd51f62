"""Real and synthetic rows of a table as points, and as lines beside their parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goodfit.data.table import counted
from goodfit.report.contact import Grid
from goodfit.report.figures import HUES, SOFT, Figure, Json, Toggle, hue_color, layout
from goodfit.report.wording import number, percent, plotly_text, shorten
from goodfit.rng import derive
from goodfit.studies.augmenting.rows import Synthesis, components, telling_columns

MOST_POINTS = 300
"""Points drawn of the real rows of a class, and of its synthetic ones."""
MOST_COLUMNS, EXAMPLES = 12, 5
REAL, SYNTHETIC = "○", "✕"
_POINTS, _EXAMPLES = 0, 1  # streams of random numbers

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of one kind: real or synthetic rows of a class, or real rows of all classes that got none."""

    name: str
    synthetic: bool
    hue: int
    places: Floats


def row_figures(synthesis: Synthesis, seed: int) -> list[Figure]:
    """Where synthetic rows lie among the real ones: along two directions, and by two columns if there are such.

    Args:
        synthesis: the rows.
        seed: of the points that are drawn of many.
    """
    real, made, share = components(synthesis)
    told = f" These directions hold {percent(share)} of the variance."
    axes = ("first direction", "second direction")
    figures = [_figure("components", axes, clouds(synthesis, real, made), seed, told=told)]
    names = telling_columns(synthesis.problem)
    if len(names) == 2:
        tables = (synthesis.problem.table, synthesis.added.table)
        places = [
            np.column_stack([next(c.values for c in table.columns if c.name == name) for name in names])
            for table in tables
        ]
        figures.append(_figure("columns", (names[0], names[1]), clouds(synthesis, *places), seed))
    return figures


def clouds(synthesis: Synthesis, real: Floats, made: Floats) -> list[Cloud]:
    """The points by class: first those of the classes that got no synthetic rows, together."""
    codes, added = synthesis.problem.target, synthesis.added.codes
    names = [str(name) for name in synthesis.problem.classes.tolist()]
    filled = np.unique(added).tolist()
    others = ~np.isin(codes, filled)
    rest = [name for code, name in enumerate(names) if code not in filled]
    found = [Cloud(rest[0] if len(rest) == 1 else "the other classes", False, -1, real[others])] if rest else []
    found += [Cloud(names[code], False, hue % HUES, real[codes == code]) for hue, code in enumerate(filled)]
    own = 1 if len(filled) == 1 else 0  # of one class synthetic rows have a colour of their own, of several its class's
    found += [Cloud(names[code], True, (own + hue) % HUES, made[added == code]) for hue, code in enumerate(filled)]
    return found


def count_grid(synthesis: Synthesis) -> Grid:
    """The rows of each class before and after."""
    rows = [(name, number(real), number(made), number(real + made)) for name, real, made in synthesis.counts]
    marked = frozenset(place for place, (_, _, made) in enumerate(synthesis.counts) if made)
    return Grid("Rows of each class", "", ("class", "real", "synthetic", "together"), rows, marked)


def example_grid(synthesis: Synthesis, own: Sequence[Sequence[str]], made: Sequence[Sequence[str]], seed: int) -> Grid:
    """Some synthetic rows below the two real rows that each lies between.

    Args:
        synthesis: the rows.
        own: the real rows as text, a list a column, the columns as in `synthesis.frame`.
        made: the synthetic rows likewise.
        seed: of the choice of examples.
    """
    parents, names = synthesis.added.parents[:, :2], synthesis.frame.columns
    drawn = np.random.default_rng(derive(seed, _EXAMPLES)).permutation(len(parents))[:EXAMPLES].tolist()
    pairs = [(synthetic, *parents[synthetic].tolist()) for synthetic in sorted(drawn)]
    differing = [sum(column[one] != column[other] for _, one, other in pairs) for column in own]
    kept = sorted(np.argsort([-count for count in differing], kind="stable")[:MOST_COLUMNS].tolist())
    rows: list[tuple[str, ...]] = []
    for synthetic, one, other in pairs:
        rows += [(f"row {real + 1}", *(shorten(own[place][real], 24) for place in kept)) for real in (one, other)]
        rows.append((f"synthetic {synthetic + 1}", *(shorten(made[place][synthetic], 24) for place in kept)))
    told = (
        "A synthetic row lies between the two rows above it, which are of its class: numbers and dates somewhere on "
        "the way from the first to the second, categories as most of the first one's nearest rows have them."
    )
    if len(kept) < len(names):
        told += f" Shown are {len(kept)} of {len(names)} columns, those in which the examples differ most."
    columns = ("", *(names[place] for place in kept))
    return Grid("Synthetic rows and their parents", told, columns, rows, frozenset(range(2, len(rows), 3)))


def _figure(name: str, axes: tuple[str, str], points: Sequence[Cloud], seed: int, *, told: str = "") -> Figure:
    drawn = layout(440, *(plotly_text(shorten(axis, 40)) for axis in axes))
    drawn["xaxis"] |= {"showgrid": True}
    drawn |= {"hovermode": "closest"}
    data, rows, toggles = [], [], []
    for place, cloud in enumerate(points):
        shown = _some(cloud.places, derive(seed, _POINTS, place))
        said = "synthetic" if cloud.synthetic else "real"
        data.append(_trace(cloud, shown, f"g{place}", axes))
        rows.append((cloud.name, said, number(len(cloud.places)), *(_spread(axis) for axis in cloud.places.T)))
        glyph = SYNTHETIC if cloud.synthetic else REAL
        label = f"{glyph} {cloud.name}, {said} ({number(len(cloud.places))})"
        toggles.append(Toggle(f"g{place}", cloud.hue, label, True))
    caption = f"{REAL} real rows, {SYNTHETIC} synthetic ones."
    present = [int((~np.isnan(cloud.places).any(1)).sum()) for cloud in points]
    lacking = sum(len(cloud.places) for cloud in points) - sum(present)
    caption += f" Of each kind {MOST_POINTS} at most are drawn." if max(present) > MOST_POINTS else ""
    caption += f" Not drawn: {counted(lacking, 'row')} with a missing value." if lacking else ""
    caption += told
    title = f"By {axes[0]} and {axes[1]}" if name == "columns" else "Along the two directions in which rows vary most"
    label = f"{title}: points for " + "; ".join(f"{row[2]} {row[1]} rows of {row[0]}" for row in rows) + "."
    columns = ("class", "rows", "how many", *(f"{axis}: middle half" for axis in axes))
    return Figure(name, label, data, drawn, columns, rows, caption, toggles, title)


def _some(places: Floats, seed: int) -> Floats:
    """Those points that have a place, at most so many of them."""
    present = places[~np.isnan(places).any(1)]
    if len(present) <= MOST_POINTS:
        return present
    return present[np.sort(np.random.default_rng(seed).permutation(len(present))[:MOST_POINTS])]


def _trace(cloud: Cloud, shown: Floats, group: str, axes: tuple[str, str]) -> Json:
    color = SOFT if cloud.hue < 0 else hue_color(cloud.hue)
    x, y = ([float(f"{value:.5g}") for value in axis] for axis in shown.T)
    said = f"{plotly_text(shorten(cloud.name, 40))}, {'synthetic' if cloud.synthetic else 'real'}"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": said,
        "legendgroup": group,
        "x": x,
        "y": y,
        "marker": {
            "color": color,
            "symbol": "x-thin" if cloud.synthetic else "circle-open",
            "size": 7 if cloud.synthetic else 6,
            "opacity": 0.5 if cloud.hue < 0 else 0.8,
            "line": {"color": color, "width": 1.5 if cloud.synthetic else 1},
        },
        "hovertemplate": "%{fullData.name}<br>%{x:.4~g}, %{y:.4~g}<extra></extra>",
    }


def _spread(values: Floats) -> str:
    present = values[~np.isnan(values)]
    if not len(present):
        return number(None)
    low, high = np.quantile(present, [0.25, 0.75]).tolist()
    return f"{number(low)} to {number(high)}"
