"""What is usual where a user says nothing: the shape of a network and the recipes to try, by what a row is."""

from __future__ import annotations

import math

from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Kind
from goodfit.studies.problem import Problem
from goodfit.training import Settings

CANDIDATES: dict[Kind, tuple[str, ...]] = {
    "table": (
        "none",
        "early_stopping=10",
        "l2=0.001, early_stopping=10",
        "l1=0.0001, early_stopping=10",
        "dropout=0.3 input=0.1, early_stopping=10",
        "l2=0.001, dropout=0.5 input=0.1, early_stopping=10",
    ),
    "image": (
        "none",
        "batch_norm=1, dropout=0.3, early_stopping=10",
        "shift=0.1, rotate=10, early_stopping=10",
        "batch_norm=1, dropout=0.3, shift=0.1, rotate=10, early_stopping=10",
        "batch_norm=1, flip=0.5, crop=0.2, brightness=0.1, early_stopping=10",
    ),
    "sound": (
        "none",
        "batch_norm=1, dropout=0.3, early_stopping=10",
        "pitch_shift=3, time_stretch=0.2, time_shift=0.1, early_stopping=10",
        "batch_norm=1, dropout=0.3, pitch_shift=3, time_stretch=0.2, time_shift=0.1, gain=6, early_stopping=10",
    ),
    "text": (
        "none",
        "l1=0.001, early_stopping=10",
        "l2=0.001, early_stopping=10",
        "dropout=0.5 input=0.3, early_stopping=10",
        "l1=0.001, synonyms=0.2, early_stopping=10",
        "dropout=0.5 input=0.3, synonyms=0.2, early_stopping=10",
    ),
}
"""The recipes tried where none is given: no regularization, and few of the usual ones."""

CHANNELS = (16, 32, 64, 64)
SMALLEST = 4
"""Convolutions are stacked until the shorter side of a picture has no more pixels than this."""
EPOCHS_OF_PICTURES = 40


def candidates_for(kind: Kind) -> list[Recipe]:
    """The recipes to try on rows of a kind, no regularization first."""
    return [Recipe.parse(text) for text in CANDIDATES[kind]]


def usual_settings(problem: Problem) -> Settings:
    """The network for a problem and how it is trained, where nothing else is asked for.

    Pictures and sounds get convolutions of 16, 32 and 64 units and one dense layer, texts a linear model: with more
    terms than texts it can memorize them all. What a sentence encoder says of a text gets a hidden layer.
    """
    batch_size = usual_batch_size(problem.rows)
    if problem.kind == "text":
        return Settings(hidden=(64,) if problem.table.columns[0].reader else (), batch_size=batch_size)
    channels = usual_channels(problem)
    if not channels:
        return Settings(batch_size=batch_size)
    batch_size = min(64, batch_size)
    return Settings(hidden=(64,), channels=channels, batch_size=batch_size, max_epochs=EPOCHS_OF_PICTURES)


def usual_channels(problem: Problem) -> tuple[int, ...]:
    """Units of the convolutions: as many layers as halve the shorter side down to `SMALLEST`; none but for pictures."""
    if problem.kind not in ("image", "sound"):
        return ()
    side, layers = min(problem.table.columns[0].values.shape[-2:]), 1
    while side // 2**layers > SMALLEST and layers < len(CHANNELS):
        layers += 1
    return CHANNELS[:layers]


def usual_batch_size(rows: int) -> int:
    """A twentieth of the rows, rounded to a power of two, between 16 and 256: small tables need steps too."""
    return int(2 ** min(8, max(4, round(math.log2(max(rows, 1) / 20)))))
