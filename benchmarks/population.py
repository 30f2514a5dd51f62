"""A population of networks against ordinary PyTorch trainings one after another, in the same run.

Both train multilayer perceptrons with dropout and decoupled weight decay on the same 8,000 rows of 30 numbers, in
batches of 256, and measure the validation loss after each epoch. The rival is what users write: a module, a DataLoader,
torch.optim.AdamW. Printed are seconds for all networks, microseconds a step of one network, and the ratio.

    python benchmarks/population.py [--members 32] [--widths 64 128] [--epochs 5] [--repeats 3]
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn

from goodfit.regularizers import Recipe
from goodfit.training import Data, Run, Settings, train

ROWS, INPUTS, BATCH, HELD = 8000, 30, 256, 1600
RECIPE = "dropout=0.2 input=0.1, weight_decay=0.01"


def make_rows(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(ROWS, INPUTS, generator=source)
    noise = 0.5 * torch.randn(ROWS, generator=source)
    return x, (x[:, 0] + x[:, 1] * x[:, 2] + noise > 0).float()


def ordinary(x: torch.Tensor, y: torch.Tensor, width: int, epochs: int) -> float:
    """Train one network as users do; returns its last validation loss."""
    net = nn.Sequential(
        nn.Dropout(0.1),
        nn.Linear(INPUTS, width),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(width, 1),
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01)
    rows = torch.utils.data.TensorDataset(x[HELD:], y[HELD:])
    loader = torch.utils.data.DataLoader(rows, batch_size=BATCH, shuffle=True)
    loss_of = nn.BCEWithLogitsLoss()
    for _ in range(epochs):
        net.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss_of(net(inputs)[:, 0], targets).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            loss = float(loss_of(net(x[:HELD])[:, 0], y[:HELD]))
    return loss


def population(x: torch.Tensor, y: torch.Tensor, width: int, epochs: int, members: int) -> list[float]:
    """Train all networks at once; returns their last validation losses."""
    data = Data(x[None], y[None, :, None], torch.ones(ROWS), "binary")
    everything = torch.arange(ROWS).numpy()
    recipe = Recipe.parse(RECIPE)
    runs = [Run(recipe, seed, everything[HELD:], everything[:HELD]) for seed in range(members)]
    results = train(data, runs, Settings(hidden=(width, width), max_epochs=epochs, batch_size=BATCH))
    return [float(result.history.validation[-1]) for result in results]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=32)
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    x, y = make_rows(0)
    steps = args.epochs * -(-(ROWS - HELD) // BATCH) * args.members
    print(
        f"{args.members} networks, {args.epochs} epochs, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    print(f"{'width':>5} {'one by one':>12} {'at once':>10} {'us a step':>16} {'ratio (each repeat)':>28} {'loss':>14}")
    for width in args.widths:
        ratios, slow, fast = [], [], []
        for _ in range(args.repeats):
            start = time.perf_counter()
            lone = [ordinary(x, y, width, args.epochs) for _ in range(args.members)]
            middle = time.perf_counter()
            together = population(x, y, width, args.epochs, args.members)
            slow.append(middle - start)
            fast.append(time.perf_counter() - middle)
            ratios.append(slow[-1] / fast[-1])
        a, b = statistics.median(slow), statistics.median(fast)
        each = ", ".join(f"{ratio:.1f}" for ratio in ratios)
        losses = f"{statistics.mean(lone):.3f} / {statistics.mean(together):.3f}"
        print(
            f"{width:>5} {a:>10.1f} s {b:>8.1f} s {1e6 * a / steps:>7.0f} / {1e6 * b / steps:>6.0f} "
            f"{f'{a / b:.1f} ({each})':>28} {losses:>14}"
        )


if __name__ == "__main__":
    main()
