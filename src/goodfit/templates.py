"""Templates of plain data: what a value read from a JSON file must look like before it is used.

A template is itself plain:

    str, bool       a text, true or false
    Whole(0), Number()    a whole number of at least so much, a finite number
    "binary"        this text
    (a, b)          what fits a or b
    [a]             a list of what fits a
    {"x": a, "y?": b}     an object with x, perhaps with y, and nothing else
    Named(a)        an object whose values, whatever their names, fit a
    None            null
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goodfit.errors import InputError

SHOWN = 40
"""Characters of a value that a message shows."""


@dataclass(frozen=True)
class Whole:
    """A whole number of at least `low`."""

    low: int = 0


@dataclass(frozen=True)
class Number:
    """A finite number; above 0 where it must be."""

    positive: bool = False


@dataclass(frozen=True)
class Named:
    """An object whose values fit a template."""

    values: Any


def parsed(text: str | bytes) -> Any:
    """A JSON text as plain data.

    Raises:
        InputError: it isn't JSON, or is nested deeper than anything that goodfit writes.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError("it is nested too deep") from None
    except ValueError as error:
        raise InputError(f"it is no JSON: {str(error)[:SHOWN]}") from None


def fit_template(value: Any, template: Any, where: str = "it") -> None:
    """Check a value against a template.

    Args:
        value: as `json.loads` gives it.
        template: see above.
        where: what a message calls the value.

    Raises:
        InputError: the first part that doesn't fit, and what it should be.

    Example:
        >>> fit_template({"sizes": [3, 0]}, {"sizes": [Whole(1)]}, "layout")
        Traceback (most recent call last):
        goodfit.errors.InputError: layout.sizes[1] is 0, not a whole number of at least 1
    """
    if isinstance(template, tuple):
        _fit_any(value, template, where)
    elif isinstance(template, list):
        _refuse(isinstance(value, list), value, template, where)
        for place, item in enumerate(value):
            fit_template(item, template[0], f"{where}[{place}]")
    elif isinstance(template, dict):
        _fit_object(value, template, where)
    elif isinstance(template, Named):
        _refuse(isinstance(value, dict), value, template, where)
        for key, item in value.items():
            fit_template(item, template.values, f"{where}.{key[:SHOWN]}")
    else:
        _refuse(_fits(value, template), value, template, where)


def _fit_any(value: Any, templates: tuple[Any, ...], where: str) -> None:
    refused = []
    for template in templates:
        try:
            return fit_template(value, template, where)
        except InputError as error:
            refused.append(error)
    # of an object or a list the refusal that went deepest says most
    raise max(refused, key=lambda error: len(str(error).partition(" is ")[0]))


def _fit_object(value: Any, template: Mapping[str, Any], where: str) -> None:
    _refuse(isinstance(value, dict), value, template, where)
    known = {key.rstrip("?"): own for key, own in template.items()}
    for key in template:
        if key not in value and not key.endswith("?"):
            raise InputError(f"{where} has no {key}")
    for key, item in value.items():
        if key not in known:
            raise InputError(f"{where} has {key[:SHOWN]!r}, which nothing of goodfit's has")
        fit_template(item, known[key], f"{where}.{key}")


def _fits(value: Any, template: Any) -> bool:
    if isinstance(template, Whole):
        return isinstance(value, int) and not isinstance(value, bool) and value >= template.low
    if isinstance(template, Number):
        return _is_number(value) and (value > 0 or not template.positive)
    return (
        isinstance(value, template)
        if isinstance(template, type)
        else type(value) is type(template) and value == template
    )


def _is_number(value: Any) -> bool:
    """Whether a double can hold it: a whole number may be too long for one."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _refuse(fits: bool, value: Any, template: Any, where: str) -> None:
    if not fits:
        raise InputError(f"{where} is {_shown(value)}, not {_told(template)}")


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of many digits"
    return repr(value) if len(repr(value)) <= SHOWN else repr(value)[:SHOWN] + "..."


def _told(template: Any) -> str:
    if isinstance(template, Whole):
        return f"a whole number of at least {template.low}"
    if isinstance(template, Number):
        return "a finite number above 0" if template.positive else "a finite number"
    if isinstance(template, list):
        return "a list"
    if isinstance(template, dict | Named):
        return "an object"
    return {str: "a text", bool: "true or false"}.get(template) or json.dumps(template)
