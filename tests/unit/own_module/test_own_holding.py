"""Weights at 0: which stay there, and which leave."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from goodfit.regularizers import L1, GroupL1
from goodfit.torch import Regularized
from goodfit.torch.holding import Holder
from goodfit.torch.weights import Parameter


def holder_of(start, released):
    return Holder(Parameter("w", nn.Parameter(torch.tensor([start])), True, 0), L1(released))


def stepped(holder, gradients, step=0.5):
    """A holder through gradients, each step moving a weight against its own."""
    for gradient in gradients:
        holder.before()
        holder.values.grad = torch.tensor([gradient])
        with torch.no_grad():
            holder.values.sub_(step * torch.tensor(gradient))
            holder.after()
    return holder.values.item()


def test_gradients_that_only_now_and_then_exceed_lambda_release_nothing():
    assert stepped(holder_of(0.0, 0.1), [0.0, 0.3, -0.3, 0.3, -0.3, 0.25]) == 0


def test_a_mean_above_lambda_releases():
    holder = holder_of(0.0, 0.1)
    assert stepped(holder, [0.0, 0.0]) == 0
    assert stepped(holder, [0.15] * 20) < 0
    assert 0.1 < holder.mean.item() < 0.15


def test_a_weight_that_is_not_0_is_not_held():
    assert stepped(holder_of(1.0, 0.1), [0.05, 0.05]) == pytest.approx(0.95)


def test_the_mean_is_that_of_the_later_half():
    holder = holder_of(0.0, 1e9)
    stepped(holder, [1.0] * 200 + [0.0] * 200)
    assert holder.mean.item() == pytest.approx(0.25, abs=0.01)
    stepped(holder, [0.0] * 400)
    assert holder.mean.item() < 0.07


def test_a_group_leaves_zero_as_a_whole_where_its_mean_gradients_are_above_lambda():
    """Weights `(units, inputs)` as torch has them: an input's is a column."""
    values = nn.Parameter(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    holder = Holder(Parameter("w", values, True, 0), GroupL1(0.1))
    holder.before()
    values.grad = torch.tensor([[0.13, 0.15, 0.01], [0.0, 0.0, 0.01]])
    with torch.no_grad():
        values.sub_(values.grad)
        holder.after()
    # root mean squares 0.092 and 0.106; the third group was not 0 as a whole
    torch.testing.assert_close(values.detach(), torch.tensor([[0.0, -0.15, -0.01], [0.0, 0.0, 0.99]]))


def test_batches_find_the_zeros_of_the_lasso():
    """Batches of 16 of 400 rows: without a memory of the gradients a third of the zeros would be lost at any time."""
    random = np.random.default_rng(0)
    X = torch.tensor(random.normal(size=(400, 30)), dtype=torch.float32)
    y = X[:, :3].sum(1) + torch.tensor(random.normal(size=400), dtype=torch.float32)
    torch.manual_seed(0)
    net = nn.Linear(30, 1)
    model = Regularized(net, "l1=0.3")
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.01))
    zeros = []
    for _ in range(60):
        for rows in torch.randperm(400).split(16):
            optimizer.zero_grad()
            mse_loss(model(X[rows])[:, 0], y[rows]).backward()
            optimizer.step()
        zeros.append((net.weight[0] == 0).numpy())
    assert np.mean(zeros[30:], axis=0)[3:].min() > 0.9
    assert not np.any(zeros[30:], axis=0)[:3].any()


def test_a_fused_optimizer_hands_its_gradient_on_unscaled():
    net = nn.Linear(4, 1)
    model = Regularized(net, "l1=0.01")
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.05, fused=True))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    scaler.scale(net(torch.ones(3, 4)).mean()).backward()
    scaler.step(optimizer)
    torch.testing.assert_close(model.updates.holders["weight/0"].mean, torch.ones(1, 4))
