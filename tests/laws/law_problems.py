"""Small problems for the laws, and what to compare of their results."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from goodfit.metrics import Task
from goodfit.regularizers import BatchNorm, Recipe, Regularizer, families
from goodfit.regularizers.form import Form
from goodfit.regularizers.places import Adds, Rewrites
from goodfit.training import Data, Run, RunResult, Settings
from goodfit.training.compiled import FIELDS

ROWS, FORM = 96, Form("image", (1, 4, 6))
"""A form that any technique can act on: what is shown of a picture is shown of a spectrogram and of a line too."""
KINDS = [kind for kind in families().values() if not issubclass(kind, Adds | Rewrites)]
"""The techniques that act in training. Those that act before it have laws of their own."""
COMPILED = [kind for kind in KINDS if kind in FIELDS]
LEARN = tuple(range(64))
WATCH = tuple(range(64, 80))
UNSEEN = tuple(range(80, ROWS))
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
EACH_COMPILED = pytest.mark.parametrize("kind", COMPILED, ids=lambda kind: kind.name)
EACH_OPTIMIZER = pytest.mark.parametrize("optimizer", ["sgd", "adam"])


def make_data(task: Task = "binary", *, rows: int = ROWS, seed: int = 0) -> Data:
    """Noisy rows, so that networks overfit them."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(1, rows, math.prod(FORM.shape), generator=generator)
    signal = inputs[..., :3] + torch.randn(1, rows, 3, generator=generator)
    targets = {
        "binary": (signal[..., :1] > 0).float(),
        "multiclass": torch.nn.functional.one_hot(signal.argmax(-1), 3).float(),
        "regression": signal[..., :1],
    }
    return Data(inputs, targets[task], torch.rand(rows, generator=generator) + 0.5, task, FORM)


def make_settings(optimizer: str = "sgd", *, max_epochs: int = 5, hidden: tuple[int, ...] = (8, 6)) -> Settings:
    return Settings(hidden=hidden, optimizer=optimizer, batch_size=16, max_epochs=max_epochs)  # type: ignore[arg-type]


def make_run(
    recipe: Recipe | Regularizer | None = None,
    *,
    seed: int = 0,
    train: Sequence[int] = LEARN,
    validation: Sequence[int] = WATCH,
    learning_rate: float = 0.05,
) -> Run:
    rows = (np.array(part, dtype=np.int64) for part in (train, validation))
    return Run(Recipe.of(recipe), seed, *rows, learning_rate=learning_rate)


def all_kinds(beside: type[Regularizer] = BatchNorm) -> Recipe:
    """Every technique at its default doses that trains by the same engine as one does."""
    return Recipe(tuple(kind() for kind in (COMPILED if beside in COMPILED else KINDS)))


def plain(result: RunResult) -> np.ndarray:
    """Weights and biases: what a network has whether or not it is laid out for batch norm."""
    sizes = result.layout.sizes
    return result.parameters[: result.layout.weights + sum(sizes[1:])]


def assert_same(one: RunResult, other: RunResult) -> None:
    """Equal bit for bit: weights, statistics where both have them, losses, epochs and outcome."""
    assert (one.outcome, one.best_epoch, one.epochs) == (other.outcome, other.best_epoch, other.epochs)
    np.testing.assert_array_equal(plain(one), plain(other))
    np.testing.assert_array_equal(one.history.train, other.history.train)
    np.testing.assert_array_equal(one.history.validation, other.history.validation)
    if one.layout == other.layout:
        np.testing.assert_array_equal(one.parameters, other.parameters)
        np.testing.assert_array_equal(one.statistics, other.statistics)


def assert_close(one: RunResult, other: RunResult, tolerance: float) -> None:
    """Equal but for rounding: weights and losses within a tolerance."""
    assert (one.outcome, one.best_epoch, one.epochs) == (other.outcome, other.best_epoch, other.epochs)
    np.testing.assert_allclose(plain(one), plain(other), rtol=0, atol=tolerance)
    np.testing.assert_allclose(one.history.train, other.history.train, rtol=0, atol=tolerance)
    np.testing.assert_allclose(one.history.validation, other.history.validation, rtol=0, atol=tolerance)


def company(size: int = 16, *, rows: int = ROWS, beside: type[Regularizer] = BatchNorm) -> Iterator[Run]:
    """Members of other recipes, seeds, learning rates and row sets: folds of other sizes, bootstraps, without watch."""
    generator = np.random.default_rng(7)
    kinds = COMPILED if beside in COMPILED else KINDS
    for place in range(size):
        learn = generator.choice(rows, (40 + 3 * place) * rows // ROWS, replace=place % 2 == 0)
        held_out = sorted(set(range(rows)) - set(learn.tolist()))[: 4 * (place % 5)]
        parts = {kinds[place % len(kinds)], kinds[3 * place % len(kinds)]}
        recipe = Recipe(tuple(kind() for kind in sorted(parts, key=lambda kind: kind.name)))
        yield make_run(recipe, seed=place + 1, train=learn, validation=held_out, learning_rate=0.01 * (place + 1))


@st.composite
def regularizers(draw: st.DrawFn, kind: type[Regularizer]) -> Regularizer:
    """A technique at doses from all over their ranges, ends included where they are allowed."""
    chosen = {}
    for field in fields(kind):
        name, allowed = field.name, field.metadata.get("range")
        if allowed is None:
            chosen[name] = draw(st.booleans())
            continue
        ends = {"exclude_min": "low" in allowed.open, "exclude_max": "high" in allowed.open}
        if allowed.whole:
            chosen[name] = draw(st.integers(math.ceil(allowed.low), int(min(allowed.high, 1e9))))
            continue
        chosen[name] = draw(st.floats(allowed.low, allowed.high, **ends, allow_nan=False))
    return kind(**chosen)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any techniques in any order, at any doses."""
    kinds = draw(st.lists(st.sampled_from(list(families().values())), unique=True))
    return Recipe(tuple(draw(regularizers(kind)) for kind in kinds))
