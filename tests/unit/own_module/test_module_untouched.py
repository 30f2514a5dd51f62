"""A diagnosis leaves the module, its loaders and all random streams as they were, bit for bit."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from trained_modules import KINDS, sound

from goodfit import InputError
from goodfit.torch import diagnose


class Counting(nn.Module):
    """Changes a buffer and a parameter, and replaces another buffer, whenever it is called."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(10, 2)
        self.register_buffer("calls", torch.zeros(3))
        self.register_buffer("last", torch.zeros(2))
        self.register_buffer("nothing", None)

    def forward(self, x):
        self.calls += 1
        self.last = x.mean(0)[:2].detach()
        with torch.no_grad():
            self.layer.bias.add_(0.001)
        return self.layer(x)


def mixed(module):
    """Some parts in training mode, some not, with gradients on some parameters and one of them not finite."""
    for place, part in enumerate(module.modules()):
        part.training = place % 2 == 0
    for place, parameter in enumerate(module.parameters()):
        if place % 2 and parameter.requires_grad:
            parameter.grad = torch.full_like(parameter, float(place))
    with torch.no_grad():
        first = next(module.parameters())
        first.reshape(-1)[0], first.reshape(-1)[1] = torch.nan, -0.0
    return module


def bits(tensor):
    return None if tensor is None else tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist()


def state(module):
    return {
        "flags": [(name, part.training) for name, part in module.named_modules()],
        "parameters": [(name, id(p), p.requires_grad, bits(p), bits(p.grad)) for name, p in module.named_parameters()],
        "buffers": [(name, id(b), bits(b)) for part in module.modules() for name, b in part._buffers.items()],
        "hooks": [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()],
        "attributes": [sorted(vars(part)) for part in module.modules()],
    }


def streams():
    return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002


MODULES = {kind: lambda kind=kind: copy.deepcopy(sound(kind).module) for kind in KINDS} | {
    "counting": Counting,
    "instance norm": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 5)), nn.InstanceNorm1d(2, track_running_stats=True), nn.Flatten(), nn.Linear(10, 2)
    ),
    "spectral": lambda: nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(10, 8)), nn.Linear(8, 2)),
    "half precision buffer": lambda: nn.Sequential(
        nn.Linear(10, 4), nn.BatchNorm1d(4, dtype=torch.float64), nn.Linear(4, 2)
    ),
}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "half precision buffer"])
def test_a_module_is_left_as_it_was(name):
    module, found = mixed(MODULES[name]()), sound(name if name in KINDS else "perceptron")
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
    before, dice, steps = state(module), streams(), copy.deepcopy(optimizer.state_dict())
    diagnose(module, *found.loaders, optimizer=optimizer)
    assert state(module) == before
    assert streams() == dice
    assert optimizer.state_dict() == steps


def test_a_module_that_fails_is_left_as_it_was():
    module, found = mixed(MODULES["half precision buffer"]()), sound("perceptron")
    before, dice = state(module), streams()
    with pytest.raises(InputError, match="the module can't take a batch of val_loader"):
        diagnose(module, *found.loaders)
    assert (state(module), streams()) == (before, dice)


class Drawing(TensorDataset):
    """Rows that draw from every stream there is when they are read."""

    def __getitem__(self, index):
        X, y = super().__getitem__(index)
        return X + torch.randn(1) + random.random() + np.random.random(), y  # noqa: NPY002


def test_what_rows_draw_when_they_are_read_is_put_back():
    found = sound("perceptron")
    train = DataLoader(Drawing(*found.train.dataset.tensors), batch_size=100, shuffle=True)
    dice = streams()
    diagnose(found.module, train, found.validation)
    assert streams() == dice


def test_a_loaders_own_generator_goes_on_as_if_nothing_had_been_read():
    found, generator = sound("perceptron"), torch.Generator().manual_seed(3)
    train = DataLoader(found.train.dataset, batch_size=100, shuffle=True, generator=generator)
    before = generator.get_state()
    diagnose(found.module, train, found.validation)
    assert torch.equal(generator.get_state(), before)


def test_a_diagnosis_made_twice_is_the_same_and_a_module_still_trains_afterwards():
    found = sound("convolutional")
    module = copy.deepcopy(found.module)
    train = DataLoader(found.train.dataset, batch_size=100)
    assert str(diagnose(module, train, found.validation)) == str(diagnose(module, train, found.validation))
    X, y = next(iter(train))
    nn.functional.cross_entropy(module.train()(X), y).backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
