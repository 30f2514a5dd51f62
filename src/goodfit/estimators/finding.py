"""What an estimator's search chooses among: its recipe's ranges, and what else it leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from goodfit.estimators.settings import settings_of
from goodfit.regularizers.ranges import Space
from goodfit.studies.problem import Problem
from goodfit.studies.searching.choices import Choices
from goodfit.studies.searching.defaults import default_choices

if TYPE_CHECKING:
    from goodfit.estimators.network import Network


def choices_of(estimator: Network, problem: Problem) -> Choices:
    """What an estimator leaves open: settings that its user gave stay as they are."""
    usual, base = default_choices(problem, Space.of(estimator.recipe)), settings_of(estimator, problem)
    rate = estimator.learning_rate
    return replace(
        usual,
        hidden=usual.hidden if estimator.hidden is None else (base.hidden,),
        batch_sizes=(base.batch_size,) if estimator.batch_size else usual.batch_sizes,
        learning_rate=usual.learning_rate if rate is None else (rate, rate),
        base=replace(
            base,
            max_epochs=estimator.max_epochs or usual.base.max_epochs,
            schedule=estimator.schedule or usual.base.schedule,
            scaling=usual.base.scaling if estimator.scaling is None else base.scaling,
        ),
    )
