"""compare: recipes side by side on rows that no run has seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from goodfit.backends import backend_of
from goodfit.errors import InputError
from goodfit.metrics import Task, metrics_of
from goodfit.regularizers import Recipe
from goodfit.regularizers.recipe import Regularizer
from goodfit.studies.budget import read_seconds, training_until
from goodfit.studies.comparison import Comparison, Repeats
from goodfit.studies.comparison import compare as compare_problem
from goodfit.studies.problem import read_problem
from goodfit.studies.usual import usual_settings
from goodfit.training import Execution


def compare(
    X: Any,
    y: Any,
    recipes: Sequence[Recipe | Regularizer | str],
    *,
    seeds: int = 10,
    hidden: tuple[int, ...] | None = None,
    max_epochs: int | None = None,
    budget: float | str | None = None,
    task: Literal["binary", "multiclass", "regression"] | None = None,
    groups: Any = None,
    times: Any = None,
    backend: Literal["local", "ray"] = "local",
    random_state: int = 0,
) -> Comparison:
    """Compare recipes on rows that no run has seen, with intervals.

    Each seed splits the rows anew into training (60 %), validation (20 %, watched by early stopping) and test rows
    (20 %), and every recipe is trained on every split, all in one population.

    Args:
        X: an array or a data frame `(n, D)`; pictures, texts or sounds as `Classifier` takes them.
        y: the target `(n,)`.
        recipes: recipes or their texts; the first is the reference of the differences.
        seeds: repeats, 2 or more; 10 are usual.
        hidden: units of each hidden layer; None for what is usual for such rows, as in `Classifier`.
        max_epochs: passes over the training rows at most; None likewise.
        budget: seconds, or a text such as "60s"; None for no limit. What is still training then ends with what it has,
            in `result.results` as "out of time"; near 0 every network trains one epoch.
        groups: `(n,)` rows of one group, such as clips of one speaker, stay on one side of every split; None for none.
        times: `(n,)` dates or numbers: each seed then knows the rows up to a moment drawn for it, three fifths of
            all at least, tests on the latest fifth of these, and watches those before; None for rows without order.
        task: None to tell by the target.
        backend: who trains, as in `Classifier`.
        random_state: seed of everything random.

    Returns:
        Scores by recipe and seed: `.frame()`, `.estimate(i, "test_accuracy")`, `.difference(i, ...)`, `.to_dict()`.

    Raises:
        InputError: (a ValueError) data, a recipe or a setting can't be used as given.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> result = compare(X, y, ["none", "l2=0.01"], seeds=2, hidden=(8,), max_epochs=5)
        >>> result.frame().shape[0]
        4
    """
    started = time.monotonic()
    _check(recipes, hidden, max_epochs, task)
    seconds = read_seconds(budget)
    problem = read_problem(X, y, task=task, groups=groups, times=times)
    settings = usual_settings(problem)
    settings = settings if hidden is None else replace(settings, hidden=tuple(hidden))
    settings = settings if max_epochs is None else replace(settings, max_epochs=max_epochs)
    repeats = Repeats(seeds=seeds, seed=random_state)
    chosen = [Recipe.of(recipe) for recipe in recipes]
    execution = Execution(deadline=training_until(seconds, started), backend=backend_of(backend))
    return compare_problem(problem, chosen, repeats=repeats, settings=settings, execution=execution)


def _check(recipes: object, hidden: Sequence[int] | None, max_epochs: int | None, task: Task | None) -> None:
    """Raise InputError for the first setting that can't be used."""
    if isinstance(recipes, str | Recipe | Regularizer):
        raise InputError(f"recipes is {str(recipes)!r}; give a list of recipes, the first for reference")
    if hidden is not None and any(units < 1 for units in hidden):
        raise InputError(f"hidden is {tuple(hidden)}; give units of each layer, such as (128, 128)")
    if max_epochs is not None and max_epochs < 1:
        raise InputError(f"max_epochs is {max_epochs}; give epochs, 1 or more")
    if task is not None:
        metrics_of(task)
