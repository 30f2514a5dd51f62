"""The page: a run's summary and its history made into one HTML file that holds all that it needs."""

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from goodfit.errors import InputError
from goodfit.report import wording
from goodfit.report.curves import curve_figure
from goodfit.report.figures import HUES, Figure, calibration_figure, feature_figure, weight_figures
from goodfit.report.safely import asset, environment, script_json, script_source
from goodfit.report.verdicts import OUTCOMES, SECTIONED, SEVERITIES, arrange, badge

UNSHOWN = (
    *(TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, AssertionError),
    *(jinja2.TemplateError, pl.exceptions.PolarsError),
)
"""What comes of a summary whose parts are of other kinds than goodfit writes."""
HISTORY_COLUMNS = ("recipe", "member", "epoch", "train_loss", "validation_loss")
SECTIONS = {
    "verdicts": "Verdicts",
    "evidence": "What was tried",
    "curves": "Loss curves",
    "table": "Comparison",
    "search": "Search",
    "weights": "Weights of the first layer",
    "features": "Selected columns",
    "calibration": "Calibration",
    "repair": "Calibration after resampling",
    "confusion": "Confusion table",
    "data": "Data",
    "settings": "Settings and versions",
}


def render(summary: Mapping[str, Any], history: pl.DataFrame | None) -> str:
    """Make the report's HTML: a page that reads no other file and asks nothing of a network.

    Every text of the summary and the history is escaped where it is put: in HTML, in plotly's text and in the JSON of
    the figures. A content security policy lets the page's own two scripts run and nothing else.

    Args:
        summary: a run's JSON (the content of run.json); each part is optional and, if absent, so is its section.
        history: columns recipe, member, epoch (from 1), train_loss, validation_loss; None or no rows: no curves.

    Returns:
        A whole HTML document, about 5 MB, most of it plotly.js.

    Raises:
        InputError: the history lacks a column.

    Example:
        >>> page = render({"title": "amount & age", "headline": "Nothing to cure."}, None)
        >>> "<h1>Nothing to cure.</h1>" in page, "amount &amp; age" in page
        (True, True)
    """
    summary = _drawable(summary)
    figures = _figures(summary, history)
    board = arrange(summary, {name: figures[name][0] for name in SECTIONED if name in figures})
    figures = {name: own for name, own in figures.items() if name not in board.moved}
    kept = {key for key in SECTIONS if key in figures or (summary.get(key) and key not in SECTIONED)}
    kept |= {"evidence"} if board.rest else set()
    what = (summary.get("features") or {}).get("what", "columns")
    titles = SECTIONS | {"features": f"Selected {what}"}
    every = [*board.figures, *(figure for own in figures.values() for figure in own)]
    scripts = [get_plotlyjs(), asset("page.js")]
    return _template().render(
        run=summary,
        sections={key: title for key, title in titles.items() if key in kept},
        links=_navigation(titles, kept, board.moved),
        figures=figures,
        drawn=bool(every),
        board=board,
        badge=badge(summary["verdicts"]) if "verdicts" in summary else None,
        outcomes=OUTCOMES,
        severities=SEVERITIES,
        hues=_hues(summary, history),
        hue_count=HUES,
        css=Markup(asset("page.css")),
        scripts=[Markup(script) for script in scripts],
        hashes=" ".join(map(script_source, scripts)),
        figure_json=Markup(script_json({figure.id: _spec(figure) for figure in every})),
    )


def render_kept(summary: Mapping[str, Any], history: pl.DataFrame | None, where: Path) -> str:
    """The report of a run that was read from a folder, whose summary may say anything.

    Raises:
        InputError: it can't be shown.
    """
    try:
        return render(summary, history)
    except UNSHOWN as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        raise InputError(f"the run in {where} says what can't be shown ({told}): make it again") from error


def write_report(summary: Mapping[str, Any], history: pl.DataFrame | None, path: str | os.PathLike[str]) -> None:
    """Write the report to a file, which is replaced whole or not at all.

    Args:
        summary: see `render`.
        history: see `render`.
        path: the file to write; its folder must exist.

    Raises:
        InputError: the folder doesn't exist, or the history lacks a column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report({"title": "fraud"}, None, Path(folder) / "report.html")
        ...     [file.name for file in Path(folder).iterdir()]
        ['report.html']
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"report: the folder {str(target.parent)!r} doesn't exist: make it, or name another path")
    page = render(summary, history).encode("utf-8", "replace")
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(page)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _drawable(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what has no place in a figure: empty bins, and weights and columns of networks that diverged."""
    whole = dict(summary)
    whole["weights"] = [item for item in summary.get("weights") or () if all(map(wording.present, item["edges"]))]
    features = dict(summary.get("features") or {})
    features["rows"] = [row for row in features.get("rows", ()) if wording.present(row["selected"])]
    whole["features"] = features if features["rows"] else None
    bins = [
        [entry for entry in item["bins"] if all(wording.present(entry[key]) for key in ("predicted", "observed"))]
        for item in summary.get("calibration") or ()
    ]
    paired = zip(summary.get("calibration") or (), bins, strict=True)
    whole["calibration"] = [{**item, "bins": kept} for item, kept in paired if kept]
    return whole


def _figures(summary: Mapping[str, Any], history: pl.DataFrame | None) -> dict[str, list[Figure]]:
    hues = _hues(summary, history)
    figures: dict[str, list[Figure]] = {}
    if history is not None and not history.is_empty():
        missing = [column for column in HISTORY_COLUMNS if column not in history.columns]
        if missing:
            raise InputError(f"history: no column {missing[0]!r}: give one with {', '.join(HISTORY_COLUMNS)}")
        figures["curves"] = [curve_figure(history, summary.get("curves") or (), summary.get("turns") or (), hues)]
    if summary.get("weights"):
        figures["weights"] = weight_figures(summary["weights"], hues)
    if summary.get("features"):
        figures["features"] = [feature_figure(summary["features"])]
    if summary.get("calibration"):
        figures["calibration"] = [calibration_figure(summary["calibration"], hues)]
    return figures


def _hues(summary: Mapping[str, Any], history: pl.DataFrame | None) -> dict[str, int]:
    """Number the recipes in the order in which a reader meets them, so that each has one colour on the whole page."""
    named: list[str] = [row["recipe"] for row in (summary.get("table") or {}).get("rows", ())]
    named += summary.get("curves") or ()
    if history is not None and "recipe" in history.columns:
        named += history["recipe"].unique(maintain_order=True).to_list()
    named += [item["recipe"] for part in ("weights", "calibration") for item in summary.get(part) or ()]
    return {recipe: place for place, recipe in enumerate(dict.fromkeys(named))}


def _navigation(titles: Mapping[str, str], kept: Collection[str], moved: Collection[str]) -> dict[str, str]:
    """Titles by address: the sections, and figures that stand with a verdict instead of in a section of their own."""
    there = {key: f"#section-{key}" for key in kept} | {key: f"#figure-{key}" for key in moved}
    return {there[key]: title for key, title in titles.items() if key in there}


def _spec(figure: Figure) -> dict[str, Any]:
    return {"data": figure.data, "layout": figure.layout}


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _sentence(text: str, stop: str = ".") -> str:
    """Begin a text with a capital letter and end it with a stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else stop)


@cache
def _template() -> jinja2.Template:
    made = environment()
    made.globals["comparison"] = wording.comparison
    made.filters |= {
        "number": wording.number,
        "percent": wording.percent,
        "with_intervals": wording.with_intervals,
        "score": wording.score,
        "shares": _shares,
        "interval": lambda cell, **unit: wording.interval(cell.get("low"), cell.get("high"), **unit),
        "signed": wording.signed,
        "sentence": _sentence,
    }
    return made.from_string(asset("template.html.j2"))
