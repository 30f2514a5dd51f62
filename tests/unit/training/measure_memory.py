"""Trains a population in a process of its own and prints what it took: peak growth, results, and the estimate.

python measure_memory.py ENGINE MEMBERS ROWS WIDTH RECIPE
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from goodfit.regularizers import Recipe
from goodfit.training import Data, Execution, Run, Settings, train
from goodfit.training.loop import job_of
from goodfit.training.memory import footprint

INPUTS = 20


def resident(which: str) -> int:
    """Bytes of this process in memory: `VmRSS` now, `VmHWM` at the peak. (getrusage's peak is inherited.)"""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which)]
    return 1024 * int(line.split()[1])


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
    job = job_of(data, runs, settings, execution)
    before = resident("VmRSS")
    results = train(data, runs, settings, execution=execution)
    taken = resident("VmHWM") - before
    handed_out = sum(result.parameters.nbytes for result in results)
    print(json.dumps({"taken": taken, "handed_out": handed_out, "estimate": footprint(job).of(len(runs))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
