"""Verdicts on single curves against the truth: false alarms, turns found, and intervals that hold the true rise.

Curves are drawn whose truth is known: a loss that falls exponentially to a plateau (healthy), or rises in a straight
line after two fifths of the epochs (turned), plus noise of deviation 1. Printed for each kind of noise and length:

    healthy   share of healthy curves whose turn is called beyond noise, in percent: at most 5
    flat      the same for curves that never fall, the hardest of all
    k         share of curves found that rise by k deviations of the noise in all
    holds     share of intervals that hold the true rise, over the turned curves; at least 95
    at rest   the same over the healthy ones
    misses    of the turned curves that rise by 12: median of the epochs between the turn found and the true one

    python benchmarks/truth_logs.py [--curves 400] [--seed 0]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from log_curves import decay, drawn, turned

from goodfit.diagnosis.log.noise import lowest_of, noise_of, rise_of, window_means

Floats = NDArray[np.float64]
LENGTHS = (10, 20, 50, 100, 300)
SIZES = (3.0, 6.0, 12.0, 30.0)
NOISES: dict[str, Callable[[np.random.Generator, int, int], Floats]] = {
    "white": lambda rng, m, n: drawn(rng, m, n, 0.0),
    "AR(1) 0.3": lambda rng, m, n: drawn(rng, m, n, 0.3),
    "AR(1) 0.6": lambda rng, m, n: drawn(rng, m, n, 0.6),
    "AR(1) 0.8": lambda rng, m, n: drawn(rng, m, n, 0.8),
    "AR(1) 0.9": lambda rng, m, n: drawn(rng, m, n, 0.9),
    "Student t, 3": lambda rng, m, n: rng.standard_t(3, (m, n)) / np.sqrt(3),
    "falls to 1/4": lambda rng, m, n: drawn(rng, m, n, 0.3) * np.linspace(2, 0.5, n),
    "grows fourfold": lambda rng, m, n: drawn(rng, m, n, 0.3) * np.linspace(0.5, 2, n),
}


def judged(truth: Floats, noise: Floats) -> tuple[float, float, float]:
    """The shares of curves called beyond noise and of intervals that hold the truth, and how far the turn is missed."""
    found, held, missed = [], [], []
    for curve in truth + noise:
        measured = noise_of(curve)
        rise = rise_of(curve, measured)
        means = window_means(truth, measured.window)
        found.append(rise.low > 0)
        held.append(rise.low <= means[-1] - means.min() <= rise.high)
        missed.append(abs(lowest_of(curve, measured.window) - truth.argmin()))
    return float(np.mean(found)), float(np.mean(held)), float(np.median(missed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    heads = ["healthy", "flat", *(f"{size:g}" for size in SIZES), "holds", "at rest", "misses"]
    print(f"{'noise':<16}{'epochs':>7}" + "".join(f"{head:>9}" for head in heads), flush=True)
    for name, noise in NOISES.items():
        for length in LENGTHS:
            print(f"{name:<16}{length:>7}" + "".join(f"{cell:>9.1f}" for cell in row(noise, length, given)), flush=True)


def row(
    noise: Callable[[np.random.Generator, int, int], Floats], length: int, given: argparse.Namespace
) -> list[float]:
    drawing = noise(np.random.default_rng((given.seed, length)), given.curves, length)
    alarms, rested, _ = judged(decay(length), drawing)
    flat, _, _ = judged(np.zeros(length), drawing)
    turns = [judged(turned(length, size), drawing) for size in SIZES]
    shares = [alarms, flat, *(turn[0] for turn in turns), float(np.mean([turn[1] for turn in turns])), rested]
    return [*(100 * share for share in shares), turns[SIZES.index(12.0)][2]]


if __name__ == "__main__":
    main()
