"""What a recipe does around the steps of a user's optimizer: penalties, decay, proximal operators, averages."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet as ElasticNetOfScikit
from sklearn.linear_model import Lasso, Ridge
from torch import nn
from torch.nn.functional import mse_loss

from goodfit.errors import InputError
from goodfit.regularizers import L1, L2, ElasticNet, GroupL1, MaxNorm, Recipe, WeightAveraging, WeightDecay
from goodfit.torch import Regularized, step_size
from goodfit.torch.holding import Holder
from goodfit.training.native import load_library

OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.05),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=True),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.02),
    "amsgrad": lambda groups: torch.optim.Adam(groups, lr=0.02, amsgrad=True),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.02),
    "nadam": lambda groups: torch.optim.NAdam(groups, lr=0.02),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups, lr=0.01),
    "centered": lambda groups: torch.optim.RMSprop(groups, lr=0.01, centered=True, momentum=0.5),
    "adagrad": lambda groups: torch.optim.Adagrad(groups, lr=0.5),
}


def rows(count=80, columns=10, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(count, columns))
    y = X[:, 0] - 2 * X[:, 1] + 0.5 * X[:, 2] + 0.3 * random.normal(size=count)
    return torch.tensor(X, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)


def linear(columns=10):
    torch.manual_seed(0)
    return nn.Linear(columns, 1, dtype=torch.float64)


def trained(module, recipe, make, steps=3000):
    """Full batches, the rate brought to nought at the end."""
    X, y = rows()
    model = Regularized(module, recipe)
    optimizer = model.attach(make(model.parameter_groups()))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        mse_loss(model(X)[:, 0], y).backward()
        optimizer.step()
        schedule.step()
    return module.weight.detach().numpy()[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_l1_reaches_the_lasso_with_the_same_exact_zeros(name):
    X, y = rows()
    lasso = Lasso(alpha=0.2 / 2, tol=1e-12, max_iter=100_000).fit(X, y)
    weights = trained(linear(), L1(0.2), OPTIMIZERS[name])
    np.testing.assert_array_equal(weights == 0, lasso.coef_ == 0)
    assert (weights == 0).sum() >= 5
    np.testing.assert_allclose(weights, lasso.coef_, atol=2e-3)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_elastic_net_reaches_that_of_scikit(name):
    X, y = rows()
    # alpha l1_ratio = lambda rho / 2, alpha (1 - l1_ratio) / 2 = lambda (1 - rho) / 2
    strength, rho = 0.2, 0.6
    l1, l2 = strength * rho / 2, strength * (1 - rho)
    rival = ElasticNetOfScikit(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-12, max_iter=100_000).fit(X, y)
    weights = trained(linear(), ElasticNet(strength, l1_ratio=rho), OPTIMIZERS[name])
    np.testing.assert_array_equal(weights == 0, rival.coef_ == 0)
    np.testing.assert_allclose(weights, rival.coef_, atol=2e-3)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_l2_reaches_ridge_under_any_optimizer(name):
    X, y = rows()
    ridge = Ridge(alpha=80 * 0.1).fit(X, y)
    np.testing.assert_allclose(trained(linear(), L2(0.1), OPTIMIZERS[name]), ridge.coef_, atol=1e-3)


def test_l2_is_bit_for_bit_the_penalty_in_the_loss():
    X, y = rows()
    ours, theirs = linear(), linear()
    model = Regularized(ours, L2(0.1, biases=True))
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.1))
    other = torch.optim.Adam(theirs.parameters(), lr=0.1)
    for _ in range(50):
        optimizer.zero_grad()
        other.zero_grad()
        mse_loss(model(X)[:, 0], y).backward()
        (mse_loss(theirs(X)[:, 0], y) + 0.1 * sum(p.square().sum() for p in theirs.parameters())).backward()
        optimizer.step()
        other.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-10, atol=1e-12)


def test_decay_is_that_of_adamw_and_spares_biases():
    X, y = rows()
    ours, theirs = linear(), linear()
    model = Regularized(ours, WeightDecay(0.3))
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.05))
    groups = [{"params": [theirs.weight], "weight_decay": 0.3}, {"params": [theirs.bias], "weight_decay": 0.0}]
    other = torch.optim.AdamW(groups, lr=0.05)
    for _ in range(50):
        optimizer.zero_grad()
        other.zero_grad()
        mse_loss(model(X)[:, 0], y).backward()
        mse_loss(theirs(X)[:, 0], y).backward()
        optimizer.step()
        other.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-10, atol=1e-12)


LAYERS = {
    "linear": (lambda: nn.Linear(6, 4), (3, 6)),
    "conv": (lambda: nn.Conv2d(2, 5, 3), (3, 2, 8, 8)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 5, 3), (3, 2, 8, 8)),
    "bilinear": (lambda: nn.Bilinear(3, 3, 4), None),
}


@pytest.mark.parametrize("name", LAYERS)
def test_max_norm_bounds_the_weights_into_each_unit(name):
    make, shape = LAYERS[name]
    torch.manual_seed(1)
    layer = make()
    with torch.no_grad():
        layer.weight.mul_(10)
    before = layer.weight.detach().clone()
    model = Regularized(layer, MaxNorm(0.7))
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.0))
    out = layer(torch.randn(2, 3), torch.randn(2, 3)) if shape is None else layer(torch.randn(shape))
    out.sum().backward()
    optimizer.step()
    axis = 1 if name == "transposed" else 0
    norms = layer.weight.detach().movedim(axis, 0).flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, torch.full_like(norms, 0.7))
    direction = before.movedim(axis, 0).flatten(1)
    torch.testing.assert_close(
        layer.weight.detach().movedim(axis, 0).flatten(1), 0.7 * direction / direction.norm(dim=1, keepdim=True)
    )


def test_averaged_weights_are_those_of_torch():
    X, y = rows()
    net = linear()
    model = Regularized(net, WeightAveraging(0.9))
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.1))
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    for _ in range(30):
        optimizer.zero_grad()
        mse_loss(model(X)[:, 0], y).backward()
        optimizer.step()
        average.update_parameters(net)
    last = net.weight.detach().clone()
    with model.evaluation():
        torch.testing.assert_close(net.weight, average.module.weight, rtol=1e-5, atol=1e-6)
    assert torch.equal(net.weight, last)
    assert model.restore().kept == "averaged"
    torch.testing.assert_close(net.weight, average.module.weight, rtol=1e-5, atol=1e-6)


def test_a_neutral_recipe_changes_no_bit():
    X, y = rows()
    ours, theirs = linear(), linear()
    every = Recipe((L1(0.0), L2(0.0), WeightDecay(0.0), MaxNorm(float("inf")), WeightAveraging(0.0)))
    model = Regularized(ours, every)
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.1))
    other = torch.optim.Adam(theirs.parameters(), lr=0.1)
    for _ in range(20):
        for module, its in ((model, optimizer), (theirs, other)):
            its.zero_grad()
            mse_loss(module(X)[:, 0], y).backward()
            its.step()
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


def test_accumulated_gradients_are_regularized_once_a_step():
    X, y = rows()
    ours, theirs = linear(), linear()
    one, other = Regularized(ours, L2(0.1) + L1(0.05)), Regularized(theirs, L2(0.1) + L1(0.05))
    optimizer, whole = (m.attach(torch.optim.Adam(m.parameter_groups(), lr=0.05)) for m in (one, other))
    for _ in range(40):
        optimizer.zero_grad()
        whole.zero_grad()
        for part in range(4):
            (mse_loss(one(X[part::4])[:, 0], y[part::4]) / 4).backward()
        mse_loss(other(X)[:, 0], y).backward()
        optimizer.step()
        whole.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


@pytest.mark.parametrize("fused", [False, True])
def test_scaled_gradients_are_regularized_at_their_own_size_and_not_where_they_overflow(fused):
    X, y = (t.float() for t in rows())
    ours, theirs = nn.Linear(10, 1), nn.Linear(10, 1)
    theirs.load_state_dict(ours.state_dict())
    recipe = L2(0.1) + L1(0.05)
    one, other = Regularized(ours, recipe), Regularized(theirs, recipe)
    optimizer, plain = (m.attach(torch.optim.Adam(m.parameter_groups(), lr=0.05, fused=fused)) for m in (one, other))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for step in range(20):
        optimizer.zero_grad()
        loss = mse_loss(one(X)[:, 0], y)
        if step == 10:
            before = ours.weight.detach().clone()
            scaler.scale(loss * float("inf")).backward()
            scaler.step(optimizer)
            scaler.update()
            assert torch.equal(ours.weight, before)
            continue
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        plain.zero_grad()
        mse_loss(other(X)[:, 0], y).backward()
        plain.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-4, atol=1e-5)


def test_an_optimizer_with_a_closure_has_the_penalty_in_its_gradient():
    X, y = rows()
    net = linear()
    model = Regularized(net, L2(0.1))
    optimizer = model.attach(torch.optim.LBFGS(net.parameters(), max_iter=200, line_search_fn="strong_wolfe"))

    def closure():
        optimizer.zero_grad()
        loss = mse_loss(model(X)[:, 0], y)
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(net.weight.detach().numpy()[0], Ridge(alpha=8.0).fit(X, y).coef_, atol=1e-5)


@pytest.mark.parametrize("how", ["positional", "keyword"])
def test_a_closure_of_adam_is_regularized_like_a_step(how):
    X, y = rows()
    ours, theirs = linear(), linear()
    recipe = WeightDecay(0.1) + L1(0.1)
    one, other = Regularized(ours, recipe), Regularized(theirs, recipe)
    optimizer, plain = (m.attach(torch.optim.Adam(m.parameter_groups(), lr=0.05)) for m in (one, other))

    def closure():
        optimizer.zero_grad()
        loss = mse_loss(one(X)[:, 0], y)
        loss.backward()
        return loss

    for _ in range(20):
        optimizer.step(closure) if how == "positional" else optimizer.step(closure=closure)
        plain.zero_grad()
        mse_loss(other(X)[:, 0], y).backward()
        plain.step()
    assert torch.equal(ours.weight, theirs.weight)


def test_shared_weights_are_penalized_once():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    model = Regularized(net, L2(1.0))
    assert model.penalty().item() == pytest.approx(net[0].weight.square().sum().item())
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.1))
    before = net[0].weight.detach().clone()
    (0.0 * net(torch.ones(1, 4)).sum()).backward()
    optimizer.step()
    torch.testing.assert_close(net[0].weight.detach(), before * 0.8)


def test_frozen_parameters_are_left_alone():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    net[0].requires_grad_(False)
    before = net[0].weight.clone()
    model = Regularized(net, L2(1.0) + L1(0.5))
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.1))
    for _ in range(5):
        optimizer.zero_grad()
        net(torch.randn(8, 4)).sum().backward()
        optimizer.step()
    assert torch.equal(net[0].weight, before)


def test_two_optimizers_for_two_halves():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    model = Regularized(net, WeightDecay(1.0))
    first = model.attach(torch.optim.SGD(net[0].parameters(), lr=0.5))
    model.attach(torch.optim.SGD(net[2].parameters(), lr=0.5))
    before = [net[i].weight.detach().clone() for i in (0, 2)]
    (0.0 * net(torch.ones(2, 4)).sum()).backward()
    first.step()
    torch.testing.assert_close(net[0].weight.detach(), before[0] / 2)
    assert torch.equal(net[2].weight, before[1])


def test_an_optimizer_of_another_kind_can_be_made_known():
    class Signs(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(group["lr"] * p.grad.sign())

    model = Regularized(linear(), L1(0.1))
    with pytest.raises(InputError, match=r"that of Signs isn't known: use one of Adagrad, Adam, .*SGD"):
        model.attach(Signs(model.parameter_groups()))
    step_size.register(Signs, lambda optimizer, group, state: group["lr"])
    optimizer = model.attach(Signs(model.parameter_groups()))
    with torch.no_grad():
        model.module.weight.fill_(0.105)
    model.module.weight.grad = torch.ones_like(model.module.weight)
    model.module.bias.grad = torch.ones_like(model.module.bias)
    optimizer.step()
    assert (model.module.weight == 0).all()


def other_parameters():
    return torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("recipe", "make", "message"),
    [
        (L2(0.1), lambda net: torch.optim.AdamW(net.parameters()), "weight_decay=0.01 of its own .* the recipe's l2"),
        (
            WeightDecay(0.1),
            lambda net: torch.optim.SGD(net.parameters(), lr=1, weight_decay=0.1),
            "recipe's weight_decay",
        ),
        (L1(0.1), lambda net: torch.optim.LBFGS(net.parameters()), "that of LBFGS isn't known"),
        (WeightDecay(0.1), lambda net: torch.optim.LBFGS(net.parameters()), "LBFGS's memory"),
        (L2(0.1), lambda net: torch.optim.SGD(net.parameters(), lr=1, maximize=True), "so that l2 would grow"),
        (L2(0.1), lambda net: other_parameters(), "holds none of the module's parameters"),
    ],
)
def test_an_optimizer_that_would_do_harm_is_refused(recipe, make, message):
    net = linear()
    with pytest.raises(InputError, match=message):
        Regularized(net, recipe).attach(make(net))


def test_an_optimizer_is_attached_once():
    model = Regularized(linear(), L2(0.1))
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.1))
    with pytest.raises(InputError, match="attached already"):
        model.attach(optimizer)


def test_an_optimizer_made_before_wrapping_does():
    X, y = rows()
    ours, theirs = linear(), linear()
    optimizer = torch.optim.Adam(ours.parameters(), lr=0.05)
    one, other = Regularized(ours, L1(0.1)), Regularized(theirs, L1(0.1))
    one.attach(optimizer)
    plain = other.attach(torch.optim.Adam(other.parameter_groups(), lr=0.05))
    for _ in range(30):
        for model, its in ((one, optimizer), (other, plain)):
            its.zero_grad()
            mse_loss(model(X)[:, 0], y).backward()
            its.step()
    assert torch.equal(ours.weight, theirs.weight)


def trained_by_both(make, recipe, kind, X, y, monkeypatch):
    """The first weights after 60 steps by the compiled code, and by torch alone."""
    assert load_library() is not None
    found, by_torch, after = [], [], Holder.after
    monkeypatch.setattr(Holder, "after", lambda holder: (by_torch.append(compiled), after(holder)))
    for compiled in (True, False):
        if not compiled:
            for name in ("shrinking", "holding"):
                monkeypatch.setattr(f"goodfit.torch.{name}.load_library", lambda: None)
        torch.manual_seed(0)
        net = make()
        model = Regularized(net, recipe)
        optimizer = model.attach(OPTIMIZERS[kind](model.parameter_groups()))
        for _ in range(60):
            optimizer.zero_grad()
            outputs = net(X).flatten(1)
            mse_loss(outputs.sum(1) / outputs.shape[1] ** 0.5, y).backward()
            optimizer.step()
        found.append(next(net.parameters()).detach())
    assert by_torch == [False] * 60
    return found


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam", "amsgrad", "adamw"])
def test_l1_by_the_compiled_engine_is_that_of_torch(kind, monkeypatch):
    X, y = (t.float() for t in rows())
    found = trained_by_both(lambda: nn.Linear(10, 5), L1(0.1), kind, X, y, monkeypatch)
    assert torch.equal(found[0] == 0, found[1] == 0)
    assert 0.1 < (found[0] == 0).float().mean() < 1
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


GROUPED = {
    "linear": (lambda: nn.Linear(10, 5), (10,)),
    "wide": (lambda: nn.Linear(37, 50), (37,)),
    "convolution": (lambda: nn.Conv2d(3, 4, 3), (3, 5, 5)),
    "transposed": (lambda: nn.ConvTranspose1d(6, 4, 3), (6, 5)),
    "one weight": (lambda: nn.Linear(20, 1), (20,)),
}


@pytest.mark.parametrize(("strength", "half_at"), [(1.0, 0.01), (0.2, math.inf)])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam", "amsgrad"])
@pytest.mark.parametrize("layer", GROUPED)
def test_group_l1_by_the_compiled_engine_is_that_of_torch(layer, kind, strength, half_at, monkeypatch):
    make, shape = GROUPED[layer]
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(200, *shape, generator=generator)
    y = X.flatten(1)[:, :3].sum(1)
    found = trained_by_both(make, GroupL1(strength, half_at=half_at), kind, X, y, monkeypatch)
    assert torch.equal(found[0] == 0, found[1] == 0)
    assert found[0].isfinite().all()
    assert not (found[0] == 0).all()
    assert (found[0] == 0).any() or kind in ("sgd", "momentum")
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
