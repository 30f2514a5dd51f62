"""A cost model from measured speeds: what members x rows x epochs take on a core, and what they cost.

    python benchmarks/scale.py [--price 0.04] [--nodes]

One member of one hidden layer trains on rows of 32 numbers, on one thread, at several widths. Seconds a row are
a + b P with P weights; a and b come from three widths and are tried on two others. With `--price` dollars for a core's
hour the table says what jobs come to; bytes are those of `docs/scale.md`. `--nodes` tries the model on a job that it
wasn't fitted to, several members of two hidden layers, on one core and on two local Ray nodes of one core each.
"""

from __future__ import annotations

import argparse
import os
import time
from itertools import pairwise

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core is one thread, here and on the nodes

import numpy as np
import torch

from goodfit.regularizers import Recipe
from goodfit.training import Data, Execution, Run, Settings, train

ROWS, INPUTS, REPEATS = 100_000, 32, 3
LEARNED, TRIED = (16, 128, 512), (64, 256)
MEMBERS, MEMBER_ROWS, EPOCHS, TRIED_ON_NODES = 24, 20_000, 15, (64, 64)
JOBS = (
    ("the fraud example: 4 recipes, 5 seeds", 20, 8_000, 60, (128, 128)),
    ("a search's batch: 12 trials, 5 folds", 60, 50_000, 40, (128, 128)),
    ("20 million rows, one member", 1, 16_000_000, 20, (64,)),
    ("20 million rows, 10 members", 10, 16_000_000, 20, (128, 128)),
    ("20 billion rows, 10 members", 10, 16_000_000_000, 2, (128, 128)),
)


def weights_of(inputs: int, hidden: tuple[int, ...]) -> int:
    sizes = (inputs, *hidden, 1)
    return sum(a * b for a, b in pairwise(sizes))


def make_rows(rows: int) -> Data:
    random = np.random.default_rng(0)
    x = random.normal(size=(1, rows, INPUTS)).astype(np.float32)
    y = (x[..., :1] + random.normal(size=(1, rows, 1)) > 0).astype(np.float32)
    return Data(torch.from_numpy(x), torch.from_numpy(y), torch.ones(rows), "binary")


def seconds_a_row(width: int) -> float:
    """The least of several epochs, each a training of its own."""
    data = make_rows(ROWS)
    run = Run(Recipe(), 0, np.arange(ROWS), np.arange(10))
    settings = Settings(hidden=(width,), batch_size=256, max_epochs=1 + REPEATS)
    moments: list[float] = []
    train(data, [run], settings, execution=Execution(threads=1), on_epoch=lambda _: moments.append(time.perf_counter()))
    return float(np.diff(moments).min()) / ROWS


def try_on_nodes(model: float) -> None:
    """Seconds of a job beside those of the model, which says so many a row and member."""
    from ray_nodes import two_nodes

    data = make_rows(MEMBER_ROWS)
    runs = [Run(Recipe(), seed, np.arange(MEMBER_ROWS), np.arange(10)) for seed in range(MEMBERS)]
    settings = Settings(hidden=TRIED_ON_NODES, batch_size=256, max_epochs=EPOCHS)

    def seconds(execution: Execution) -> float:
        started = time.perf_counter()
        train(data, runs, settings, execution=execution)
        return time.perf_counter() - started

    with two_nodes() as far:
        seconds(far)  # their processes start
        measured = [(seconds(Execution(threads=1)), seconds(far)) for _ in range(REPEATS)]
    print(f"\n{MEMBERS} members of {TRIED_ON_NODES}, {MEMBER_ROWS:,} rows, {EPOCHS} epochs")
    for name, cores, own in zip(("one core", "two nodes"), (1, 2), np.array(measured).min(0), strict=True):
        said = MEMBERS * MEMBER_ROWS * EPOCHS * model / cores
        print(f"{name:>10}: measured {own:6.2f} s, model {said:6.2f} s, off by {100 * (said / own - 1):+.0f} %")


def told(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--price", type=float, default=0.04, help="Dollars for an hour of a core.")
    parser.add_argument("--nodes", action="store_true", help="Try the model on one core and on two Ray nodes.")
    asked = parser.parse_args()
    measured = {width: seconds_a_row(width) for width in sorted((*LEARNED, *TRIED))}
    weights = np.array([weights_of(INPUTS, (w,)) for w in LEARNED], dtype=np.float64)
    times = np.array([measured[w] for w in LEARNED])
    slope, floor = np.polyfit(weights, times, 1, w=1 / times)
    print(f"seconds a row and member, one thread: {floor * 1e9:.0f} ns + {slope * 1e9:.4f} ns a weight")
    print(f"{'width':>6} {'measured':>10} {'model':>10} {'off by':>8}")
    for width, seconds in measured.items():
        model = floor + slope * weights_of(INPUTS, (width,))
        tried = "" if width in LEARNED else "   not fitted"
        print(
            f"{width:>6} {seconds * 1e9:>7.0f} ns {model * 1e9:>7.0f} ns {100 * (model / seconds - 1):>+7.0f} %{tried}"
        )
    print(f"\n{'job':<42} {'one core':>12} {'64 cores':>12} {'dollars':>10}")
    for name, members, rows, epochs, hidden in JOBS:
        seconds = members * rows * epochs * (floor + slope * weights_of(INPUTS, hidden))
        print(f"{name:<42} {told(seconds):>12} {told(seconds / 64):>12} {seconds / 3600 * asked.price:>10,.2f}")
    if asked.nodes:
        try_on_nodes(floor + slope * weights_of(INPUTS, TRIED_ON_NODES))


if __name__ == "__main__":
    main()
