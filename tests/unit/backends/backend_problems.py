"""A problem whose training takes a second or so, in runs of every kind; and whether two trainings are one."""

from collections.abc import Sequence

import numpy as np
import torch

from goodfit.regularizers import Recipe
from goodfit.training import Data, Run, RunResult, Settings

RECIPES = ("none", "l2=0.01, dropout=0.3", "early_stopping=3", "batch_norm, weight_averaging=0.9", "l1=0.01")
ROWS, TRAINED = 1200, 900


def make_rows() -> Data:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(2, ROWS, 6, generator=generator)
    classes = (inputs[0, :, :3] + torch.randn(ROWS, 3, generator=generator)).argmax(1)
    targets = torch.nn.functional.one_hot(classes, 3).float()[None]
    return Data(inputs, targets.expand(2, -1, -1), torch.ones(ROWS), "multiclass")


def make_runs(count: int = 20) -> list[Run]:
    train, held = np.arange(TRAINED), np.arange(TRAINED, ROWS)
    return [
        Run(Recipe.of(RECIPES[i % 5]), i // 5, train[i:], held, view=i % 2, learning_rate=0.01) for i in range(count)
    ]


def make_length(max_epochs: int = 12, hidden: tuple[int, ...] = (24, 16)) -> Settings:
    return Settings(hidden=hidden, batch_size=64, max_epochs=max_epochs)


def assert_same(some: Sequence[RunResult], others: Sequence[RunResult]) -> None:
    """Bit for bit: outcomes, weights, statistics and losses."""
    for one, other in zip(some, others, strict=True):
        assert (one.outcome, one.best_epoch, one.layout) == (other.outcome, other.best_epoch, other.layout)
        for a, b in (
            (one.parameters, other.parameters),
            (one.statistics, other.statistics),
            (one.history.train, other.history.train),
            (one.history.validation, other.history.validation),
        ):
            np.testing.assert_array_equal(a, b)
