"""Ranges of doses: a space of recipes, for a search to choose from."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.regularizers.dimensions import Dimension, check_ends, choice_of, dimensions_of, ends_of, technique_at
from goodfit.regularizers.doses import dose_field
from goodfit.regularizers.reading import Undecided, read_part, read_value, says_range, value_text
from goodfit.regularizers.recipe import Recipe, Regularizer, doubts, families

__all__ = ["Dimension", "Ranged", "Space", "has_ranges", "ranged"]


@dataclass(frozen=True)
class Ranged(Undecided):
    """A technique with ranges for its settings, made by `L2(low=1e-6, high=0.1)` or by the text of a `Space`.

    Args:
        low: the technique at the low ends of its ranges.
        high: the same at the high ends. What is equal in both is fixed.
        off: whether leaving the technique out is tried as well.

    Raises:
        InputError: ends that aren't finite or in the wrong order, or nothing is left open.

    Example:
        >>> from goodfit.regularizers import L2, Dropout
        >>> str(L2(low=1e-6, high=0.1, off=True))
        'l2=off|1e-06..0.1'
        >>> print(Dropout(low=0, high=0.5, input=0.1) + L2(1e-3))
        dropout=0..0.5 input=0.1, l2=0.001
    """

    low: Regularizer
    high: Regularizer
    off: bool = False

    def __post_init__(self) -> None:
        check_ends(self.low, self.high, off=self.off)

    @property
    def name(self) -> str:
        """The technique's name in recipes."""
        return self.low.name

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """What is left open, by the settings' names; the dose too where the technique may be left out."""
        return dimensions_of(self.low, self.high, off=self.off)

    def __add__(self, other: Ranged | Space | Recipe | Regularizer) -> Space:
        return _sum(self, other)

    def __radd__(self, other: Recipe | Regularizer) -> Space:
        return _sum(other, self)

    def __str__(self) -> str:
        ends = ends_of(self.low, self.high)
        first, *rest = fields(self.low)
        text = f"{self.name}={'off|' if self.off else ''}{_range_text(*ends[first.name])}"
        changed = [f.name for f in rest if ends[f.name] != (f.default, f.default)]
        return " ".join([text, *(f"{key}={_range_text(*ends[key])}" for key in changed)])


@dataclass(frozen=True)
class Space(Undecided):
    """Recipes to choose from: a sum of techniques, each at most once, some of them with ranges for their settings.

    Its text is that of a recipe in which `low..high` may stand for any number, and `off|` before the first: then
    leaving the technique out is tried as well. `Space.parse(str(space)) == space`.

    Args:
        parts: the techniques, in any order.

    Raises:
        InputError: the same technique stands in it twice.

    Example:
        >>> from goodfit.regularizers import L2, EarlyStopping
        >>> space = Space.parse("l2=off|1e-6..0.1, dropout=0..0.5 input=0..0.2, early_stopping=20")
        >>> [dimension.name for dimension in space.dimensions]
        ['l2.strength', 'dropout.p', 'dropout.input']
        >>> str(space.recipe({"l2": False, "dropout.p": 0.3, "dropout.input": 0.1}))
        'dropout=0.3 input=0.1, early_stopping=20'
        >>> space.values_of(Recipe.parse("l2=0.01, dropout=0.3, early_stopping=20"))
        {'l2': True, 'l2.strength': 0.01, 'dropout.p': 0.3, 'dropout.input': 0.0}
        >>> str(L2(low=1e-6, high=0.1) + EarlyStopping(20))
        'l2=1e-06..0.1, early_stopping=20'
    """

    parts: tuple[Regularizer | Ranged, ...] = ()

    def __post_init__(self) -> None:
        _fixed(self)

    @classmethod
    def parse(cls, text: str) -> Space:
        """Read a space from its text; "none" is the empty one.

        Raises:
            InputError: an unknown name, an end that is no number or out of range, or ends in the wrong order.
        """
        if text.strip().lower() in {"", "none"}:
            return cls()
        space = cls(tuple(_read(part, text) for part in text.split(",")))
        for doubt in doubts(_fixed(space)):
            warnings.warn(doubt, DoubtfulRecipe, stacklevel=2)
        return space

    @classmethod
    def of(cls, value: Space | Ranged | Recipe | Regularizer | str | None) -> Space:
        """A space from whatever a user may give for one."""
        if isinstance(value, str):
            return cls.parse(value)
        if isinstance(value, Ranged | Regularizer):
            return cls((value,))
        if value is None:
            return cls()
        if isinstance(value, Recipe):
            return cls(value.parts)
        if not isinstance(value, cls):
            raise InputError(f"recipe is {value!r}; give a Recipe, a regularizer or a text such as 'l2=1e-6..0.1'")
        return value

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The numbers to choose, in the order of the techniques."""
        ranged = (part for part in self.parts if isinstance(part, Ranged))
        return tuple(dimension for part in ranged for dimension in part.dimensions.values())

    def recipe(self, values: Mapping[str, float | bool]) -> Recipe:
        """The recipe at a choice.

        Args:
            values: a number for each dimension by its name, and True or False by the technique's name for each that
                may be left out; a technique that is left out needs no numbers. Other names are passed over.

        Raises:
            InputError: a value is missing or outside its dimension.
        """
        chosen = (technique_at(*_open(part), values) for part in self.parts)
        return Recipe(tuple(part for part in chosen if part is not None))

    def values_of(self, recipe: Recipe) -> dict[str, float | bool] | None:
        """The choice that makes a recipe, but for the order of its parts; None where the space doesn't hold it."""
        parts = {part.name: part for part in recipe}
        if not parts.keys() <= {part.name for part in self.parts}:
            return None
        values: dict[str, float | bool] = {}
        for part in self.parts:
            found = choice_of(parts.get(part.name), *_open(part))
            if found is None:
                return None
            values |= found
        return values

    def __add__(self, other: Space | Ranged | Recipe | Regularizer) -> Space:
        return _sum(self, other)

    def __radd__(self, other: Recipe | Regularizer) -> Space:
        return _sum(other, self)

    def __str__(self) -> str:
        return ", ".join(str(part) for part in self.parts) or "none"


def has_ranges(value: object) -> bool:
    """Whether what a user gave for a recipe, a text or a sum of techniques, leaves anything to a search.

    Example:
        >>> has_ranges("l2=1e-6..0.1"), has_ranges("l2=0.1")
        (True, False)
    """
    if isinstance(value, str):
        return says_range(value)
    return isinstance(value, Ranged) or (isinstance(value, Space) and bool(value.dimensions))


def ranged(
    kind: type[Regularizer],
    args: Sequence[Any],
    settings: Mapping[str, Any],
    *,
    low: float | None,
    high: float | None,
    off: bool,
) -> Ranged:
    """A technique with a range for its dose.

    Args:
        kind: the technique.
        args: its settings by place, and
        settings: by name; the dose isn't among them.
        low: the low end; None for the least dose that there is.
        high: the high end; None for the greatest.
        off: whether leaving the technique out is tried as well.

    Raises:
        InputError: an end is missing or out of range, the dose is given twice.
    """
    name, allowed = dose_field(kind)
    given = dict(zip((f.name for f in fields(kind)), args, strict=False)) | dict(settings)
    if name in given:
        raise InputError(
            f"{kind.name}: {name} is {given[name]!r} beside low, high or off; give a dose or a range of it"
        )
    if low is None and high is None:
        raise InputError(f"{kind.name}: off goes with a range; give low and high too")
    for end, value, own in (("low", low, allowed.low), ("high", high, allowed.high)):
        if value is None and (math.isinf(own) or own not in allowed):
            raise InputError(f"{kind.name}: {end} is missing and {allowed} has no such end; give both low and high")
    low, high = allowed.low if low is None else low, allowed.high if high is None else high
    return Ranged(kind(**given | {name: low}), kind(**given | {name: high}), off)


def _open(part: Regularizer | Ranged) -> tuple[Regularizer, dict[str, Dimension]]:
    """A technique at its low ends, and what is open of it: nothing where it has no ranges."""
    return (part.low, part.dimensions) if isinstance(part, Ranged) else (part, {})


def _fixed(space: Space) -> Recipe:
    return Recipe(tuple(_open(part)[0] for part in space.parts))


def _sum(one: Space | Ranged | Recipe | Regularizer, other: Space | Ranged | Recipe | Regularizer) -> Space:
    if not isinstance(one, Undecided | Recipe | Regularizer) or not isinstance(other, Undecided | Recipe | Regularizer):
        return NotImplemented
    first, second = Space.of(one), Space.of(other)
    total = Space(first.parts + second.parts)
    known = {*doubts(_fixed(first)), *doubts(_fixed(second))}
    for doubt in doubts(_fixed(total)):
        if doubt not in known:
            warnings.warn(doubt, DoubtfulRecipe, stacklevel=3)
    return total


def _read(part: str, text: str) -> Regularizer | Ranged:
    kind, words = read_part(part, text, families())
    known = {f.name: f for f in fields(kind)}
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    off = False
    for key, word in words.items():
        where = f"recipe {text!r}: {kind.name} {key}"
        switch, bar, rest = word.rpartition("|")
        if bar and (switch != "off" or key != next(iter(known))):
            raise InputError(f"{where} is {word!r}; off| goes before the first number only: {kind.name}=off|...")
        low, dots, high = rest.partition("..")
        if dots and not (low and high):
            raise InputError(f"{where} is {word!r}; give both ends of the range, such as 1e-6..0.1")
        off = off or bool(bar)
        least[key] = read_value(low, known[key], where)
        most[key] = read_value(high if dots else low, known[key], where)
    return Ranged(kind(**least), kind(**most), off) if says_range(part) else kind(**least)


def _range_text(low: float, high: float) -> str:
    return value_text(low) if low == high else f"{value_text(low)}..{value_text(high)}"
