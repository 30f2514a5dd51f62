"""The doses of a technique from the neutral one to the extreme: what a study of its strength goes along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from numbers import Real
from typing import Any

import numpy as np

from goodfit.errors import InputError
from goodfit.regularizers.recipe import Range, Regularizer, families

STEPS = 8


def dose_field(kind: type[Regularizer]) -> tuple[str, Range]:
    """The name and range of the field that holds a technique's strength: the first with a neutral value.

    Raises:
        InputError: it has none.

    Example:
        >>> from goodfit.regularizers import Dropout
        >>> name, allowed = dose_field(Dropout)
        >>> name, str(allowed), allowed.neutral
        ('p', '[0, 1]', 0.0)
    """
    for f in fields(kind):
        allowed = f.metadata.get("range")
        if allowed is not None and allowed.neutral is not None:
            return f.name, allowed
    raise InputError(f"{kind.name} has no dose with a neutral value; give another technique")


def usual_doses(kind: type[Regularizer]) -> tuple[float, ...]:
    """The neutral dose and the usual ones up to the extreme; those of a technique that names none follow its range.

    Example:
        >>> from goodfit.regularizers import BatchNorm
        >>> usual_doses(BatchNorm)
        (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
    """
    name, allowed = dose_field(kind)
    field = next(f for f in fields(kind) if f.name == name)
    neutral = float(allowed.neutral or 0.0)
    default = field.default if isinstance(field.default, float) else 1.0
    usual = field.metadata.get("usual") or _spaced(default, allowed, neutral)
    return (neutral, *(float(value) for value in usual if value != neutral and value in allowed))


def _spaced(default: float, allowed: Range, neutral: float) -> list[float]:
    """Evenly from the neutral dose to the other end of a range; by decades about the usual dose where it has none."""
    if math.isinf(neutral):
        return [_round(v) for v in np.geomspace(100 * default, max(default / 100, allowed.low), STEPS).tolist()]
    end = allowed.high if neutral - allowed.low < allowed.high - neutral else allowed.low
    if math.isinf(end):
        away = math.copysign(abs(default - neutral) or 1.0, end)
        return [_round(neutral + away * v) for v in np.geomspace(0.01, 1000.0, STEPS).tolist()]
    reach = 1.0 if end in allowed else 1 - 1 / STEPS**2
    return [_round(v) for v in np.linspace(neutral, neutral + reach * (end - neutral), STEPS + 1).tolist()[1:]]


def along(base: Regularizer, doses: Sequence[float] | None) -> list[Regularizer]:
    """A technique at each dose, from the neutral one, which is added where it is missing, to the farthest from it.

    Args:
        base: its other settings are kept.
        doses: two or more different ones with the neutral one; None for the usual ones.

    Raises:
        InputError: no numbers, too few, or one out of range.

    Example:
        >>> from goodfit.regularizers import EarlyStopping
        >>> [str(part) for part in along(EarlyStopping(), [5, 20])]
        ['early_stopping=inf', 'early_stopping=20', 'early_stopping=5']
    """
    name, allowed = dose_field(type(base))
    neutral = float(allowed.neutral or 0.0)
    given = usual_doses(type(base)) if doses is None else _checked(doses, f"{base.name}: {name}")
    others = sorted({value for value in given if value != neutral}, key=lambda v: -v if math.isinf(neutral) else abs(v))
    if not others:
        raise InputError(f"doses hold only {base.name}'s neutral one, {neutral:g}; give at least one other")
    return [replace(base, **{name: value}) for value in (neutral, *others)]


def read_technique(given: Any) -> Regularizer:
    """A technique from its name, its class or one of its instances.

    Raises:
        InputError: it is none.

    Example:
        >>> str(read_technique("dropout"))
        'dropout=0.3'
    """
    if isinstance(given, str):
        known = families()
        if given.strip() not in known:
            raise InputError(f"no technique is called {given!r}; there are {', '.join(known)}")
        return known[given.strip()]()
    if isinstance(given, type) and issubclass(given, Regularizer) and "__dataclass_fields__" in vars(given):
        return given()
    if isinstance(given, Regularizer):
        return given
    raise InputError(f"regularizer is {given!r}; give a name such as 'l2', a class or an instance such as goodfit.L2()")


def _checked(doses: Any, where: str) -> list[float]:
    values = list(doses) if np.ndim(doses) == 1 else []
    if len(values) < 2:
        raise InputError(f"doses is {doses!r}; give two or more numbers, such as [0, 0.001, 0.01]")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
            raise InputError(f"{where} is {value!r} among the doses; give numbers")
    return [float(value) for value in values]


def _round(value: float) -> float:
    """To three digits."""
    return float(f"{value:.3g}")
