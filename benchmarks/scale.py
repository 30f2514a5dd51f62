"""A cost model from measured speeds: what members x rows x epochs take on a core, and what they cost.

    python benchmarks/scale.py [--price 0.04]

One member of one hidden layer trains on rows of 32 numbers, on one thread, at several widths. Seconds a row are
a + b P with P weights; a and b come from three widths and are tried on two others. With `--price` dollars for a core's
hour the table says what jobs come to; bytes are those of `docs/scale.md`.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise

import numpy as np
import torch

from goodfit.regularizers import Recipe
from goodfit.training import Data, Execution, Run, Settings, train

ROWS, INPUTS, REPEATS = 100_000, 32, 3
LEARNED, TRIED = (16, 128, 512), (64, 256)
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


def seconds_a_row(width: int) -> float:
    """The least of several epochs, each a training of its own."""
    random = np.random.default_rng(0)
    x = random.normal(size=(1, ROWS, INPUTS)).astype(np.float32)
    y = (x[..., :1] + random.normal(size=(1, ROWS, 1)) > 0).astype(np.float32)
    data = Data(torch.from_numpy(x), torch.from_numpy(y), torch.ones(ROWS), "binary")
    run = Run(Recipe(), 0, np.arange(ROWS), np.arange(10))
    settings = Settings(hidden=(width,), batch_size=256, max_epochs=1 + REPEATS)
    moments: list[float] = []
    train(data, [run], settings, execution=Execution(threads=1), on_epoch=lambda _: moments.append(time.perf_counter()))
    return float(np.diff(moments).min()) / ROWS


def told(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--price", type=float, default=0.04, help="Dollars for an hour of a core.")
    price = parser.parse_args().price
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
        print(f"{name:<42} {told(seconds):>12} {told(seconds / 64):>12} {seconds / 3600 * price:>10,.2f}")


if __name__ == "__main__":
    main()
