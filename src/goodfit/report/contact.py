"""The contact sheet: examples beside their variants on one HTML page that holds all that it shows."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from urllib.parse import quote

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from goodfit.report.figures import Figure
from goodfit.report.safely import asset, environment, script_json, script_source
from goodfit.studies.augmenting.rewriting import Piece

_WRITTEN = re.compile(r'<script type="application/json" id="written">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Shot:
    """A picture, or a sound with its spectrogram.

    Args:
        png: the picture.
        size: width and height that it is shown at, in pixels.
        alt: what is read aloud in its place.
        label: "original", or the variant's number.
        file: the file of the variant, in the sheet's folder; "" for an original.
        told: what else stands below it.
        wav: the sound; empty for a picture.
    """

    png: bytes
    size: tuple[int, int]
    alt: str
    label: str
    file: str = ""
    told: str = ""
    wav: bytes = b""


@dataclass(frozen=True)
class Strip:
    """A line of the sheet: an original and its variants."""

    name: str
    original: Shot
    variants: Sequence[Shot]


@dataclass(frozen=True)
class Passage:
    """A text and its variants, each as pieces that say what was changed, with a remark or ""."""

    name: str
    text: str
    variants: Sequence[tuple[Sequence[Piece], str]]


@dataclass(frozen=True)
class Grid:
    """A table: titles of its columns, and lines whose first cell names them; `marked` lines stand out."""

    title: str
    told: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Sheet:
    """All that a contact sheet says.

    Args:
        title: of the page.
        source: where the examples come from.
        told: paragraphs above the examples.
        notes: what a user should know of them, a sentence each.
        facts: a word and its value each, at the end.
        files: what was written beside the sheet.
        strips: of pictures or sounds.
        passages: of texts.
        grids: of tables.
        figures: of tables.
    """

    title: str
    source: str
    told: Sequence[str]
    notes: Sequence[str]
    facts: dict[str, str]
    files: Sequence[str]
    strips: Sequence[Strip] = ()
    passages: Sequence[Passage] = ()
    grids: Sequence[Grid] = ()
    figures: Sequence[Figure] = ()


def render_sheet(sheet: Sheet) -> str:
    """Make the sheet's HTML: a page that reads no other file and asks nothing of a network.

    Every text is escaped where it is put. A content security policy lets through what the page itself holds: its
    pictures, its sounds where it has some, and the two scripts that draw figures where it has such.

    Returns:
        A whole HTML document, the same for the same sheet.

    Example:
        >>> page = render_sheet(Sheet("flip=0.5", "cats & dogs", [], [], {}, ["a-1.png"]))
        >>> "cats &amp; dogs" in page, written_files(page)
        (True, ('a-1.png',))
    """
    scripts = [get_plotlyjs(), asset("page.js")] if sheet.figures else []
    sounds = any(shot.wav for strip in sheet.strips for shot in (strip.original, *strip.variants))
    return _template().render(
        sheet=sheet,
        policy=_policy(scripts, sounds=sounds),
        version=metadata.version("goodfit"),
        css=Markup(asset("page.css") + asset("contact.css")),
        scripts=[Markup(script) for script in scripts],
        written=Markup(script_json(list(sheet.files))),
        figure_json=Markup(script_json({f.id: {"data": f.data, "layout": f.layout} for f in sheet.figures})),
    )


def written_files(page: str) -> tuple[str, ...] | None:
    """The names of the files that were written beside a sheet; None for another page.

    Example:
        >>> written_files("<html></html>") is None
        True
    """
    found = _WRITTEN.search(page)
    try:
        names = json.loads(found[1]) if found else None
    except ValueError:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    # what isn't a name alone would lie elsewhere
    return tuple(name for name in names if name not in {"", ".", ".."} and not set(name) & set("/\\"))


def _policy(scripts: Sequence[str], *, sounds: bool) -> str:
    parts = ["default-src 'none'"]
    parts += ["script-src " + " ".join(map(script_source, scripts))] if scripts else []
    parts += ["style-src 'unsafe-inline'", "img-src data:" + " blob:" * bool(scripts)]
    parts += ["media-src data:"] if sounds else []
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def _data_uri(content: bytes, kind: str) -> Markup:
    return Markup(f"data:{kind};base64,{base64.b64encode(content).decode()}")


@cache
def _template() -> jinja2.Template:
    made = environment(strict=True)
    made.filters |= {"data_uri": _data_uri, "address": lambda name: quote(name, safe="")}
    return made.from_string(asset("contact.html.j2"))
