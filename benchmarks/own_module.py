"""What `goodfit.torch.Regularized` costs a step of a user's own loop, and what its L1 does beside the usual one.

    python benchmarks/own_module.py [--only overhead,zeros] [--steps 200] [--seeds 5]

Overhead: the same network, data and optimizer with the bare loop and with a recipe, steps of both taken in turns, so
that other programs disturb both alike; the ratio of median step times, with a 95 % interval over blocks of steps.
Threads: as many as torch takes.

Zeros: scikit-learn's make_regression and make_classification with 50 inputs, 8 of them informative, and 2,000 rows to
learn from; Adam with `loss + lambda * abs(w).sum()` beside L1 and group L1 by their proximal steps. For each seed 1,000
rows choose the strength, and 20,000 others say what that network's loss is; beside it how many of the 42 useless inputs
have no weight that is not exactly 0, and how many informative ones.
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
                f"{name:27} {kind.__name__:5} {said:32} bare {bare_ms:8.2f} ms a step, "
                f"regularized x {middle:.3f} ({low:.3f} to {high:.3f})",
                flush=True,
            )


# -- zeros -------------------------------------------------------------------------------------------------------------

INPUTS, INFORMATIVE, ROWS, HELD_OUT, FRESH = 50, 8, 2000, 1000, 20_000
USUAL = "loss + lambda * abs(w).sum()"
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "regression": {
        USUAL: (0.006, 0.008, 0.012, 0.016, 0.02),
        "l1": (0.006, 0.008, 0.012, 0.016, 0.02),
        "group_l1": (0.006, 0.008, 0.012, 0.016),
    },
    "classification": {
        USUAL: (0.0015, 0.002, 0.003, 0.004, 0.006),
        "l1": (0.0015, 0.002, 0.003, 0.004, 0.006),
        "group_l1": (0.004, 0.006, 0.008, 0.012),
    },
}
"""The strengths of each penalty, about the best one."""
FIRST_SEED = 100
"""The usual `half_at` of group L1 was chosen on the problems of lower seeds."""
Part = tuple[Tensor, Tensor]


def problem(kind: str, seed: int) -> tuple[Part, Part, Part]:
    """Training, held-out and fresh rows; targets of a regression have variance 1."""
    sizes = [ROWS, HELD_OUT, FRESH]
    if kind == "regression":
        X, y = make_regression(
            sum(sizes), INPUTS, n_informative=INFORMATIVE, noise=50.0, shuffle=False, random_state=seed
        )
        y = y / y.std()
    else:
        X, y = make_classification(
            sum(sizes), INPUTS, n_informative=INFORMATIVE, n_redundant=0, shuffle=False, random_state=seed
        )
    order = np.random.default_rng(seed).permutation(len(X))
    rows, targets = (torch.tensor(values[order], dtype=torch.float32) for values in (X, y))
    train, held, fresh = zip(rows.split(sizes), targets.split(sizes), strict=True)
    return train, held, fresh


def trained(kind: str, seed: int, penalty: str, strength: float, *, epochs: int = 80) -> tuple[float, ...]:
    """Held-out loss, fresh loss, share of useless inputs without a weight, share of informative ones without.

    The learning rate of Adam follows a cosine, whatever the penalty.
    """
    (rows, targets), *others = problem(kind, seed)
    loss_of = functional.mse_loss if kind == "regression" else functional.binary_cross_entropy_with_logits
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(INPUTS, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    if penalty != USUAL:
        Regularized(net, f"{penalty}={strength}").attach(optimizer)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    weights = [p for p in net.parameters() if p.dim() > 1]
    for _ in range(epochs):
        for part in torch.randperm(ROWS).split(64):
            optimizer.zero_grad()
            loss = loss_of(net(rows[part])[:, 0], targets[part])
            if penalty == USUAL:
                loss = loss + strength * sum(w.abs().sum() for w in weights)
            loss.backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        losses = [loss_of(net(x)[:, 0], y).item() for x, y in others]
    empty = (net[0].weight.detach() == 0).all(0).float()
    return *losses, empty[INFORMATIVE:].mean().item(), empty[:INFORMATIVE].mean().item()


def zeros(kind: str, seeds: int) -> None:
    print(f"\nPenalties under Adam, {kind}, {INPUTS} inputs, {INFORMATIVE} of them informative; means of {seeds} seeds")
    best = {}
    for penalty, grid in GRIDS[kind].items():
        found = np.empty((seeds, len(grid), 4))
        for place, strength in enumerate(grid):
            found[:, place] = [trained(kind, FIRST_SEED + seed, penalty, strength) for seed in range(seeds)]
            print(f"  {penalty:28} lambda {strength:<6} {told(found[:, place])}", flush=True)
        best[penalty] = found[np.arange(seeds), found[:, :, 0].argmin(1)]
    print("Each seed's lambda of the least held-out loss, and that network on fresh rows:")
    for penalty, own in best.items():
        error = own[:, 1:].std(0, ddof=1) / seeds**0.5
        print(f"  {penalty:28} {told(own)} (standard errors {error[0]:.4f}, {error[1]:.1%}, {error[2]:.1%})")
    for penalty in (name for name in best if name != USUAL):
        apart = best[penalty][:, 1] - best[USUAL][:, 1]
        error = apart.std(ddof=1) / seeds**0.5
        print(f"  {penalty}'s fresh loss less the usual one's, paired: {apart.mean():+.4f}, standard error {error:.4f}")


def told(found: np.ndarray) -> str:
    held, fresh, useless, lost = found.mean(0)
    said = f"held-out loss {held:.4f}, fresh {fresh:.4f}"
    return f"{said}, useless inputs wholly 0: {useless:6.1%}, informative ones too: {lost:5.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="overhead,zeros")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if "overhead" in given.only:
        torch.manual_seed(0)
        for rows in (128, 256, 512):
            overhead(f"MLP 3 x 256, batches of {rows}", mlp, torch.randn(rows, 256), 10 * given.steps)
        overhead("ResNet-18, batches of 8", resnet18, torch.randn(8, 3, 32, 32), max(10, given.steps // 10))
    if "zeros" in given.only:
        for kind in ("regression", "classification"):
            zeros(kind, given.seeds)


if __name__ == "__main__":
    main()
