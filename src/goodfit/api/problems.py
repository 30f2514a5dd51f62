"""What a study is of, from an estimator and data."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from goodfit.errors import InputError
from goodfit.estimators.network import Network
from goodfit.estimators.subject import subject_of
from goodfit.studies.problem import Problem
from goodfit.studies.subject import Subject


def problem_of(estimator: Network, X: Any, y: Any) -> Problem:
    """The rows as the estimator's fit would see them, equal ones merged; the estimator itself stays as it is.

    Raises:
        InputError: the data can't be used.
    """
    twin = clone(estimator)
    problem: Problem = twin._problem(X, y, None, getattr(twin, "class_weight", None))
    return problem.merged()


def studied(estimator: Network, problem: Problem, *, seed: int) -> Subject:
    """The estimator as a study trains it: to the end, whatever its budget, for points cut short can't be compared."""
    subject = subject_of(estimator, problem, seed=seed)
    return replace(subject, execution=replace(subject.execution, deadline=math.inf))


def check_study(repeats: Any, random_state: Any) -> None:
    """Raise InputError where a study's repeats or seed are no whole numbers."""
    for name, value, least in (("repeats", repeats, 1), ("random_state", random_state, 0)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < least:
            raise InputError(f"{name} is {value!r}; give a whole number, {least} or more")
