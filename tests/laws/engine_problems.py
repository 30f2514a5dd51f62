"""Random problems on which the two engines are compared: of every shape, at doses that don't blow rounding up."""

from dataclasses import fields

import numpy as np
import torch
from hypothesis import strategies as st
from law_problems import COMPILED

from goodfit.regularizers import L1, BatchNorm, ElasticNet, GroupL1, Recipe, Regularizer
from goodfit.training import Data, Run, Settings

SANE = {
    "strength": (0.0, 0.1),
    "l1_ratio": (0.0, 1.0),
    "p": (0.0, 0.9),
    "input": (0.0, 0.9),
    "momentum": (0.05, 1.0),
    "eps": (1e-3, 0.1),
    "radius": (0.3, 4.0),
    "epsilon": (0.0, 0.5),
    "std": (0.0, 0.5),
    "decay": (0.0, 0.99),
    "patience": (1.0, 5.0),
    "min_delta": (1e-4, 0.01),
    "half_at": (0.1, 1.0),
}
"""Ranges of doses by their name, but for the strength of batch norm. The last digit must decide nothing: not whether a
loss is better by 0, nor what a batch's variance of 0 is divided by, nor whether a small group goes or stays."""
OPEN = {"eps", "min_delta", "half_at"}
DIVIDING = {BatchNorm, L1, GroupL1, ElasticNet}
"""Beside Adam, which divides by gradients, these have it divide by what is 0 but for rounding."""


@st.composite
def sane(draw: st.DrawFn, kind: type[Regularizer]) -> Regularizer:
    """A technique at sane doses, often at an end of their range or at the usual one."""
    chosen = {}
    for field in fields(kind):
        name = field.name
        if field.metadata.get("range") is None:
            chosen[name] = draw(st.booleans())
            continue
        low, high = (0.0, 1.0) if (kind, name) == (BatchNorm, "strength") else SANE[name]
        usual = [] if name in OPEN else [low, high, field.default]
        # a dose that float32 has, or it is 0 to one engine and not to who compares
        chosen[name] = draw(st.one_of(st.floats(low, high).map(np.float32).map(float), *map(st.just, usual)))
    return kind(**chosen)


@st.composite
def sane_recipes(draw: st.DrawFn, optimizer: str) -> Recipe:
    kinds = [kind for kind in COMPILED if optimizer == "sgd" or kind not in DIVIDING]
    return Recipe(tuple(draw(sane(kind)) for kind in draw(st.lists(st.sampled_from(kinds), unique=True))))


@st.composite
def tables(draw: st.DrawFn) -> Data:
    """Data of any task, of few rows with weights, 1 to 7 columns, one view or two, one regression target or several."""
    task = draw(st.sampled_from(["binary", "multiclass", "regression"]))
    rows, columns, views = draw(st.integers(20, 40)), draw(st.integers(1, 7)), draw(st.integers(1, 2))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    inputs = torch.randn(views, rows, columns, generator=generator)
    signal = inputs[..., :1] + torch.randn(views, rows, 3, generator=generator)
    targets = {
        "binary": (signal[..., :1] > 0).float(),
        "multiclass": torch.nn.functional.one_hot(signal.argmax(-1), 3).float(),
        "regression": signal[..., : draw(st.integers(1, 3))],
    }
    return Data(inputs, targets[task], torch.rand(rows, generator=generator) + 0.5, task)


@st.composite
def populations(draw: st.DrawFn, optimizer: str) -> tuple[Data, list[Run], Settings]:
    """Data, one to three runs, and settings. Adam gets no first step on all rows: there the bias has no gradient."""
    data, sgd = draw(tables()), optimizer == "sgd"
    batch_size = draw(st.integers(1, 17) if sgd else st.integers(6, 10))
    settings = Settings(
        hidden=draw(st.sampled_from([(), (4,), (8, 6), (5, 7, 3)] if sgd else [(4,), (8, 6), (5, 7, 3)])),
        optimizer=optimizer,  # type: ignore[arg-type]
        momentum=draw(st.sampled_from([0.0, 0.9])),
        batch_size=batch_size,
        max_epochs=draw(st.integers(1, 3)),
        schedule=draw(st.sampled_from(["constant", "cosine"])),
        scaling=draw(st.sampled_from([0.0, 6.0])),
    )
    least = 8 if sgd else 2 * batch_size
    return data, [_run(draw, data, least, optimizer) for _ in range(draw(st.integers(1, 3)))], settings


def _run(draw: st.DrawFn, data: Data, least: int, optimizer: str) -> Run:
    """Rows of any number, with or without repeats."""
    views, rows, _ = data.inputs.shape
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    return Run(
        draw(sane_recipes(optimizer)),
        seed=draw(st.integers(-(2**70), 2**70)),
        train=generator.choice(rows, draw(st.integers(least, rows)), replace=draw(st.booleans())),
        validation=generator.choice(rows, draw(st.integers(0, 8)), replace=False),
        view=draw(st.integers(0, views - 1)),
        learning_rate=draw(st.floats(1e-4, 1e-2)),
    )
