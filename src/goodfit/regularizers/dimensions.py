"""The numbers that lie between a technique at its low ends and the same technique at its high ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

from goodfit.errors import InputError
from goodfit.regularizers.doses import dose_field
from goodfit.regularizers.recipe import Regularizer

RATIO = 10.0
"""A range is searched on a scale of ratios where its ends are this far apart."""
ROUNDING = 1e-9
"""A value so little outside its dimension is taken for the end itself."""


@dataclass(frozen=True)
class Dimension:
    """A number that a search chooses.

    Args:
        name: the technique and its setting, such as "l2.strength".
        low: the least value, finite.
        high: the greatest value, finite; `low` itself for a dose of which only the use is open.
        log: whether it is searched on a scale of ratios: from above 0, over a factor of 10 or more.
        whole: whether it is a whole number.
        off: whether the technique may be left out; a boolean by the technique's name then says whether it is used.
    """

    name: str
    low: float
    high: float
    log: bool = False
    whole: bool = False
    off: bool = False

    def at(self, values: Mapping[str, float | bool]) -> float:
        """This dimension's value among those of a choice, by its name; rounded where it is a whole number.

        Raises:
            InputError: it is missing, no number, or outside.
        """
        given: Any = values.get(self.name)
        must = f"give a number in [{self.low:g}, {self.high:g}]"
        if given is None:
            raise InputError(f"recipe: {self.name} has no value; {must}")
        if isinstance(given, bool) or not isinstance(given, Real) or not math.isfinite(given):
            raise InputError(f"recipe: {self.name} is {given!r}; {must}")
        value = float(round(given)) if self.whole else float(given)
        inside = min(max(value, self.low), self.high)
        if not math.isclose(value, inside, rel_tol=ROUNDING, abs_tol=ROUNDING * (self.high - self.low)):
            raise InputError(f"recipe: {self.name} is {value:g}; {must}")
        return inside


def ends_of(low: Regularizer, high: Regularizer) -> dict[str, tuple[float, float]]:
    """Each setting at the low and at the high ends."""
    return {f.name: (getattr(low, f.name), getattr(high, f.name)) for f in fields(low)}


def check_ends(low: Regularizer, high: Regularizer, *, off: bool) -> None:
    """Refuse ends between which nothing can be chosen.

    Raises:
        InputError: other techniques, ends that aren't finite or in the wrong order, or nothing is left open.
    """
    if not isinstance(low, Regularizer) or type(low) is not type(high):
        raise InputError(f"range from {low!r} to {high!r}: give one technique at both ends")
    if not isinstance(off, bool):
        raise InputError(f"{low.name}: off is {off!r}; give True or False")
    apart = {key: pair for key, pair in ends_of(low, high).items() if pair[0] != pair[1]}
    for key, (least, most) in apart.items():
        if isinstance(least, bool):
            raise InputError(f"{low.name}: {key} is false and true; give one of them, only numbers have ranges")
        if math.isinf(least) or math.isinf(most):
            raise InputError(f"{low.name}: {key} is from {least:g} to {most:g}; give finite ends")
        if least > most:
            raise InputError(f"{low.name}: {key} is from {least:g} to {most:g}; give the lower end first")
    if not apart and not off:
        raise InputError(f"{low.name}: both ends of its range are the same; give one dose, {str(low)!r}")


def dimensions_of(low: Regularizer, high: Regularizer, *, off: bool) -> dict[str, Dimension]:
    """What is open, by the settings' names in their order; the dose too where the technique may be left out."""
    allowed = {f.name: f.metadata["range"] for f in fields(low) if "range" in f.metadata}
    switched = dose_field(type(low))[0] if off else None
    return {
        key: Dimension(
            name=f"{low.name}.{key}",
            low=float(least),
            high=float(most),
            log=least > 0.0 and most / least >= RATIO,
            whole=allowed[key].whole,
            off=key == switched,
        )
        for key, (least, most) in ends_of(low, high).items()
        if least != most or key == switched
    }


def technique_at(
    low: Regularizer, dimensions: Mapping[str, Dimension], values: Mapping[str, float | bool]
) -> Regularizer | None:
    """The technique at a choice; None where it is left out.

    Raises:
        InputError: a value is missing or outside its dimension.
    """
    if any(dimension.off for dimension in dimensions.values()):
        if low.name not in values:
            raise InputError(f"recipe: {low.name} has no value; give True to use it or False to leave it out")
        if not values[low.name]:
            return None
    return replace(low, **{key: dimension.at(values) for key, dimension in dimensions.items()})


def choice_of(
    found: Regularizer | None, low: Regularizer, dimensions: Mapping[str, Dimension]
) -> dict[str, float | bool] | None:
    """The choice that makes a technique, or that leaves it out; None where none does."""
    off = any(dimension.off for dimension in dimensions.values())
    if found is None:
        return {low.name: False} if off else None
    settings = {key: pair[1] for key, pair in ends_of(low, found).items()}
    if type(found) is not type(low) or replace(found, **{key: getattr(low, key) for key in dimensions}) != low:
        return None
    if any(not dimension.low <= settings[key] <= dimension.high for key, dimension in dimensions.items()):
        return None
    chosen = {d.name: int(settings[key]) if d.whole else settings[key] for key, d in dimensions.items()}
    return {low.name: True, **chosen} if off else dict(chosen)
