"""Which techniques make examples that can be looked at, and the refusal of the others."""

from __future__ import annotations

from goodfit.errors import InputError
from goodfit.regularizers import (
    Gain,
    PitchShift,
    Recipe,
    Regularizer,
    TimeShift,
    TimeStretch,
    WhiteNoise,
    dose_field,
    families,
)
from goodfit.regularizers.form import Kind
from goodfit.regularizers.places import Adds, Mixes, OnInputs, Rewrites
from goodfit.studies.preparing import ACTS_ON

SHOWN: dict[Kind, tuple[type[Regularizer], ...]] = {
    "image": (OnInputs, Mixes),
    "sound": (PitchShift, TimeStretch, TimeShift, Gain, WhiteNoise),
    "text": (Rewrites,),
    "table": (Adds,),
}
"""What can be shown on each kind: on sounds what has a counterpart for waves, on tables what makes whole rows."""
ENCODED: dict[Kind, str] = {
    "image": "pixels",
    "sound": "spectrograms",
    "text": "encoded texts",
    "table": "encoded rows",
}
MADE: dict[Kind, str] = {
    "image": "pictures to look at",
    "sound": "sounds to hear",
    "text": "texts to read",
    "table": "rows to look at",
}


def read_techniques(text: str, kind: Kind) -> Recipe:
    """The techniques of a recipe that can be shown on examples of a kind, those at their neutral dose left out.

    Raises:
        InputError: the text is no recipe, asks for nothing, or for a technique that can't be shown on such examples.

    Example:
        >>> str(read_techniques("rotate=15, flip", "image"))
        'rotate=15, flip=0.5'
    """
    recipe = Recipe.parse(text)
    for part in recipe:
        _check(part, kind)
    acting = Recipe(tuple(part for part in recipe if _acts(part)))
    if not acting.parts:
        raise InputError(f"--with {text!r} changes nothing: name techniques, of {', '.join(usable(kind))}")
    return acting


def usable(kind: Kind) -> list[str]:
    """The names of the techniques that can be shown on examples of a kind.

    Example:
        >>> usable("table")
        ['smote']
    """
    return [name for name, family in families().items() if kind in family.suits and issubclass(family, SHOWN[kind])]


def _check(part: Regularizer, kind: Kind) -> None:
    if kind not in part.suits:
        wanted = " and ".join(ACTS_ON[other] for other in ACTS_ON if other in part.suits)
        raise InputError(f"{part.name} acts on {wanted}, not on {ACTS_ON[kind]}: leave it out of --with")
    names = usable(kind)
    if isinstance(part, OnInputs | Mixes) and not isinstance(part, SHOWN[kind]):
        only = f"only {_listed(names)} {'makes' if len(names) == 1 else 'make'} {MADE[kind]}"
        raise InputError(f"{part.name} acts on {ENCODED[kind]} in training; {only}")
    if not isinstance(part, SHOWN[kind]):
        raise InputError(f"{part.name} changes no {ACTS_ON[kind]}: leave it out of --with, and name {_listed(names)}")


def _acts(part: Regularizer) -> bool:
    name, allowed = dose_field(type(part))
    return bool(getattr(part, name) != allowed.neutral)


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
