"""From an estimator's settings to the subject of a study."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

from goodfit.data.target import guess_task
from goodfit.estimators.classifier import Classifier
from goodfit.estimators.network import Network
from goodfit.estimators.regressor import Regressor
from goodfit.estimators.settings import execution_of, plan_of, settings_of
from goodfit.metrics import Task
from goodfit.regularizers import Recipe
from goodfit.studies.problem import Problem
from goodfit.studies.subject import Subject


def usual_network(y: Any) -> Network:
    """The network to study where none is named: of the usual size, without regularization."""
    return Regressor("none") if guess_task(y) == "regression" else Classifier("none")


def task_of(estimator: Network) -> Task:
    """What an estimator predicts: classes (how many there are, the target says) or numbers."""
    return "regression" if isinstance(estimator, Regressor) else "multiclass"


def subject_of(estimator: Network, problem: Problem, *, seed: int | None = None, deadline: float = math.inf) -> Subject:
    """What a study needs to know of an estimator; fitting it is not needed.

    The recipe is that of `fit` where the estimator was to choose one and is fitted, and none where it isn't.

    Args:
        estimator: a Classifier or a Regressor.
        problem: whose rows decide what is usual where the estimator leaves it open.
        seed: of the study; None is the estimator's own.
        deadline: `time.monotonic()` at which training ends.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> from goodfit.studies.problem import read_problem
        >>> str(subject_of(Classifier("l2=0.01"), read_problem([[0.0], [1.0]], ["a", "b"])).recipe)
        'l2=0.01'
    """
    given: Any = getattr(estimator, "recipe_", None) if estimator.recipe is None else estimator.recipe
    plan = plan_of(estimator)
    return Subject(
        recipe=Recipe.parse("none") if given is None else Recipe.of(given),
        settings=settings_of(estimator, problem),
        plan=plan if seed is None else replace(plan, seed=seed),
        execution=execution_of(estimator, time.monotonic(), deadline=deadline),
    )
