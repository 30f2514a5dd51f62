"""What every page is put together from: its own files, JSON that stays in its element, and scripts it vouches for."""

import base64
import hashlib
import json
from importlib import resources
from typing import Any


def asset(name: str) -> str:
    """A file of this folder, as text."""
    return resources.files("goodfit.report").joinpath(name).read_text(encoding="utf-8")


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
