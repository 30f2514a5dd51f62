"""A search batch on two local Ray nodes of one core each beside one core, and what a group costs beside its training.

Asked for: at most 60 % of the time of one core, and at most 50 ms for a group. Both sides train the same runs to the
same bits; they take turns, and the shortest of each counts. A second batch, that drops none, shows what rungs cost.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core is one thread, here and on the nodes
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import numpy as np
import torch

from goodfit.backends.ray import Ray
from goodfit.regularizers import Recipe
from goodfit.studies.searching.halving import halving
from goodfit.training import Data, Execution, Run, RunResult, Settings, train

ROWS, COLUMNS, FOLDS, TRIALS = 5000, 20, 5, 12
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
MOST_SHARE, MOST_OVERHEAD = 0.60, 0.050

Trained = Callable[[Execution], list[RunResult]]


@dataclass(frozen=True)
class Timed:
    """Seconds of one core and of two nodes, a turn each."""

    here: list[float]
    there: list[float]

    @property
    def share(self) -> float:
        return min(self.there) / min(self.here)


def make_rows(rows: int = ROWS) -> Data:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, rows, COLUMNS, generator=generator)
    targets = (inputs[:, :, :4].sum(2, keepdim=True) + torch.randn(1, rows, 1, generator=generator) > 0).float()
    return Data(inputs, targets, torch.ones(rows), "binary")


def make_runs(rows: int = ROWS) -> list[Run]:
    """Trials as a search has them: doses and rates of their own, over five folds."""
    draw, fold = np.random.default_rng(0), np.arange(rows) % FOLDS
    runs = []
    for _ in range(TRIALS):
        recipe = Recipe.parse(
            f"l2={10 ** draw.uniform(-5, -2):.2g}, dropout={draw.uniform(0, 0.5):.2f}, early_stopping=20"
        )
        rate = float(10 ** draw.uniform(-3.5, -2))
        for k in range(FOLDS):
            train_rows, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            runs.append(Run(recipe, k, train_rows, held, learning_rate=rate))
    return runs


@contextmanager
def two_nodes() -> Iterator[Execution]:
    import ray
    from ray.cluster_utils import Cluster

    os.makedirs(os.path.dirname(ray._private.utils.get_ray_address_file(None)), exist_ok=True)  # Ray expects it there
    folder = tempfile.mkdtemp(prefix="ray-")
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False, "temp_dir": folder})
    try:
        cluster.add_node(**NODE)
        yield Execution(backend=Ray(cluster.address))
    finally:
        ray.shutdown()
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def in_turns(training: Trained, far: Execution, turns: int) -> Timed:
    """Time both sides in turns; the results must be the same."""
    timed = Timed([], [])
    for _ in range(turns):
        near, here = clocked(training, Execution(threads=1))
        there, elsewhere = clocked(training, far)
        timed.here.append(here)
        timed.there.append(elsewhere)
        assert all(np.array_equal(a.parameters, b.parameters) for a, b in zip(near, there, strict=True))
    return timed


def clocked(training: Trained, execution: Execution) -> tuple[list[RunResult], float]:
    started = time.perf_counter()
    results = training(execution)
    return results, time.perf_counter() - started


def overhead(far: Execution, groups: int = 20) -> float:
    """Seconds that a group of next to no training takes, less what it takes here."""
    data, length = make_rows(100), Settings(hidden=(), max_epochs=1)
    one = [Run(Recipe(), 0, np.arange(80), np.arange(80, 100))]
    alone = [clocked(lambda e: train(data, one, length, execution=e), Execution(threads=1))[1] for _ in range(groups)]
    sent = [clocked(lambda e: train(data, one, length, execution=e), far)[1] for _ in range(groups)]
    return statistics.median(sent) - statistics.median(alone)


def overhead_of_many(far: Execution, groups: int = 8) -> float:
    """The same for each of several groups of one training, two of them side by side."""
    data, length = make_rows(100), Settings(hidden=(), max_epochs=1)
    runs = [Run(Recipe(), seed, np.arange(80), np.arange(80, 100)) for seed in range(groups)]
    seconds = [clocked(lambda e: train(data, runs, length, execution=e), far)[1] for _ in range(10)]
    return statistics.median(seconds) / (groups / 2)


def told(label: str, timed: Timed, wanted: float | None = None) -> None:
    limit = "" if wanted is None else f" (asked for: at most {wanted:.0%}: {'yes' if timed.share <= wanted else 'NO'})"
    here, there = (", ".join(f"{value:.2f}" for value in values) for values in (timed.here, timed.there))
    print(f"{label}: one core {here} s; two nodes {there} s; shortest to shortest {timed.share:.0%}{limit}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--rows", type=int, default=ROWS)
    asked = parser.parse_args(arguments)
    data, runs = make_rows(asked.rows), make_runs(asked.rows)
    length = Settings(hidden=(64, 64), batch_size=128, max_epochs=asked.epochs, schedule="cosine")
    trials = np.repeat(np.arange(TRIALS), FOLDS)

    def halved(execution: Execution) -> list[RunResult]:
        return train(data, runs, length, execution=execution, drop=halving(trials, length.max_epochs))

    def whole(execution: Execution) -> list[RunResult]:
        return train(data, runs, length, execution=execution)

    print(f"{TRIALS} trials over {FOLDS} folds of {asked.rows} rows, hidden (64, 64), {length.max_epochs} epochs")
    print(f"load {os.getloadavg()[0]:.2f}")
    with two_nodes() as far:
        short = replace(length, max_epochs=1)
        _, cold = clocked(lambda execution: train(data, runs, short, execution=execution), far)
        print(f"first training on nodes that have just started (processes, imports): {cold:.1f} s")
        told("a batch, worse half dropped twice", in_turns(halved, far, asked.turns), MOST_SHARE)
        told("the same, all to the end", in_turns(whole, far, asked.turns))
        one, many = overhead(far), overhead_of_many(far)
        verdict = "yes" if max(one, many) <= MOST_OVERHEAD else "NO"
        print(
            f"a group beside its training: {1000 * one:.0f} ms alone, {1000 * many:.0f} ms among several "
            f"(asked for: at most {1000 * MOST_OVERHEAD:.0f} ms: {verdict})"
        )


if __name__ == "__main__":
    main()
