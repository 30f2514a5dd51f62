"""When an estimator searches, and for what: its recipe's ranges, and what else it leaves open."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from goodfit.regularizers.ranges import Space, has_ranges
from goodfit.studies.budget import read_seconds
from goodfit.studies.problem import Problem
from goodfit.studies.searching.choices import Choices
from goodfit.studies.searching.defaults import default_choices
from goodfit.studies.searching.pace import Pace

if TYPE_CHECKING:
    from goodfit.estimators.network import Network

USUAL_BUDGET = 60.0
"""Seconds of a search whose user says nothing of time."""


def searches(estimator: Network) -> bool:
    """Whether an estimator looks for its recipe within a budget."""
    return has_ranges(estimator.recipe) or (estimator.recipe is None and estimator.budget is not None)


def granted(estimator: Network) -> float | None:
    """The seconds that an estimator may take; None for no limit."""
    if estimator.budget == "auto":
        return USUAL_BUDGET if searches(estimator) else None
    seconds = read_seconds(estimator.budget)
    return USUAL_BUDGET if seconds is None and searches(estimator) else seconds


def pace_of(estimator: Network, started: float) -> Pace:
    """A search's clock, `started` at `time.monotonic()`."""
    return Pace(granted(estimator) or USUAL_BUDGET, started=started or time.monotonic())


def choices_of(estimator: Network, problem: Problem) -> Choices:
    """What an estimator leaves open: settings that its user gave stay as they are."""
    usual = default_choices(problem, Space.of(estimator.recipe))
    given, base = estimator, usual.base
    rate = usual.learning_rate if given.learning_rate is None else (given.learning_rate, given.learning_rate)
    epochs = given.max_epochs or base.max_epochs
    pictures = problem.kind in ("image", "sound")
    channels = base.channels if given.channels is None else tuple(given.channels) if pictures else ()
    return replace(
        usual,
        hidden=usual.hidden if given.hidden is None else (tuple(given.hidden),),
        batch_sizes=(given.batch_size,) if given.batch_size else usual.batch_sizes,
        learning_rate=rate,
        base=replace(
            base,
            channels=channels,
            max_epochs=epochs,
            optimizer=given.optimizer,
            schedule=given.schedule or base.schedule,
            precision=given.precision,
        ),
    )
