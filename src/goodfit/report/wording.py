"""Numbers and names as a reader sees them: in the page's HTML, and in a figure's text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from goodfit.visible import visible

MISSING = "–"
SMALLEST = 1e-6
"""A smaller difference is shown as none."""


def number(value: Any) -> str:
    """Show one value: four significant digits, thousands with commas, an en dash for what is missing.

    Args:
        value: a number, text, truth value, or a list or mapping of them; None and NaN count as missing.

    Returns:
        Text, not yet escaped.

    Example:
        >>> number(0.123456), number(12345), number(None), number([1, 0.5])
        ('0.1235', '12,345', '–', '1, 0.5')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {number(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(number(item) for item in value)
    return str(value)


def with_intervals(numbers: Mapping[str, Any]) -> dict[str, str]:
    """Show numbers by name, the ends of an interval ("x, low" and "x, high") behind the number that they belong to.

    Example:
        >>> with_intervals({"lower by": 0.31, "lower by, low": 0.2, "lower by, high": 0.42, "p": 0.01})
        {'lower by': '0.31 [0.2, 0.42]', 'p': '0.01'}
    """
    names = {name for name in numbers if all(f"{name}, {end}" in numbers for end in ("low", "high"))}
    ends = {name: (f"{name}, low", f"{name}, high") for name in names}
    inside = {end for pair in ends.values() for end in pair}
    return {
        name: number(value) + (f" [{number([numbers[end] for end in ends[name]])}]" if name in ends else "")
        for name, value in numbers.items()
        if name not in inside
    }


def present(value: Any) -> bool:
    """Tell whether a value is a finite number.

    Example:
        >>> present(0.5), present(None), present(float("nan"))
        (True, False, False)
    """
    return isinstance(value, int | float) and math.isfinite(value)


def percent(value: float | None) -> str:
    """Show a share as a percentage with one decimal.

    Args:
        value: a share, usually in [0, 1] (0 is nothing, 1 is everything); None and NaN count as missing.

    Example:
        >>> percent(0.931), percent(None)
        ('93.1 %', '–')
    """
    return f"{100 * value:z.1f} %" if value is not None and present(value) else MISSING


def score(value: float | None, *, as_percent: bool = False) -> str:
    """Show a score in a table: a share in percent with one decimal, another with three; minus nought is nought.

    Example:
        >>> score(0.93149, as_percent=True), score(0.17249), score(-1e-9), score(None)
        ('93.1', '0.172', '0.000', '–')
    """
    if value is None or not present(value):
        return MISSING
    if as_percent:
        return f"{round(100 * value, 1) + 0.0:.1f}"
    return f"{round(value, 3) + 0.0:.3f}" if abs(value) < 1000 else number(float(value))


def interval(low: float | None, high: float | None, *, as_percent: bool = False) -> str:
    """Show an interval, in the unit of the value that it follows; nothing when an end is missing or both are equal.

    Example:
        >>> interval(0.924, 0.94, as_percent=True), interval(0.5, None)
        ('[92.4, 94.0]', '')
    """
    if low is None or high is None or not (present(low) and present(high)) or low == high:
        return ""
    return f"[{score(low, as_percent=as_percent)}, {score(high, as_percent=as_percent)}]"


def signed(value: float | None, *, as_percent: bool = False) -> str:
    """Show a difference with its sign; one that would be rounded to nought with its first digit, down to a millionth.

    Example:
        >>> signed(0.021, as_percent=True), signed(-0.5), signed(4e-5)
        ('+2.1', '-0.500', '+0.00004')
    """
    if value is None or not present(value):
        return MISSING
    shown = score(value, as_percent=as_percent)
    size = abs(100 * value if as_percent else value)
    if not float(shown.replace(",", "")) and size >= SMALLEST:
        shown = f"{math.copysign(size, value):.{math.ceil(-math.log10(size))}f}"
    return shown if shown.startswith("-") else f"+{shown}"


def comparison(difference: Mapping[str, Any] | None, *, higher_is_better: bool | None = True) -> str:
    """Tell whether a difference is beyond its noise: its interval excludes 0.

    Args:
        difference: "low" and "high", the ends of the interval of (this - reference); None when not measured.
        higher_is_better: False for losses and errors, None where neither is better (a training score).

    Returns:
        "better", "worse", or "" when the interval holds 0 or is not known, or neither is better.

    Example:
        >>> comparison({"low": 0.01, "high": 0.03}), comparison({"low": -0.01, "high": 0.03})
        ('better', '')
    """
    if difference is None or higher_is_better is None:
        return ""
    if not (present(difference.get("low")) and present(difference.get("high"))):
        return ""
    if difference["low"] <= 0 <= difference["high"]:
        return ""
    return "better" if (difference["low"] > 0) == higher_is_better else "worse"


def shorten(text: str, length: int) -> str:
    """Cut a text to at most `length` characters (2 or more), the last being an ellipsis where it was cut.

    Example:
        >>> shorten("transaction_amount", 8), shorten("amount", 8)
        ('transac…', 'amount')
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def plotly_text(text: str) -> str:
    """Escape text for plotly, which reads a small HTML in titles, tick labels, names and hover text.

    Example:
        >>> plotly_text("<b>R&D</b>")
        '&lt;b&gt;R&amp;D&lt;/b&gt;'
    """
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
