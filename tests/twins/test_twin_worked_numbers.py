"""The worked numbers of the facts that the library stands on: one step of L2, dropout, one batch of batch norm."""

import numpy as np
import pytest
import torch

from goodfit.networks import Layout, views
from goodfit.regularizers import L2, BatchNorm, Dropout, EarlyStopping, Recipe, WeightDecay, stack
from goodfit.regularizers.dropout import drop_units
from goodfit.rng import Purpose, Streams
from goodfit.training import Data, Run, Settings
from goodfit.training.block import build_block, initial_state
from goodfit.training.engine import choose_engine
from goodfit.training.normalization import layer_statistics, normalizer, training_norm
from goodfit.training.rows import rows_of

BOTH_ENGINES = True


def one_step(recipe, engine, *, optimizer="sgd"):
    """The weight after a step from 5 with dL/dw = 0.3 at rate 0.1: the loss is (w x - y)^2, x = 1, y = 4.85."""
    data = Data(torch.ones(1, 1, 1), torch.full((1, 1, 1), 4.85), torch.ones(1), "regression")
    run = Run(Recipe.of(recipe), 0, np.zeros(1, np.int64), np.zeros(0, np.int64), learning_rate=0.1)
    settings = Settings(hidden=(), optimizer=optimizer, momentum=0.0)
    layout = Layout((1, 1))
    state = initial_state(data, [run], settings, layout)
    block = build_block(data, [run], [0], settings=settings, layout=layout, state=state, rows=rows_of(data, [run]))
    block.state.parameters.copy_(torch.tensor([[5.0, 0.0]]))
    choose_engine(engine, data, settings, block.regularizers).train_epoch(block, 0)
    return block.state.parameters[0, 0].item()


@pytest.mark.parametrize(("recipe", "after"), [(None, 4.97), (L2(0.01), 4.96), (WeightDecay(0.02), 4.96)])
def test_a_step_of_sgd_with_l2(recipe, after, engine):
    """5 - 0.1 (0.3 + 2 · 0.01 · 5) = 5 (1 - 2 · 0.1 · 0.01) - 0.1 · 0.3 = 4.96."""
    assert one_step(recipe, engine) == pytest.approx(after, abs=1e-5)


def test_under_adam_l2_is_no_decay(engine):
    """Adam's first step is the learning rate long, whatever the gradient; decay comes on top of it."""
    assert one_step(None, engine, optimizer="adam") == pytest.approx(4.9, abs=1e-5)
    assert one_step(L2(0.01), engine, optimizer="adam") == pytest.approx(4.9, abs=1e-5)
    assert one_step(WeightDecay(0.02), engine, optimizer="adam") == pytest.approx(4.9 - 5 * 0.1 * 0.02, abs=1e-5)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.3, 0.5])
def test_dropout_keeps_the_expectation(p):
    activation = torch.full((1, 200_000), 3.0)
    dropped = drop_units(activation, p, Streams.of([0]).at(Purpose.DROPOUT))
    assert dropped.unique().tolist() == [0.0, pytest.approx(3.0 / (1.0 - p))]
    assert dropped.mean().item() == pytest.approx(3.0, abs=4 * 3.0 * (p / (1 - p) / 200_000) ** 0.5)


def test_the_usual_doses():
    assert 0.3 <= Dropout().p <= 0.5
    assert Dropout().input == 0.0
    assert 5 <= EarlyStopping().patience <= 20


def test_a_batch_of_batch_norm():
    """10, 20, 30, 40, 50: mean 30, biased deviation 14.142; with γ = 2 and β = 1."""
    layout = Layout((1, 1, 1), batch_norm=True)
    parameters = views(torch.tensor([[1.0, 1.0, 0.0, 0.0, 2.0, 1.0]]), layout)
    statistics = torch.tensor([[0.0, 1.0]])
    hook = training_norm(
        normalizer(stack([Recipe((BatchNorm(),))])), parameters, layer_statistics(statistics, layout), None
    )
    batch = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0]).view(1, 5, 1)
    y = hook(batch, 0).flatten()
    assert [round(v, 3) for v in ((y - 1.0) / 2.0).tolist()] == [-1.414, -0.707, 0.0, 0.707, 1.414]
    assert [round(v, 3) for v in y.tolist()] == [-1.828, -0.414, 1.0, 2.414, 3.828]
    mean, unbiased = statistics[0].tolist()
    assert mean == pytest.approx(0.1 * 30.0)
    assert unbiased == pytest.approx(0.9 + 0.1 * 250.0)
    assert round((200.0) ** 0.5, 3) == 14.142
