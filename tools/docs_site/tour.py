"""A page of the tour: a Jinja template whose values are those of the script's run.

`{{ code("name") }}` is a cell's code, `{{ printed("name") }}` what it printed, as Markdown, `{{ output("name") }}` the
same as plain text, `{{ figure(name, "what is seen") }}` a figure, `{{ claims() }}` what the run is held to. All other
names are the script's own: `{{ loss | of(".3f") }}`.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from docs_site.scripts import Ran, run

CLAIMS = "claims"


def render(page: str, ran: Ran, root: Path) -> str:
    """The page as Markdown, after the run of its script.

    Args:
        page: the template.
        ran: its script's run.
        root: the repository, from which the script's name is told.

    Raises:
        jinja2.UndefinedError: the page names what the script hasn't.
    """
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.filters["of"] = format
    name = ran.path.relative_to(root).as_posix()
    shown = {
        "code": lambda cell: fenced(ran.code[cell], "python"),
        "printed": lambda cell: ran.printed[cell],
        "output": lambda cell: fenced(ran.printed[cell], "text"),
        "figure": figure,
        "claims": lambda: _claims(ran, name),
        "script": f"`{name}`",
    }
    return environment.from_string(page).render(dict(ran.names) | shown)


def render_file(path: Path, script: Path, root: Path) -> str:
    """Run the script of a page and render it."""
    return render(path.read_text(encoding="utf-8"), run(script), root)


def fenced(text: str, language: str) -> str:
    """A fenced block."""
    return f"```{language}\n{text}\n```"


def figure(drawn: Any, label: str) -> str:
    """A figure as the page's script draws it, with what is seen as its caption and its text for who can't see it.

    Args:
        drawn: a plotly figure.
        label: what it shows, in a sentence or two.
    """
    data = json.dumps(json.loads(drawn.to_json()), separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
    height = drawn.layout.height or 420
    told = html.escape(label)
    return (
        f'<figure class="run">\n<div class="plot" role="img" aria-label="{told}" style="height: {height}px">'
        f'<script type="application/json">{data}</script></div>\n'
        f"<figcaption>{told}</figcaption>\n</figure>"
    )


def _claims(ran: Ran, name: str) -> str:
    """What the run is held to: without it a page could say what its numbers don't."""
    return (
        f"## What this page is held to\n\nThe page is written by a run of `{name}`. If one of these lines fails, the "
        f"site is not built.\n\n{fenced(ran.code[CLAIMS], 'python')}"
    )
