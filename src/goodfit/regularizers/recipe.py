"""A regularizer holds doses; a recipe is a sum of regularizers; a text says the same as either."""

from __future__ import annotations

import math
import re
import warnings
from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from torch import Tensor

from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.regularizers.form import EVERY, Kind
from goodfit.regularizers.reading import Undecided, read_part, read_value, says_range, value_text

R = TypeVar("R", bound="Regularizer")

Dose = float | Tensor
"""A regularizer's strength: a float for one network, a tensor `(M,)` for a population of M members."""


@dataclass(frozen=True)
class Range:
    """What a dose may be: from `low` to `high`, ends included unless open; at `neutral` nothing happens.

    `whole` says that only whole numbers make sense.
    """

    neutral: float | None
    low: float
    high: float
    open: str = ""
    whole: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if "low" in self.open else value >= self.low
        below = value < self.high if "high" in self.open else value <= self.high
        return above and below

    def __str__(self) -> str:
        left, right = "(" if "low" in self.open else "[", ")" if "high" in self.open else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


def dose(
    default: float,
    *,
    neutral: float | None = None,
    low: float = 0.0,
    high: float = math.inf,
    open: str = "",
    whole: bool = False,
    usual: tuple[float, ...] = (),
) -> Any:
    """A field of a regularizer that holds a number.

    Args:
        default: its usual value.
        neutral: the value at which the regularizer does nothing; None for a number that only shapes what it does.
        low: the least value.
        high: the greatest value.
        open: "low", "high" or "low high" where that end itself is not allowed.
        whole: whether it is a whole number.
        usual: values to try, from near the neutral one to the extreme; empty to derive them from the range.
    """
    return field(default=default, metadata={"range": Range(neutral, low, high, open, whole), "usual": usual})


@dataclass(frozen=True)
class Regularizer(ABC):
    """A technique with its doses. The classes of `goodfit.regularizers.places` say where in the loop it acts.

    A subclass is a frozen dataclass whose fields are made by `dose` (or are booleans, False by default); its name in
    recipes is its own name in lower case with underscores. No field is called low, high or off: with these as
    arguments, `L2(low=1e-6, high=0.1)`, its dose is left open within a range (`goodfit.regularizers.Ranged`).
    """

    name: ClassVar[str]
    suits: ClassVar[frozenset[Kind]] = EVERY
    """The kinds of rows that it can act on."""
    stream: ClassVar[int]
    """The place of its random numbers among those for changes of rows: a function of its name alone."""

    def __init_subclass__(cls) -> None:
        cls.name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
        if "stream" not in vars(cls):
            cls.stream = int.from_bytes(blake2b(cls.name.encode(), digest_size=4).digest(), "little")

    if not TYPE_CHECKING:  # to a type checker a class makes its instances, and takes what its fields say

        def __new__(cls, *args, low=None, high=None, off=False, **settings):
            """The technique at a dose; with low, high or off a `Ranged`, which is no instance of this class."""
            if low is None and high is None and not off:
                return object.__new__(cls)
            from goodfit.regularizers.ranges import ranged  # above recipes, which a search makes of ranges

            return ranged(cls, args, settings, low=low, high=high, off=off)

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            allowed = f.metadata.get("range")
            if isinstance(value, Tensor):
                continue
            if allowed is None:
                if not isinstance(value, bool):
                    raise InputError(f"{self.name}: {f.name} is {value!r}; give True or False")
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
                raise InputError(f"{self.name}: {f.name} is {value!r}; give a number in {allowed}")
            if value not in allowed:
                raise InputError(f"{self.name}: {f.name} is {value:g}, outside {allowed}; give a number in that range")
            if allowed.whole and value % 1:
                raise InputError(f"{self.name}: {f.name} is {value:g}; give a whole number")

    @classmethod
    def neutral(cls) -> Self:
        """This regularizer at the doses at which it is exactly the identity."""
        ranges = {f.name: f.metadata["range"].neutral for f in fields(cls) if "range" in f.metadata}
        return cls(**{key: value for key, value in ranges.items() if value is not None})

    def __add__(self, other: Regularizer | Recipe) -> Recipe:
        return _sum(Recipe((self,)), other)

    def __str__(self) -> str:
        first, *rest = fields(self)
        text = f"{self.name}={value_text(getattr(self, first.name))}"
        changed = [f for f in rest if getattr(self, f.name) != f.default]
        return " ".join([text, *(f"{f.name}={value_text(getattr(self, f.name))}" for f in changed)])


@dataclass(frozen=True)
class Recipe:
    """A sum of regularizers, each at most once; the empty recipe is no regularization.

    The text of a recipe lists its parts, separated by commas; a part is its name, `=` and its dose, then further
    settings as `name=value` after blanks. `Recipe.parse(str(recipe)) == recipe`.

    Args:
        parts: the regularizers, in any order: where each acts in the loop is its own matter.

    Raises:
        InputError: the same technique stands in it twice.

    Example:
        >>> from goodfit.regularizers import L2, Dropout, EarlyStopping
        >>> recipe = L2(1e-3) + Dropout(0.3, input=0.1) + EarlyStopping(10)
        >>> str(recipe)
        'l2=0.001, dropout=0.3 input=0.1, early_stopping=10'
        >>> Recipe.parse("l2=1e-3, dropout=0.3 input=0.1, early_stopping=10") == recipe
        True
        >>> str(Recipe())
        'none'
    """

    parts: tuple[Regularizer, ...] = ()

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(f"recipe: {twice} stands in it twice; keep one")

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Read a recipe from its text; "none" is the empty recipe.

        Raises:
            InputError: an unknown name, a dose that is no number or out of range, a range of doses.
        """
        if text.strip().lower() in {"", "none"}:
            return cls()
        if says_range(text):
            raise InputError(
                f"recipe {text!r}: a range is for a search: give it as the recipe of a Classifier or Regressor; "
                "here give one dose of each technique"
            )
        recipe = cls(tuple(_read(part, text) for part in text.split(",")))
        for doubt in doubts(recipe):
            warnings.warn(doubt, DoubtfulRecipe, stacklevel=2)
        return recipe

    @classmethod
    def of(cls, value: Recipe | Regularizer | str | None) -> Recipe:
        """A recipe from whatever a user may give for one."""
        if isinstance(value, str | Undecided):
            return cls.parse(str(value))
        if isinstance(value, Regularizer):
            return cls((value,))
        if value is None:
            return cls()
        if not isinstance(value, cls):
            raise InputError(
                f"recipe is {value!r}; give a Recipe, a regularizer or a text such as 'l2=1e-3, dropout=0.3'"
            )
        return value

    def __add__(self, other: Recipe | Regularizer) -> Recipe:
        return _sum(self, other)

    def __iter__(self) -> Iterator[Regularizer]:
        return iter(self.parts)

    def __contains__(self, kind: type[Regularizer]) -> bool:
        return self.get(kind) is not None

    def get(self, kind: type[R]) -> R | None:
        """The part of this kind, or None."""
        return next((part for part in self.parts if isinstance(part, kind)), None)

    def without(self, kind: type[Regularizer]) -> Recipe:
        """The recipe less its part of this kind: one step of an ablation."""
        return Recipe(tuple(part for part in self.parts if not isinstance(part, kind)))

    def __str__(self) -> str:
        return ", ".join(str(part) for part in self.parts) or "none"


def doubts(recipe: Recipe, *, validation: bool = True) -> list[str]:
    """Why a recipe may not do what its author wants, a sentence a reason; empty if nothing speaks against it.

    Args:
        recipe: the recipe.
        validation: whether rows are held out to watch the validation loss on.
    """
    names = [part.name for part in recipe]
    found = []
    if "dropout" in names and "batch_norm" in names[names.index("dropout") :]:
        found.append(
            "dropout before batch_norm shifts the variance that batch norm sees between training and inference; "
            "dropout is placed after it (write batch_norm first to say so)"
        )
    if {"l2", "weight_decay"} <= set(names):
        found.append(
            "l2 and weight_decay both shrink the same weights (under plain SGD they are the same thing); "
            "keep one, or their doses can't be told apart"
        )
    if not validation and "early_stopping" in names:
        found.append(
            "early_stopping has no validation rows to watch, so it never stops; "
            "hold some out (validation=0.2) or leave it away"
        )
    return found


def families() -> dict[str, type[Regularizer]]:
    """Every technique of the library by its name in recipes, in alphabetical order."""

    def below(kind: type[Regularizer]) -> Iterator[type[Regularizer]]:
        for sub in kind.__subclasses__():
            yield from below(sub)
            if "__dataclass_fields__" in vars(sub):
                yield sub

    own = {kind.name: kind for kind in below(Regularizer) if kind.__module__.startswith("goodfit.")}
    return dict(sorted(own.items()))


def _sum(recipe: Recipe, other: Recipe | Regularizer) -> Recipe:
    if not isinstance(other, Recipe | Regularizer):
        return NotImplemented
    more = other.parts if isinstance(other, Recipe) else (other,)
    total = Recipe(recipe.parts + more)
    known = {*doubts(recipe), *doubts(Recipe(more))}
    for doubt in doubts(total):
        if doubt not in known:
            warnings.warn(doubt, DoubtfulRecipe, stacklevel=3)
    return total


def _read(part: str, text: str) -> Regularizer:
    kind, words = read_part(part, text, families())
    known = {f.name: f for f in fields(kind)}
    where = f"recipe {text!r}: {kind.name}"
    return kind(**{key: read_value(word, known[key], f"{where} {key}") for key, word in words.items()})
