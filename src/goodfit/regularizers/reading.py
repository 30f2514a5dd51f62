"""Words and numbers in the text of a recipe; what they make up is said by `recipe` and `ranges`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from goodfit.errors import InputError, nearest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

K = TypeVar("K", bound="DataclassInstance")


class Undecided:
    """What leaves doses open: a technique or a sum of techniques with ranges, of which a search makes recipes."""


def read_part(part: str, text: str, kinds: Mapping[str, type[K]]) -> tuple[type[K], dict[str, str]]:
    """A technique of a recipe's text, and the words that stand there for its settings, by the settings' names.

    Args:
        part: what stands between two commas.
        text: the whole, for messages.
        kinds: the techniques by name.

    Raises:
        InputError: an unknown name, or a setting twice.
    """
    words = re.sub(r"\s*(=|\.\.|\|)\s*", r"\1", part.strip()).split()
    if not words:
        raise InputError(f"recipe {text!r}: nothing between two commas; write 'l2=1e-3, dropout=0.3'")
    name, equals, value = words[0].partition("=")
    if name not in kinds:
        near = nearest(name, kinds)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(kinds)}"
        raise InputError(f"recipe {text!r}: no technique is called {name!r}; {hint}")
    known = {f.name: f for f in fields(kinds[name])}
    first = next(iter(known))
    given = [(first, value)] if equals else []
    given += [(key, word) for key, _, word in (w.partition("=") for w in words[1:])]
    for place, (key, _) in enumerate(given):
        if key not in known:
            raise InputError(f"recipe {text!r}: {name} has no setting {key!r}; it has {', '.join(known)}")
        if key in dict(given[:place]):
            raise InputError(f"recipe {text!r}: {name} {key} stands in it twice; keep one")
    if not given and known[first].default is MISSING:
        raise InputError(f"recipe {text!r}: {name} needs a dose; write {name}=...")
    return kinds[name], dict(given)


def read_value(word: str, setting: Field[Any], where: str) -> float | bool:
    """What a word says of a setting: a number, or true or false for a switch.

    Raises:
        InputError: it says nothing of the kind; `where` begins the message.
    """
    if setting.default is False:
        if word.lower() not in {"true", "false"}:
            raise InputError(f"{where} is {word!r}; write true or false")
        return word.lower() == "true"
    try:
        return float(word)
    except ValueError:
        raise InputError(f"{where} is {word!r}; give a number") from None


def says_range(text: str) -> bool:
    """Whether a text says a range of doses such as `1e-6..0.1` or `off|0.1` where a recipe says one."""
    return ".." in text or "|" in text


def value_text(value: float | Tensor) -> str:
    """A setting's value as a recipe's text says it: whole numbers without a point, others to the last digit."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Tensor):
        return "(" + " ".join(repr(v) for v in value.tolist()) + ")"
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
