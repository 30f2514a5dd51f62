"""What a diagnosis tries on a network: more and less regularization, more capacity, longer training."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from goodfit.diagnosis.evidence import Kind as Change
from goodfit.errors import DoubtfulRecipe
from goodfit.regularizers import EarlyStopping, Recipe
from goodfit.regularizers.form import Kind
from goodfit.regularizers.places import Stops
from goodfit.regularizers.recipe import Regularizer
from goodfit.training import Settings

DOSES = (
    "early_stopping=10",
    "l2=0.0003, early_stopping=10",
    "l2=0.001, early_stopping=10",
    "l2=0.003, early_stopping=10",
    "l2=0.01, early_stopping=10",
    "l1=0.0001, early_stopping=10",
    "dropout=0.2, early_stopping=10",
    "dropout=0.5 input=0.1, early_stopping=10",
    "l2=0.001, dropout=0.3 input=0.1, early_stopping=10",
)
"""What is added to the network's own recipe, where it has less of it."""

DOSES_OF_PICTURES = (
    "early_stopping=10",
    "l2=0.001, early_stopping=10",
    "dropout=0.2, early_stopping=10",
    "batch_norm=1, dropout=0.1, early_stopping=10",
)
"""What is added on pictures and sounds, whose networks take longer."""

AUGMENTING: dict[Kind, tuple[str, ...]] = {
    "table": (),
    "image": ("shift=0.1, rotate=10, early_stopping=10", "crop=0.2, erasing=0.5, early_stopping=10"),
    "sound": (
        "pitch_shift=3, time_stretch=0.2, time_shift=0.1, early_stopping=10",
        "gain=6, white_noise=20, erasing=0.5, early_stopping=10",
    ),
    "text": ("synonyms=0.2, early_stopping=10", "word_deletion=0.2, early_stopping=10"),
}
"""What is added besides on pictures, sounds and texts."""

LONGER, WIDER, EASED, PATIENT = 3, 2, 0.25, 4


@dataclass(frozen=True)
class Intervention:
    """A change of a network.

    Args:
        kind: what it changes.
        name: what it is, for people.
        recipe: with the change.
        settings: with the change.
    """

    kind: Change
    name: str
    recipe: Recipe
    settings: Settings


def doses_for(recipe: Recipe, settings: Settings, kind: Kind = "table") -> list[Intervention]:
    """More regularization than a recipe has, and less, for rows of a kind; the recipe itself is not among them."""
    usual = DOSES if kind in ("table", "text") else DOSES_OF_PICTURES
    stronger = [_with_more(recipe, Recipe.parse(text)) for text in (*usual, *AUGMENTING[kind])]
    found = [Intervention("dose", str(r), r, settings) for r in stronger if r != recipe]
    found += [Intervention("relaxed", str(r), r, settings) for r in _relaxed(recipe) if r != recipe]
    return list({str(change.recipe): change for change in found}.values())


def strengthened(recipe: Recipe, settings: Settings) -> list[Intervention]:
    """Longer training, a later stop, wider and deeper networks."""
    epochs, hidden = settings.max_epochs * LONGER, settings.hidden
    wide = tuple(units * WIDER for units in hidden)
    deep = (*hidden, hidden[-1]) if hidden else (32,)
    found = [Intervention("training", f"max_epochs={epochs}", recipe, replace(settings, max_epochs=epochs))]
    stop = recipe.get(EarlyStopping)
    if stop is not None and float(stop.patience) < math.inf:
        patient = paced(recipe, settings, PATIENT)[0]
        name = f"{patient.get(EarlyStopping)}, max_epochs={epochs}"
        found.append(Intervention("patience", name, patient, replace(settings, max_epochs=epochs)))
    if settings.channels:
        broad = tuple(units * WIDER for units in settings.channels)
        found.append(Intervention("capacity", f"channels={broad}", recipe, replace(settings, channels=broad)))
    elif wide:
        found.append(Intervention("capacity", f"hidden={wide}", recipe, replace(settings, hidden=wide)))
    found.append(Intervention("capacity", f"hidden={deep}", recipe, replace(settings, hidden=deep)))
    return found


def paced(recipe: Recipe, settings: Settings, factor: float) -> tuple[Recipe, Settings]:
    """A recipe and settings for so many times the epochs, early stopping's patience among them."""
    stop = recipe.get(EarlyStopping)
    if stop is not None:
        longer = replace(stop, patience=max(1.0, float(stop.patience) * factor))
        recipe = Recipe(tuple(longer if part is stop else part for part in recipe))
    return recipe, replace(settings, max_epochs=max(1, round(settings.max_epochs * factor)))


def _with_more(recipe: Recipe, more: Recipe) -> Recipe:
    """A recipe with what another has more of: parts that it lacks, and larger doses of those that it has."""
    parts = [_stronger(part, more.get(type(part))) for part in recipe]
    parts += [part for part in more if type(part) not in recipe]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulRecipe)
        return Recipe(tuple(parts))


def _stronger(own: Regularizer, other: Regularizer | None) -> Regularizer:
    """The one whose first dose lies further from neutral."""
    if other is None:
        return own
    first = fields(own)[0]
    neutral = first.metadata["range"].neutral
    mine, theirs = float(getattr(own, first.name)), float(getattr(other, first.name))
    if neutral is None or neutral == math.inf:
        return other if theirs < mine else own
    return other if abs(theirs - neutral) > abs(mine - neutral) else own


def _relaxed(recipe: Recipe) -> Sequence[Recipe]:
    """A quarter of a recipe's doses, and none of them; how it stops is another matter."""
    stops = tuple(part for part in recipe if isinstance(part, Stops))
    if len(stops) == len(recipe.parts):
        return ()
    return Recipe(tuple(part if part in stops else _eased(part) for part in recipe)), Recipe(stops)


def _eased(part: Regularizer) -> Regularizer:
    """The regularizer with each dose three quarters nearer to neutral."""
    changed = {}
    for f in fields(part):
        allowed = f.metadata.get("range")
        if allowed is None or allowed.neutral is None:
            continue
        value = float(getattr(part, f.name))
        eased = value / EASED if allowed.neutral == math.inf else allowed.neutral + EASED * (value - allowed.neutral)
        changed[f.name] = eased if eased in allowed else value
    return replace(part, **changed)
