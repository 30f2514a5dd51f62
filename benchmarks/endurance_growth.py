"""Many fits in one process: does it grow in memory, open files or threads? And do threads change what comes of one?"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import json
import os
import subprocess
import sys
import threading
import warnings
from dataclasses import dataclass

import numpy as np
import psutil

import goodfit
from goodfit.regularizers import Recipe
from goodfit.training import Execution, Run, Settings, train
from goodfit.training.runs import Data

EVERY = 5
"""Fits between two measurements."""
WARM_UP = 0.2
"""Share of the fits before which nothing is measured: memory that is taken once is no growth."""
THREADED = "import endurance_growth as g, json, sys; print(json.dumps(g.results_of(sys.argv[1], int(sys.argv[2]))))"


@dataclass(frozen=True)
class Growth:
    """A slope over fits, and its standard error."""

    name: str
    slope: float
    error: float
    first: float
    last: float

    @property
    def grows(self) -> bool:
        """Whether it is more than chance and more than nothing: over all fits a hundredth of where it began."""
        return self.slope > 3 * self.error and self.last > 1.01 * self.first


def growth(fits: int, recipe: str = "l2=0.001, dropout=0.2, early_stopping=3") -> list[Growth]:
    """Fit, predict and throw away, so often."""
    warnings.simplefilter("ignore", goodfit.SlowerTraining)
    process, draw = psutil.Process(), np.random.default_rng(0)
    X = draw.normal(size=(200, 5))
    y = np.where(X[:, 0] + draw.normal(size=200) > 0, "yes", "no")
    seen = []
    for seed in range(fits):
        goodfit.Classifier(recipe, hidden=(16,), members=2, max_epochs=4, random_state=seed).fit(X, y).predict_proba(X)
        if seed % EVERY == EVERY - 1:
            _give_back()
            memory = process.memory_full_info()
            seen.append((memory.uss / 1024, process.num_fds(), process.num_threads(), threading.active_count()))
    kept = np.array(seen)[int(WARM_UP * len(seen)) :]
    names = ("memory of its own, KiB", "open files", "threads", "threads of Python")
    return [_slope(name, values, EVERY) for name, values in zip(names, kept.T, strict=True)]


def _give_back() -> None:
    """What is held by nobody goes, or waste that the next fit would use again would pass for growth."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _slope(name: str, values: np.ndarray, every: int = 1) -> Growth:
    """Least squares; the error takes neighbours as one, for memory moves in steps."""
    blocks = np.array([part.mean() for part in np.array_split(values, min(20, len(values)))])
    places = np.arange(len(blocks)) * every * len(values) / len(blocks)
    design = np.stack([np.ones_like(places), places], 1)
    (level, slope), *_ = np.linalg.lstsq(design, blocks, rcond=None)
    rest = blocks - level - slope * places
    spread = np.sum((places - places.mean()) ** 2)
    error = float(np.sqrt(np.sum(rest**2) / max(len(blocks) - 2, 1) / spread))
    return Growth(name, float(slope), error, float(blocks[0]), float(blocks[-1]))


# -- threads -----------------------------------------------------------------------------------------------------------


def results_of(engine: str, threads: int) -> dict[str, object]:
    """A population's weights as a checksum and as numbers; threads 0 leaves them to OMP_NUM_THREADS."""
    import torch

    warnings.simplefilter("ignore")
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, 400, 8, generator=generator)
    data = Data(inputs, (inputs[..., :1] > 0).float(), torch.ones(400), "binary")
    recipes = ("dropout=0.2", "batch_norm, l2=0.001", "l1=0.001, early_stopping=2", "weight_averaging")
    runs = [Run(Recipe.parse(recipes[i % 4]), i, np.arange(300 - i), np.arange(300, 400)) for i in range(12)]
    execution = Execution(engine=engine, threads=threads or None)  # type: ignore[arg-type]
    results = train(data, runs, Settings(hidden=(16, 16), batch_size=32, max_epochs=6), execution=execution)
    weights = np.stack([result.parameters for result in results])
    return {"sum": hashlib.sha256(weights.tobytes()).hexdigest(), "weights": weights[:, ::7].ravel().tolist()}


def threaded(engine: str, threads: int, omp: int) -> dict[str, object]:
    """The same in a fresh process, with so many threads asked for (0: none asked for) and OMP_NUM_THREADS."""
    command = [sys.executable, "-c", THREADED, engine, str(threads)]
    own = os.environ | {"OMP_NUM_THREADS": str(omp), "PYTHONPATH": os.path.dirname(__file__)}
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


WAYS = ((1, 1), (1, 2), (2, 1), (2, 2), (0, 1), (0, 2))
"""Threads asked for, and OMP_NUM_THREADS."""


def compare_threads(engine: str, ways: tuple[tuple[int, int], ...] = WAYS) -> dict[str, object]:
    """Largest difference of a weight from one thread's, whether all are the same bit for bit, and each way twice."""
    found = {way: [threaded(engine, *way) for _ in range(2)] for way in ways}
    own = np.array(found[ways[0]][0]["weights"])
    return {
        "again": all(first["sum"] == second["sum"] for first, second in found.values()),
        "equal": len({each["sum"] for pair in found.values() for each in pair}) == 1,
        "largest": max(float(np.abs(np.array(each["weights"]) - own).max()) for p in found.values() for each in p),
    }
