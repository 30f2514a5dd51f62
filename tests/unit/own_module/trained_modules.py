"""Small modules of several kinds, really trained on rows whose law is known, and their loaders."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCH = 32


class Transformer(nn.Module):
    """A block with LayerNorm in front of attention and of the two layers behind it."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(4, 16)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True, norm_first=True)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.norm(self.block(self.embed(x))).mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 16, num_layers=2, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Shared(nn.Module):
    """The same layer twice."""

    def __init__(self):
        super().__init__()
        self.first, self.middle, self.head = nn.Linear(10, 16), nn.Linear(16, 16), nn.Linear(16, 2)
        self.again = self.middle

    def forward(self, x):
        hidden = nn.functional.relu(self.first(x))
        return self.head(torch.relu(self.again(torch.relu(self.middle(hidden)))))


def perceptron(outputs=2):
    return nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, outputs))


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(32, 2),
    )


def half_frozen():
    module = nn.Sequential(nn.Linear(10, 32), nn.GELU(), nn.Linear(32, 2))
    module[0].weight.requires_grad_(False)
    return module


KINDS = {
    "perceptron": (perceptron, (10,)),
    "convolutional": (convolutional, (1, 6, 6)),
    "transformer": (Transformer, (5, 4)),
    "recurrent": (Recurrent, (5, 4)),
    "shared": (Shared, (10,)),
    "half frozen": (half_frozen, (10,)),
}


@dataclass
class Trained:
    module: nn.Module
    train: DataLoader
    validation: DataLoader
    optimizer: torch.optim.Optimizer

    @property
    def loaders(self):
        return self.train, self.validation


def rows(shape, count, seed, *, numbers=False, noise=1.0):
    """Inputs of a shape, and classes (or numbers) whose logit is linear in means of the inputs."""
    stream = torch.Generator().manual_seed(seed)
    X = torch.randn(count, *shape, generator=stream)
    flat = X.reshape(count, -1)
    half = flat.shape[1] // 2
    signal = 2.5 * (flat[:, :half].mean(1) - flat[:, half:].mean(1)) * (flat.shape[1] / 4) ** 0.5
    if numbers:
        return X, signal + 0.5 * noise * torch.randn(count, generator=stream)
    return X, (torch.rand(count, generator=stream) < torch.sigmoid(signal / noise)).long()


def loaders(X, y, held=0.4, batch=BATCH, **settings):
    cut = len(X) - int(held * len(X))
    train = DataLoader(TensorDataset(X[:cut], y[:cut]), batch_size=batch, shuffle=True, **settings)
    return train, DataLoader(TensorDataset(X[cut:], y[cut:]), batch_size=64)


def grouped(module, decay=0.01):
    """Two groups: weights that are decayed, all else that isn't."""
    norms = (nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)
    spared = {id(p) for part in module.modules() if isinstance(part, norms) for p in part.parameters()}
    kinds = {True: [], False: []}
    for parameter in module.parameters():
        if parameter.requires_grad:
            kinds[parameter.ndim > 1 and id(parameter) not in spared].append(parameter)
    return [{"params": kinds[True], "weight_decay": decay}, {"params": kinds[False], "weight_decay": 0.0}]


def fit(module, train, *, epochs, loss=nn.functional.cross_entropy, optimizer=None, rate=3e-3):
    torch.manual_seed(epochs)
    optimizer = optimizer or torch.optim.AdamW(grouped(module), lr=rate)
    module.train()
    for _ in range(epochs):
        for X, y in train:
            optimizer.zero_grad()
            loss(module(X), y).backward()
            optimizer.step()
    return optimizer


def trained(kind, seed=0, count=1500, epochs=4):
    """A sound module: enough rows, few epochs, its optimizer's decay where it belongs, in evaluation mode."""
    make, shape = KINDS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = make()
        train, validation = loaders(*rows(shape, count, seed))
        optimizer = fit(module, train, epochs=epochs)
    return Trained(module.eval(), train, validation, optimizer)


@functools.cache
def sound(kind):
    """One of each kind, for tests that leave it as it is."""
    return trained(kind)
