"""The figure of the changes of a network: by how much each lowers the held-out loss, with its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.report.figures import INK, SOFT, Figure, Json, layout
from goodfit.report.wording import MISSING, comparison, interval, number, percent, plotly_text, present, shorten

WORTH = 0.02
"""Of the loss: a change that lowers it by less is no cure."""
KINDS = {
    "dose": "more regularization",
    "relaxed": "less regularization",
    "training": "longer training",
    "capacity": "a larger network",
    "patience": "a later stop",
}
STRONGER = {"relaxed", "training", "capacity"}
STANDINGS = {
    "better": ("var(--passed)", "circle"),
    "worse": ("var(--issue)", "diamond"),
    "": (SOFT, "circle-open"),
}
LINE, NAME = 46, 45
OFF_SCALE = 3.0
"""A change that raises the loss by more than so many times the best fall is drawn at the edge."""


def change_figure(
    changes: Sequence[Mapping[str, Any]], asked: Mapping[str, Any] | None, kinds: Sequence[str], name: str
) -> Figure | None:
    """Draw by how much each change lowers the held-out loss, a line a change, in the order given.

    Args:
        changes: "kind", "name", "held_out", "train" (losses or None), and "lower_by": "value", "low", "high", the share
            of the loss by which the change lowers it (below 0: raises it); None where that is not known.
        asked: the network as it is: "name", "held_out", "train"; None if that is not known.
        kinds: which kinds of change to draw, of `KINDS`.
        name: the figure's id.

    Returns:
        The figure, or None where no such change can be compared. Its table has those too that can't.

    Example:
        >>> change = {"kind": "dose", "name": "l2=0.01", "lower_by": {"value": 0.1, "low": 0.05, "high": 0.15}}
        >>> change_figure([change], None, ["dose"], "changes").rows
        [('l2=0.01', 'more regularization', '–', '–', '10.0 %', '[5.0, 15.0]')]
    """
    own = [change for change in changes if change["kind"] in kinds]
    shown = [change for change in own if present((change.get("lower_by") or {}).get("value"))]
    if not shown:
        return None
    names = [str(change["name"]) for change in shown]
    several = len({change["kind"] for change in shown}) > 1
    told = [KINDS.get(str(change["kind"]), "") if several else "" for change in shown]
    lines = ([(str(asked["name"]), "as it is")] if asked else []) + list(zip(names, told, strict=True))
    drawn = lines_layout(lines, "held-out loss lower by")
    left, right = _reach([change["lower_by"] for change in shown])
    drawn["xaxis"] |= {"range": [left, right], "ticksuffix": " %", "nticks": 6, "showgrid": True}
    _signpost(drawn, right)
    first = len(lines) - len(shown)
    data = [_origin(asked)] if asked else []
    data += [
        trace
        for standing in STANDINGS
        if (trace := _marks(shown, standing, first=first, left=left + 0.02 * (right - left)))
    ]
    rows = ([_row(asked, "as it is")] if asked else []) + [
        _row(change, KINDS.get(str(change["kind"]), str(change["kind"]))) for change in own
    ]
    columns = ("change", "of what kind", "held-out loss", "training loss", "lower by", "95 % interval")
    caption = (
        "Each line is a change of the network with its 95 % interval: right of 0 it lowers the held-out loss, in the "
        f"shaded part by {100 * WORTH:.0f} % or more. Filled: beyond its own noise; the verdict also allows for how "
        "many changes were tried."
    )
    missing = len(own) - len(shown)
    caption += f" In the table only: {missing} that can't be compared." if missing else ""
    return Figure(name, _told(shown, asked), data, drawn, columns, rows, caption, title=_title(own))


def _title(changes: Sequence[Mapping[str, Any]]) -> str:
    kinds = {str(change["kind"]) for change in changes}
    if len(kinds) == 1 and kinds <= KINDS.keys():
        return f"What {KINDS[kinds.pop()]} brings"
    if kinds <= STRONGER:
        return "What a stronger network or longer training brings"
    return "What each change brings" if "dose" in kinds else "What the other changes bring"


def _reach(falls: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The ends of the axis in percent: 0 and all intervals, but no rise that would leave the falls no room."""
    ends = [100 * float(fall[key]) for fall in falls for key in ("value", "low", "high") if present(fall.get(key))]
    high = max(200 * WORTH, *ends)
    low = min(-0.3 * high, max(-OFF_SCALE * high, min(ends)))
    room = 0.04 * (high - low)
    return low - room, high + room


def _signpost(drawn: Json, right: float) -> None:
    """Mark 0 and the part where a change is worth it, and write both above."""
    whole = {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    worth = {
        "type": "rect",
        "x0": 100 * WORTH,
        "x1": right,
        **whole,
        "fillcolor": "var(--good-soft)",
        "line": {"width": 0},
    }
    zero = {"type": "line", "x0": 0, "x1": 0, **whole, "line": {"color": SOFT, "width": 1.5}}
    drawn["shapes"] = [worth, zero]
    note = {"yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": {"size": 12, "color": SOFT}}
    drawn["annotations"] += [
        note | {"x": 0, "xanchor": "right", "xshift": -4, "text": "no better"},
        note | {"x": 100 * WORTH, "xanchor": "left", "xshift": 4, "text": "worth it"},
    ]


def _origin(asked: Mapping[str, Any]) -> Json:
    text = f"{plotly_text(str(asked['name']))}, as it is: held-out loss {number(asked.get('held_out'))}"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [0],
        "y": [0],
        "marker": {"color": INK, "symbol": "line-ns-open", "size": 12, "line": {"width": 2.5, "color": INK}},
        "text": [text],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _marks(shown: Sequence[Mapping[str, Any]], standing: str, *, first: int, left: float) -> Json | None:
    """The changes that are better, worse or neither, in one colour; those beyond the left end point there."""
    color, symbol = STANDINGS[standing]
    own = [(place, change) for place, change in enumerate(shown, first) if _standing(change) == standing]
    if not own:
        return None
    falls = [change["lower_by"] for _, change in own]
    middle = [max(100 * float(fall["value"]), left) for fall in falls]
    beyond = [100 * fall["value"] < left for fall in falls]
    ends = [_ends(fall) for fall in falls]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": middle,
        "y": [place for place, _ in own],
        "marker": {
            "color": color,
            "size": 9,
            "symbol": ["triangle-left" if off else symbol for off in beyond],
            "line": {"width": 2, "color": color},
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, high - x) for (_, high), x in zip(ends, middle, strict=True)],
            "arrayminus": [max(0.0, x - max(low, left)) for (low, _), x in zip(ends, middle, strict=True)],
            "color": color,
            "thickness": 1.75,
            "width": 0,
        },
        "text": [
            f"{plotly_text(str(change['name']))}<br>lower by {_share(change)}, to {number(change.get('held_out'))}"
            for _, change in own
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _standing(change: Mapping[str, Any]) -> str:
    return comparison(change["lower_by"])


def _ends(fall: Mapping[str, Any]) -> tuple[float, float]:
    whole = all(present(fall.get(end)) for end in ("low", "high"))
    low, high = ("low", "high") if whole else ("value", "value")
    return 100 * float(fall[low]), 100 * float(fall[high])


def _share(change: Mapping[str, Any]) -> str:
    fall = change["lower_by"]
    return f"{percent(fall['value'])} {interval(fall.get('low'), fall.get('high'), as_percent=True)}".strip()


def _row(change: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    fall = change.get("lower_by") or {}
    ends = interval(fall.get("low"), fall.get("high"), as_percent=True) or MISSING
    losses = (number(change.get("held_out")), number(change.get("train")))
    return (str(change["name"]), kind, *losses, percent(fall.get("value")), ends)


def _told(shown: Sequence[Mapping[str, Any]], asked: Mapping[str, Any] | None) -> str:
    """What is read aloud: how many changes are better, worse or neither, and the best of them."""
    counts = [sum(_standing(change) == standing for change in shown) for standing in STANDINGS]
    best = max(shown, key=lambda change: float(change["lower_by"]["value"]))
    of = f" {asked['name']}, held-out loss {number(asked.get('held_out'))}" if asked else " the network"
    return (
        f"By how much each change of{of}, lowers the held-out loss. Of {len(shown)}, beyond their own noise "
        f"{counts[0]} lower it and {counts[1]} raise it. The largest fall: {best['name']}, {_share(best)}."
    )


def lines_layout(names: Sequence[tuple[str, str]], x_title: str) -> Json:
    """Make the layout of lines below each other, each with its name above it: so long names fit a narrow screen.

    Args:
        names: of the lines, from the top, and what is told beside each; names may be any text.
        x_title: the horizontal axis' title, escaped.

    Example:
        >>> lines_layout([("none", "as it is"), ("l2=0.01", "")], "loss")["annotations"][0]["text"]
        'none · as it is'
    """
    drawn = layout(72 + LINE * len(names), x_title, "")
    drawn["margin"] |= {"t": 22}
    drawn["hovermode"] = "closest"
    drawn["yaxis"] |= {"range": [len(names) - 0.55, -0.8], "visible": False, "automargin": False}
    drawn["annotations"] = [
        {
            "xref": "paper",
            "x": 0,
            "xanchor": "left",
            "y": place,
            "yshift": 17,
            "showarrow": False,
            "text": plotly_text(shorten(name, NAME - len(beside))) + beside,
            "font": {"size": 13, "color": INK},
        }
        for place, (name, beside) in enumerate((name, f" · {told}" if told else "") for name, told in names)
    ]
    return drawn
