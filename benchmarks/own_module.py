"""What `goodfit.torch.Regularized` costs a step of a user's own loop, and what its L1 does beside the usual one.

    python benchmarks/own_module.py [--only overhead,zeros] [--steps 200]

Overhead: the same network, data and optimizer with the bare loop and with a recipe, steps of both taken in turns, so
that other programs disturb both alike; the ratio of median step times, with a 95 % interval over blocks of steps.
Threads: as many as torch takes.

Zeros: scikit-learn's make_regression and make_classification with 50 inputs, 8 of them informative, and 2,000 rows to
learn from; Adam with `loss + lambda * abs(w).sum()` beside L1 by its proximal step at the same strengths: losses on
rows held out, and how many of the 42 useless inputs have no weight that is not exactly 0.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import make_classification, make_regression
from torch import Tensor, nn
from torch.nn import functional

from goodfit.torch import Regularized

RECIPES = {
    "l1": "l1=1e-4",
    "l2": "l2=1e-4",
    "weight_decay": "weight_decay=0.01",
    "l1, early_stopping": "l1=1e-4, early_stopping=10",
    "weight_decay, weight_averaging": "weight_decay=0.01, weight_averaging=0.99",
}


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        beside = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.beside = nn.Identity() if same else beside

    def forward(self, rows: Tensor) -> Tensor:
        return functional.relu(self.body(rows) + self.beside(rows))


def resnet18() -> nn.Module:
    """As many layers and weights (11.2 million) as ResNet-18 has, for pictures of 32 x 32."""
    widths = (64, 64, 128, 256, 512)
    blocks = [
        Block(before if first else width, width, 2 if first and width > 64 else 1)
        for before, width in itertools.pairwise(widths)
        for first in (True, False)
    ]
    stem = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def stepper(net: nn.Module, optimizer: torch.optim.Optimizer, rows: Tensor, targets: Tensor) -> Callable[[], float]:
    def step() -> float:
        started = time.perf_counter()
        optimizer.zero_grad()
        functional.cross_entropy(net(rows), targets).backward()
        optimizer.step()
        return time.perf_counter() - started

    return step


def ratio(times: np.ndarray, blocks: int = 10) -> tuple[float, float, float]:
    """Median of the second column over that of the first, with an interval over blocks of steps."""
    each = [np.median(part[:, 1]) / np.median(part[:, 0]) for part in np.array_split(times, blocks)]
    spread = 2.26 * np.std(each, ddof=1) / np.sqrt(blocks)
    middle = float(np.median(times[:, 1]) / np.median(times[:, 0]))
    return middle, middle - spread, middle + spread


def overhead(name: str, make: Callable[[], nn.Module], rows: Tensor, steps: int) -> None:
    targets = torch.arange(len(rows)) % 10
    for kind in (torch.optim.SGD, torch.optim.Adam):
        for said, recipe in RECIPES.items():
            torch.manual_seed(0)
            bare = make()
            model = Regularized(copy.deepcopy(bare), recipe)
            plain = stepper(bare, kind(bare.parameters(), lr=1e-3), rows, targets)
            ours = stepper(model, model.attach(kind(model.parameter_groups(), lr=1e-3)), rows, targets)
            for _ in range(max(3, steps // 10)):
                plain(), ours()
            times = np.array([[plain(), ours()] for _ in range(steps)])
            middle, low, high = ratio(times)
            bare_ms = 1000 * np.median(times[:, 0])
            print(
                f"{name:14} {kind.__name__:5} {said:32} bare {bare_ms:8.2f} ms a step, "
                f"regularized x {middle:.3f} ({low:.3f} to {high:.3f})",
                flush=True,
            )


# -- zeros -------------------------------------------------------------------------------------------------------------

INPUTS, INFORMATIVE, ROWS = 50, 8, 2000
STRENGTHS = (0.002, 0.004, 0.008, 0.012, 0.016)
Part = tuple[Tensor, Tensor]


def problem(kind: str, seed: int) -> tuple[Part, Part, Part]:
    """Training, held-out and fresh rows; targets of a regression have variance 1."""
    if kind == "regression":
        X, y = make_regression(8000, INPUTS, n_informative=8, noise=50.0, shuffle=False, random_state=seed)
        y = y / y.std()
    else:
        X, y = make_classification(8000, INPUTS, n_informative=8, n_redundant=0, shuffle=False, random_state=seed)
    order = np.random.default_rng(seed).permutation(len(X))
    rows, targets = (torch.tensor(values[order], dtype=torch.float32) for values in (X, y))
    parts = zip(rows.split([ROWS, 1000, 5000]), targets.split([ROWS, 1000, 5000]), strict=True)
    train, held, fresh = parts
    return train, held, fresh


def trained(kind: str, seed: int, strength: float, *, proximal: bool, epochs: int = 80) -> tuple[float, float, Tensor]:
    """Held-out loss, fresh loss, and first layer of a network; a cosine of the learning rate for both."""
    (rows, targets), *others = problem(kind, seed)
    loss_of = functional.mse_loss if kind == "regression" else functional.binary_cross_entropy_with_logits
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(INPUTS, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    if proximal:
        Regularized(net, f"l1={strength}").attach(optimizer)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    weights = [p for p in net.parameters() if p.dim() > 1]
    for _ in range(epochs):
        for part in torch.randperm(ROWS).split(64):
            optimizer.zero_grad()
            loss = loss_of(net(rows[part])[:, 0], targets[part])
            if not proximal:
                loss = loss + strength * sum(w.abs().sum() for w in weights)
            loss.backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        held, fresh = (loss_of(net(x)[:, 0], y).item() for x, y in others)
    return held, fresh, net[0].weight.detach()


def zeros(kind: str, seeds: int = 3) -> None:
    print(f"\nL1 under Adam, {kind}, {INPUTS} inputs, {INFORMATIVE} of them informative; means over {seeds} seeds")
    for strength in STRENGTHS:
        usual, ours = (
            [trained(kind, seed, strength, proximal=proximal) for seed in range(seeds)] for proximal in (False, True)
        )
        print(f"lambda {strength:<6} usual: {told(usual)}   goodfit: {told(ours)}", flush=True)


def told(found: list[tuple[float, float, Tensor]]) -> str:
    losses = [np.mean([each[place] for each in found]) for place in (0, 1)]
    useless = np.mean([(each[2][:, INFORMATIVE:] == 0).all(0).float().mean().item() for each in found])
    kept = np.mean([(each[2][:, :INFORMATIVE] != 0).any(0).float().mean().item() for each in found])
    said = f"held-out loss {losses[0]:.4f}, fresh {losses[1]:.4f}"
    return f"{said}, useless inputs wholly 0: {useless:6.1%}, informative kept: {kept:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="overhead,zeros")
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    if "overhead" in given.only:
        torch.manual_seed(0)
        overhead("MLP 3 x 256", mlp, torch.randn(128, 256), 10 * given.steps)
        overhead("ResNet-18", resnet18, torch.randn(8, 3, 32, 32), max(10, given.steps // 10))
    if "zeros" in given.only:
        for kind in ("regression", "classification"):
            zeros(kind)


if __name__ == "__main__":
    main()
