"""Formulas between dollars as MathML, which browsers draw without a script."""

from __future__ import annotations

import re
from collections.abc import Callable

from latex2mathml.converter import convert

FORMULA = re.compile(r"(?<![\\$`\w])\$(?=\S)([^$`]+?)(?<=\S)\$(?![\w$])")
CODE = re.compile(r"(^```.*?^```|`[^`\n]+`|<script.*?</script>)", re.DOTALL | re.MULTILINE)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text, changed where it is neither code nor a script."""
    return "".join(part if i % 2 else change(part) for i, part in enumerate(CODE.split(text)))


def with_formulas(text: str) -> str:
    r"""The Markdown with its formulas as MathML.

    Example:
        >>> shown = with_formulas("at $w$, not at `$w$`")
        >>> "<mi>w</mi>" in shown, shown.endswith("</math></span>, not at `$w$`")
        (True, True)
    """
    return outside_code(text, lambda part: FORMULA.sub(lambda found: _element(found[1]), part))


def _element(formula: str) -> str:
    """In a span: Markdown takes a line that begins with another element for a block."""
    return f"<span>{convert(' '.join(formula.split()))}</span>"
