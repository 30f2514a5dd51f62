"""What every page is put together from: its own files, JSON that stays in its element, and scripts it vouches for."""

import base64
import hashlib
import json
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from goodfit.visible import visible

MOST_IN_NAME = 240
"""Characters of a name that a page shows."""


def asset(name: str) -> str:
    """A file of this folder, as text."""
    return resources.files("goodfit.report").joinpath(name).read_text(encoding="utf-8")


def environment(*, strict: bool = False) -> jinja2.Environment:
    """Templates in which every text is escaped, and nothing in it reorders or hides what stands beside it.

    Its filter `brief` is for names; `whole` leaves a text its length.

    Args:
        strict: whether a name that a template doesn't know is an error.

    Example:
        >>> environment().from_string("<b>{{ name }}</b>").render(name="<i>\\u202e\\x1b")
        '<b>&lt;i&gt;\\\\u202e\\\\x1b</b>'
    """
    made = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
        undefined=jinja2.StrictUndefined if strict else jinja2.Undefined,
    )
    made.filters |= {
        "brief": lambda value: visible(str(value), most=MOST_IN_NAME),
        "whole": lambda value: Markup(escape(visible(str(value), keep="\n\t", most=None))),
    }
    return made


def _readable(value: Any) -> Any:
    return visible(value, keep="\n\t") if isinstance(value, str) and not isinstance(value, Markup) else value


def script_json(value: Any) -> str:
    """Write JSON that can't close the script element that it stands in.

    Example:
        >>> script_json("</script>")
        '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_source(script: str) -> str:
    """What a content security policy calls a script: its digest."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
