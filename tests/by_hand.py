"""A training in a plain loop with `Regularized`: what the callbacks of other libraries are held against."""

import torch
from torch import nn
from torch.nn.functional import mse_loss

from goodfit.torch import Regularized

ROWS, BATCH = 96, 24


def rows():
    made = torch.Generator().manual_seed(0)
    X = torch.randn(ROWS + 32, 10, generator=made)
    return X, (X[:, :2].sum(1) + 0.3 * torch.randn(len(X), generator=made))[:, None]


def batches():
    X, y = rows()
    return [[X[i : i + BATCH], y[i : i + BATCH]] for i in range(0, ROWS, BATCH)]


def mlp(norm=False):
    torch.manual_seed(0)
    middle = [nn.BatchNorm1d(16)] if norm else []
    return nn.Sequential(nn.Linear(10, 16), *middle, nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))


def by_hand(net, recipe, make, epochs, *, insert=False, accumulate=1):
    """Random numbers are seeded anew for each batch, so that nothing else that draws some plays a part."""
    X, y = rows()
    model = Regularized(net, recipe, insert=insert)
    optimizer = model.attach(make(net.parameters()))
    step = 0
    for _ in range(epochs):
        model.train()
        for place, batch in enumerate(batches()):
            torch.manual_seed(step)
            step += 1
            inputs, targets = model.augment(*batch)
            (mse_loss(model(inputs), targets) / accumulate).backward()
            if (place + 1) % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
        with model.evaluation(batches()):
            loss = mse_loss(model(X[ROWS:]), y[ROWS:])
            stop = model.stop(loss)
        if stop:
            break
    model.restore(batches())
    return model


def assert_equal(one, other):
    """Two modules' tensors, bit for bit."""
    assert [*one.state_dict()] == [*other.state_dict()]
    for name, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
