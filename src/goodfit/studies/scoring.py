"""Samples whose networks watch other rows than those that score them, and the losses of trained samples by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Stops
from goodfit.rng import derive
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.samples import Sample, Trained, row_losses

FOLDS = 5
FEWEST_ROWS = 4 * FOLDS
WATCHED = 0.2
"""The share of its rows that a network watches, where its estimator holds out none."""


def loss_name(problem: Problem) -> str:
    """What losses by row are."""
    return "squared error" if problem.task == "regression" else "log loss"


def check_folds(problem: Problem) -> None:
    """Raise InputError where rows are too few for the folds of a study."""
    if problem.rows < FEWEST_ROWS:
        raise InputError(f"{problem.rows} different rows are too few for {FOLDS} folds; give {FEWEST_ROWS} or more")


def stops_early(recipe: Recipe) -> bool:
    """Whether a recipe chooses its epoch on rows that it watches."""
    return any(bool(part.restores()) for part in recipe if isinstance(part, Stops))


def watching(problem: Problem, samples: Sequence[Sample], recipes: Sequence[Recipe], share: float) -> list[Sample]:
    """The samples as they are trained: what is watched is taken from their training rows, never from those held out.

    The epoch that early stopping chooses is then not chosen on the rows that it is scored by. Where no recipe stops
    early nothing is watched, and all of a sample's training rows are learned from.

    Args:
        problem: whose rows the samples mean.
        samples: rows that a network is given, and rows that score it.
        recipes: all that are to be compared: they are given the same rows.
        share: of the rows given, watched, in [0, 0.5]; 0 stands for a fifth.
    """
    if not any(map(stops_early, recipes)):
        return [replace(sample, held_out=sample.held_out[:0]) for sample in samples]
    watched = []
    for sample in samples:
        learned, kept = problem.hold_out(sample.train, share or WATCHED, derive(sample.seed, 1))
        watched.append(Sample(learned, kept, sample.seed))
    return watched


def sample_losses(trained: Trained, recipe: int, sample: int, rows: Ints) -> Floats:
    """The losses `(r,)` of rows by one network; nan if it diverged."""
    if trained.results[recipe][sample].failed:
        return np.full(len(rows), np.nan)
    return row_losses(trained.prepared.problem, trained.predicted(recipe, sample, rows), rows)


def mean_losses(trained: Trained, recipe: int, rows: Sequence[Ints]) -> Floats:
    """The weighted mean loss `(S,)` of each network of a recipe, for rows of each sample."""
    weights = trained.prepared.problem.weights
    return np.array(
        [np.average(sample_losses(trained, recipe, place, own), weights=weights[own]) for place, own in enumerate(rows)]
    )
