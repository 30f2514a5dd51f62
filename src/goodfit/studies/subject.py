"""What a study is of: a network's settings without its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from goodfit.regularizers import Recipe
from goodfit.studies.fitting import Plan
from goodfit.training import Checkpoint, Execution, Progress, Settings


@dataclass(frozen=True)
class Subject:
    """A network as its user has set it.

    Args:
        recipe: its regularizers.
        settings: its shape and how it trains.
        plan: learning rate, seed, share of rows held out, standardizing.
        execution: device, threads, deadline.
        on_epoch: called after each epoch of a training.
        checkpoint: where the first, largest population keeps its state, in studies that have one.
    """

    recipe: Recipe
    settings: Settings
    plan: Plan = field(default_factory=Plan)
    execution: Execution = field(default_factory=Execution)
    on_epoch: Callable[[Progress], None] | None = None
    checkpoint: Checkpoint | None = None
