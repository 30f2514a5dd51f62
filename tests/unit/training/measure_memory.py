"""Trains a population in a process of its own and prints what it took: peak growth, results, and the estimate.

python measure_memory.py ENGINE MEMBERS ROWS WIDTH RECIPE
"""

import json
import resource
import sys

import numpy as np
import torch

from goodfit.regularizers import Recipe
from goodfit.training import Data, Execution, Run, Settings, train
from goodfit.training.loop import _job
from goodfit.training.memory import footprint

INPUTS = 20


def peak() -> int:
    """Bytes at the peak so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def population(rows: int, members: int, recipe: str) -> tuple[Data, list[Run]]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, rows, INPUTS, generator=generator)
    data = Data(inputs, (inputs[..., :1] > 0).float(), torch.ones(rows), "binary")
    everything = np.arange(rows)
    held = rows // 5
    runs = [Run(Recipe.parse(recipe), seed, everything[held:], everything[:held]) for seed in range(members)]
    return data, runs


def main(engine: str, members: str, rows: str, width: str, recipe: str) -> None:
    execution = Execution(engine=engine, threads=2)
    settings = Settings(hidden=(int(width), int(width)), max_epochs=2, batch_size=256)
    small, few = population(600, 4, recipe)
    train(small, few, Settings(hidden=(8, 8), max_epochs=2), execution=execution)
    data, runs = population(int(rows), int(members), recipe)
    job = _job(data, runs, settings, execution)
    before = peak()
    results = train(data, runs, settings, execution=execution)
    taken = peak() - before
    handed_out = sum(result.parameters.nbytes for result in results)
    print(json.dumps({"taken": taken, "handed_out": handed_out, "estimate": footprint(job).of(len(runs))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
