"""What is searched where a user says nothing else, by what a row is."""

from __future__ import annotations

import math
from dataclasses import replace

from goodfit.data.schema import Schema
from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Kind
from goodfit.regularizers.ranges import Space
from goodfit.studies.fitting import MOST_BYTES_OF_VIEWS
from goodfit.studies.problem import Problem
from goodfit.studies.searching.choices import Choices, Draft, Shape
from goodfit.studies.usual import usual_settings

SPACES: dict[Kind, str] = {
    "table": (
        "l1=off|1e-6..0.003, weight_decay=off|0.001..1, batch_norm=off|0.5..1, dropout=0..0.5, "
        "weight_averaging=off|0.9..0.995, early_stopping=15"
    ),
    "image": (
        "batch_norm=off|0.5..1, dropout=0..0.5, weight_decay=off|0.001..1, shift=off|0.02..0.15, rotate=off|3..20, "
        "crop=off|0.05..0.3, contrast=off|0.05..0.3, early_stopping=10"
    ),
    "sound": (
        "batch_norm=off|0.5..1, dropout=0..0.5, weight_decay=off|0.001..1, pitch_shift=off|1..5, "
        "time_stretch=off|0.05..0.3, time_shift=off|0.02..0.2, gain=off|2..12, early_stopping=10"
    ),
    "text": (
        "l1=off|0.0001..0.01, weight_decay=off|0.001..1, dropout=0..0.6 input=0..0.5, synonyms=off|0.1..0.5, "
        "early_stopping=10"
    ),
}
FIRST: dict[Kind, tuple[str, ...]] = {
    "table": (
        "dropout=0.1, early_stopping=15",
        "weight_decay=0.05, dropout=0.2, early_stopping=15",
        "l1=0.0003, dropout=0.2, early_stopping=15",
        "batch_norm=1, dropout=0.4, early_stopping=15",
    ),
    "image": (
        "batch_norm=1, dropout=0.1, early_stopping=10",
        "batch_norm=1, dropout=0.1, shift=0.1, rotate=10, crop=0.2, contrast=0.2, early_stopping=10",
    ),
    "sound": (
        "batch_norm=1, dropout=0.1, early_stopping=10",
        "batch_norm=1, dropout=0.1, pitch_shift=3, time_stretch=0.2, time_shift=0.1, gain=6, early_stopping=10",
    ),
    "text": (
        "dropout=0 input=0, early_stopping=10",
        "l1=0.001, dropout=0 input=0, early_stopping=10",
        "dropout=0.3 input=0.3, early_stopping=10",
    ),
}
HIDDEN: dict[Kind, tuple[tuple[int, ...], ...]] = {
    "table": ((128, 128), (64, 64), (256,), (256, 256)),
    "image": ((64,),),
    "sound": ((64,),),
    "text": ((), (64,)),
}
PIECES = (0, 8, 16, 48)
RATES: dict[Kind, tuple[float, float]] = {
    "table": (5e-4, 1e-2),
    "image": (5e-4, 5e-3),
    "sound": (5e-4, 5e-3),
    "text": (1e-3, 3e-2),
}
SCALING = 6.0
"""How much faster than the weights the factors of a table's inputs learn, as in Holzmueller and others (2024)."""
FOLDS = 5
STEPS, LONGEST = 6000, 80
"""Steps of the longest training, were its batches as large as usual, and its epochs: small tables need many."""


def default_choices(problem: Problem, space: Space | None = None) -> Choices:
    """What a search over a problem chooses among.

    Args:
        problem: merged.
        space: the recipes; None for the usual ones.
    """
    kind, usual = problem.kind, usual_settings(problem).batch_size
    scaling = SCALING if kind == "table" else 0.0
    base = replace(usual_settings(problem), schedule="cosine", scaling=scaling)
    sizes = tuple(sorted({max(16, usual // part) for part in (2, 4, 8)})) if kind == "table" else (usual,)
    epochs = base.max_epochs if kind != "table" else int(min(LONGEST, max(20, STEPS / (problem.rows / usual))))
    return Choices(
        space=space if space is not None and space.parts else Space.parse(SPACES[kind]),
        hidden=HIDDEN[kind],
        pieces=_affordable_pieces(problem) if kind == "table" else (0,),
        cuts=(False, True) if kind == "table" else (False,),
        batch_sizes=sizes,
        learning_rate=RATES[kind],
        base=replace(base, max_epochs=epochs),
    )


def _affordable_pieces(problem: Problem) -> tuple[int, ...]:
    """Those whose encodings of all folds fit into memory beside each other; 0 always does."""
    finest = Schema.of(problem.table, max(PIECES))
    inputs = [len(finest.with_pieces(pieces).input_names) for pieces in PIECES]
    fit = [FOLDS * problem.rows * count * 4 <= MOST_BYTES_OF_VIEWS for count in inputs]
    return tuple(pieces for pieces, fits in zip(PIECES, fit, strict=True) if fits or not pieces)


def first_drafts(kind: Kind, choices: Choices) -> list[Draft]:
    """Where a search begins: well-tried recipes, those of them that the space holds, in the first shape."""
    pieces = choices.pieces[min(2, len(choices.pieces) - 1)]
    shape = Shape(choices.hidden[0], pieces, choices.cuts[0], choices.batch_sizes[len(choices.batch_sizes) // 2])
    low, high = choices.learning_rate
    rate = min(max(math.sqrt(low * high) / 2, low), high)
    known = [recipe for recipe in map(Recipe.parse, FIRST[kind]) if choices.space.values_of(recipe) is not None]
    return [Draft(recipe, shape, rate) for recipe in known]
