"""One fit in a process of its own: reads a job from its first argument, prints a record as its last line.

The kernel ends it after three times the budget, whatever its threads do.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers_models import PEERS
from peers_tables import Part, Table, load
from peers_task import THREADS, Task

from goodfit.metrics import classification_scores, regression_scores

PATIENCE = 3
"""Budgets after which a fit is ended."""

DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Job:
    """Which peer learns which rows of which table."""

    table: str
    folds: int
    fold: int
    peer: str
    budget: float

    @property
    def key(self) -> tuple[str, int, int, str, float]:
        return self.table, self.folds, self.fold, self.peer, self.budget


def carry_out(job: Job, folder: Path | None) -> dict[str, Any]:
    peer, table = PEERS[job.peer], load(job.table, folder)
    learned, tested = table.folds(job.folds)[job.fold]
    train, test = table.rows.take(learned), table.rows.take(tested)
    for module in peer.modules:
        importlib.import_module(module)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * job.budget)
    started = time.monotonic()
    fitted = peer.fit(Task(train, table.classes, job.fold, job.budget, started + job.budget))
    trained = time.monotonic()
    predictions = fitted.predict(test)
    ended = time.monotonic()
    return asdict(job) | {
        "kind": table.kind,
        "rows": len(table.rows.target),
        "columns": table.rows.raw.width,
        "scores": scores(table, test, predictions),
        "seconds": round(trained - started, 3),
        "prediction_seconds": round(ended - trained, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "version": version(DISTRIBUTIONS.get(peer.package, peer.package)),
        "notes": fitted.notes,
    }


def scores(table: Table, test: Part, predictions: NDArray[np.float64]) -> dict[str, float | None]:
    """Of the test rows; None where these leave a score undefined."""
    if not np.isfinite(predictions).all():
        raise ValueError("predictions are not finite")
    if table.classes:
        found = classification_scores(test.target, predictions, positive=table.positive)
    else:
        found = regression_scores(test.target, predictions)
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def main() -> None:
    job, folder = json.loads(sys.argv[1])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    print(json.dumps(carry_out(Job(**job), folder and Path(folder))))


if __name__ == "__main__":
    main()
