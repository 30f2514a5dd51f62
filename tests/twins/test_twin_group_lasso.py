"""On a linear network of several outputs group L1 reaches scikit-learn's MultiTaskLasso, with the same empty inputs.

With a finite half_at the penalty is a logarithm, for which there is no solver at hand: there the gradient of the loss
and that of the penalty, by autograd, cancel.
"""

import numpy as np
import pytest
import torch
from sklearn.linear_model import MultiTaskLasso
from torch import nn
from torch.nn.functional import mse_loss

from goodfit.networks import views
from goodfit.regularizers import GroupL1, Recipe
from goodfit.torch import Regularized
from goodfit.training import Data, Execution, Run, Settings, train

ROWS, COLUMNS, INFORMATIVE, OUTPUTS = 120, 12, 4, 3
INF = float("inf")
OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.2),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.8),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.05),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.05),
}


def rows():
    """Inputs of unlike sizes, four of which say something of three outputs."""
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, COLUMNS)) * np.linspace(0.7, 1.5, COLUMNS)
    weights = np.zeros((COLUMNS, OUTPUTS))
    weights[:INFORMATIVE] = random.normal(size=(INFORMATIVE, OUTPUTS))
    return X, X @ weights + 0.5 * random.normal(size=(ROWS, OUTPUTS)) + 0.3


def by_torch(technique, name, steps=700):
    """The weights `(inputs, outputs)` of a module trained in a loop of its own, the rate brought to nought."""
    X, y = (torch.tensor(part) for part in rows())
    torch.manual_seed(0)
    net = nn.Linear(COLUMNS, OUTPUTS, dtype=torch.float64)
    model = Regularized(net, technique)
    optimizer = model.attach(OPTIMIZERS[name](model.parameter_groups()))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        mse_loss(model(X), y).backward()
        optimizer.step()
        schedule.step()
    return net


def by_population(techniques, optimizer):
    """The weights `(inputs, outputs)` of a linear network a technique, all trained at once."""
    X, y = (torch.tensor(part, dtype=torch.float32)[None] for part in rows())
    everything = np.arange(ROWS)
    rate = 0.05 if optimizer == "adam" else 0.1
    runs = [Run(Recipe((part,)), 0, everything, everything[:0], learning_rate=rate) for part in techniques]
    settings = Settings((), optimizer, momentum=0.0, batch_size=ROWS, max_epochs=800, schedule="cosine")
    for result in train(Data(X, y, torch.ones(ROWS), "regression"), runs, settings, execution=Execution(threads=1)):
        yield views(torch.from_numpy(result.parameters)[None], result.layout).weights[0][0].numpy()


def assert_solves(weights, alpha, tolerance):
    """The same weights, and the same inputs without any: some, not all."""
    twin = MultiTaskLasso(alpha=alpha, tol=1e-12, max_iter=100_000).fit(*rows()).coef_.T
    empty = ~twin.any(1)
    assert 3 <= empty.sum() < COLUMNS
    np.testing.assert_array_equal(~weights.any(1), empty)
    np.testing.assert_allclose(weights, twin, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_in_a_loop_of_its_users_own_it_is_the_multi_task_lasso(name):
    """mse_loss averages over outputs, scikit-learn sums and halves."""
    strength = 0.15
    net = by_torch(GroupL1(strength, half_at=INF), name)
    assert_solves(net.weight.detach().numpy().T, strength * OUTPUTS**1.5 / 2, 1e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_in_a_population_it_is_the_multi_task_lasso(optimizer):
    """goodfit's squared error is summed over outputs, scikit-learn's is halved too."""
    strengths = (0.3, 0.6)
    every = by_population([GroupL1(strength, half_at=INF) for strength in strengths], optimizer)
    for strength, weights in zip(strengths, every, strict=True):
        assert_solves(weights, strength * OUTPUTS**0.5 / 2, 1e-3)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_with_a_logarithm_loss_and_penalty_are_in_balance(name):
    strength, half_at = 0.15, 0.2
    net = by_torch(GroupL1(strength, half_at=half_at), name)
    X, y = (torch.tensor(part) for part in rows())
    groups = net.weight.t()
    kept = groups.detach().any(1)
    assert kept.tolist() == [True] * INFORMATIVE + [False] * (COLUMNS - INFORMATIVE)
    (loss,) = torch.autograd.grad(mse_loss(net(X), y), net.weight)
    assert (loss.t()[~kept].norm(dim=1) <= strength * OUTPUTS**0.5).all()
    sizes = groups[kept].square().mean(1).sqrt()
    penalty = strength * OUTPUTS * half_at * (1.0 + sizes / half_at).log().sum()
    (pull,) = torch.autograd.grad(penalty, net.weight)
    torch.testing.assert_close(loss.t()[kept], -pull.t()[kept], rtol=0, atol=2e-3)


def test_a_logarithm_keeps_the_size_of_what_it_keeps():
    X, y = rows()
    fitted = np.linalg.lstsq(np.c_[X, np.ones(ROWS)], y, rcond=None)[0][:INFORMATIVE]
    lasso, logarithm = (
        np.linalg.norm(by_torch(GroupL1(0.15, half_at=h), "adam").weight.detach().numpy().T[:INFORMATIVE] - fitted)
        for h in (INF, 0.02)
    )
    assert logarithm < 0.4 * lasso
