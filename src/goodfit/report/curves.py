"""The figure of the loss curves: training dashed, validation solid, the turn of each recipe marked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from goodfit.report.bands import Array, Band, loss_bands
from goodfit.report.figures import NAME_LENGTH, NAMED, Figure, Json, Toggle, hue_color, layout
from goodfit.report.wording import interval, number, plotly_text, present, shorten

SHOWN_AT_FIRST = 4
EPOCHS_TABLED = 40
CAPTION = (
    "Solid: loss on validation rows. Dashed: loss on training rows. Each line is the mean over a recipe's networks, "
    "its band the 95 % interval of that mean. A network that has stopped counts with its last loss; a line ends where "
    "fewer than half of the networks still train."
)


def curve_figure(
    history: pl.DataFrame, shown: Sequence[str], turns: Sequence[Mapping[str, Any]], hues: Mapping[str, int]
) -> Figure:
    """Draw the mean losses of each recipe over the epochs.

    Args:
        history: columns recipe, member, epoch (from 1), train_loss, validation_loss.
        shown: the recipes to draw first; the others wait behind their toggles. Empty: the first four.
        turns: where a recipe's validation loss turns: "recipe", "epoch", "rise" and "beyond_noise".
        hues: the number of each recipe's colour.

    Returns:
        The figure; its table has at most `EPOCHS_TABLED` epochs a recipe.
    """
    recipes = history["recipe"].unique(maintain_order=True).to_list()
    first = set(shown) & set(recipes) or set(recipes[:SHOWN_AT_FIRST])
    drawn = layout(440, "epoch", "loss") | {"shapes": [], "annotations": [], "hovermode": "closest"}
    data: list[Json] = []
    rows: list[tuple[str, ...]] = []
    label = ["Mean loss by epoch."]
    for place, recipe in enumerate(recipes):
        train, validation = loss_bands(history, recipe)
        for band, dashed in ((train, True), (validation, False)):
            if band is not None:
                data += _traces(band, recipe, f"r{place}", hue=hues[recipe], dashed=dashed)
        rows += _rows(recipe, train, validation)
        label.append(_spoken(recipe, train, validation))
    marked = [turn for turn in turns if turn.get("epoch") is not None and turn["recipe"] in recipes]
    marked.sort(key=lambda turn: turn["recipe"] not in first)  # those drawn at first have heights of their own
    last = int(max([*(turn["epoch"] for turn in marked), *history["epoch"].to_list()]))
    for level, turn in enumerate(marked):
        group, color = f"r{recipes.index(turn['recipe'])}", hue_color(hues[turn["recipe"]])
        _mark(drawn, turn, group, color=color, level=level, right=turn["epoch"] > 0.6 * last)
    toggles = [Toggle(f"r{i}", hues[recipe], recipe, recipe in first) for i, recipe in enumerate(recipes)]
    columns = ("recipe", "epoch", "training loss", "validation loss", "networks training")
    return Figure("curves", " ".join(label), data, drawn, columns, rows, CAPTION, toggles, "Loss by epoch")


def _traces(band: Band, recipe: str, group: str, *, hue: int, dashed: bool) -> list[Json]:
    hover = NAMED + ("training" if dashed else "validation") + " loss, epoch %{x}: %{y:.4~g}<extra></extra>"
    common = {"type": "scatter", "mode": "lines", "legendgroup": group, "x": band.epochs.tolist()}
    line = {"color": hue_color(hue), "width": 1.75 if dashed else 2.25, "dash": "dash" if dashed else "solid"}
    mean = common | {
        "name": plotly_text(shorten(recipe, NAME_LENGTH)),
        "y": _json(band.mean),
        "line": line,
        "hovertemplate": hover,
    }
    if len(band.epochs) == 1:
        mean |= {
            "mode": "markers",
            "marker": {"color": hue_color(hue), "symbol": "circle-open" if dashed else "circle"},
        }
    if not np.isfinite(band.low).any():
        return [mean]
    edge = common | {"line": {"width": 0, "color": hue_color(hue)}, "hoverinfo": "skip"}
    low = edge | {"y": _json(band.low)}
    high = edge | {"y": _json(band.high), "fill": "tonexty", "fillcolor": hue_color(hue, soft=True)}
    return [low, high, mean]


def _mark(drawn: Json, turn: Mapping[str, Any], group: str, *, color: str, level: int, right: bool) -> None:
    beyond, height = bool(turn.get("beyond_noise")), 1 - 0.075 * (level % 6)
    rise = f", then rises by {float(turn['rise']):.2g}" if present(turn.get("rise")) else ""
    text = f"turns at epoch {turn['epoch']}" + (rise if beyond else " (within noise)")
    line = {"color": color, "width": 1.5, "dash": "dot"}
    position = {"x0": turn["epoch"], "x1": turn["epoch"], "y0": 0, "y1": height, "yref": "paper"}
    drawn["shapes"].append({"type": "line", "name": group, "line": line, **position})
    drawn["annotations"].append(
        {
            "name": group,
            "text": text,
            "x": turn["epoch"],
            "y": height,
            "yref": "paper",
            "showarrow": False,
            "xanchor": "right" if right else "left",
            "yanchor": "middle",
            "xshift": -5 if right else 5,
            "font": {"color": color, "size": 12},
            "bgcolor": "var(--veil)",
        }
    )


def _rows(recipe: str, train: Band | None, validation: Band | None) -> Iterable[tuple[str, ...]]:
    cells = [_cells(band) if band is not None else {} for band in (train, validation)]
    epochs = sorted(cells[0].keys() | cells[1].keys())
    step = max(1, -(-len(epochs) // EPOCHS_TABLED))
    for epoch in sorted({*epochs[::step], *epochs[-1:]}):
        train_cell, count = cells[0].get(epoch, ("–", "–"))
        validation_cell, count = cells[1].get(epoch, ("–", count))
        yield recipe, str(epoch), train_cell, validation_cell, count


def _cells(band: Band) -> dict[int, tuple[str, str]]:
    values = zip(*(x.tolist() for x in (band.epochs, band.mean, band.low, band.high, band.training)), strict=True)
    return {
        epoch: (f"{number(mean)} {interval(low, high)}".strip(), number(count))
        for epoch, mean, low, high, count in values
    }


def _spoken(recipe: str, train: Band | None, validation: Band | None) -> str:
    parts = []
    for kind, band in (("training", train), ("validation", validation)):
        if band is not None:
            lowest = int(np.argmin(band.mean))
            parts.append(
                f"{kind} loss from {number(float(band.mean[0]))} to {number(float(band.mean[-1]))}, lowest "
                f"{number(float(band.mean[lowest]))} at epoch {band.epochs[lowest]}"
            )
    return f"{recipe}: {'; '.join(parts) or 'no loss was measured'}."


def _json(values: Array) -> list[float | None]:
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]
