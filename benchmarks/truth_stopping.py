"""By how much early stopping flatters: what is said of it against what it is, of networks on simulated tables.

    python benchmarks/truth_stopping.py [--repeats 100] [--rows 200,500,1500]

Each repeat draws a law and a table, trains five networks over five folds, each stopped early by the fold that it held
out, and scores them on 20,000 fresh rows. Printed, in percent of the true loss, with 95 % intervals over the repeats:

    naive         bias of the loss on the rows that chose the epoch
    corrected     bias of that and `flattery`: what the loss rises by at the epoch that the other folds choose

A fold's rows may be easy or hard by luck: that of the true probabilities on them is taken off, whose mean is 0.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from goodfit.examples.known_truth import KnownTruth
from goodfit.picking import row_losses
from goodfit.regularizers import Recipe
from goodfit.statistics import mean_interval
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.flattery import flattery
from goodfit.studies.problem import read_problem
from goodfit.training import Settings

FRESH = 20_000
SHAPES = ("linear", "nonlinear")
NAMES = ("naive", "corrected")
RECIPE = Recipe.parse("early_stopping=20")
SETTINGS = (
    Settings(hidden=(64, 64), batch_size=32, max_epochs=60),
    Settings(hidden=(64, 64), batch_size=32, max_epochs=60, schedule="cosine", scaling=6.0),
)


def biases(rows: int, seed: int) -> list[float]:
    """Of both losses, in percent of the true one: means over the five networks."""
    law = KnownTruth(shape=SHAPES[seed % 2], label_noise=0.1 * (seed % 3), seed=seed)
    (X, y), (fresh, codes) = law.draw(rows, 0), law.draw(FRESH, 1)
    problem, test = (read_problem(*drawn, task="multiclass") for drawn in ((X, y), (fresh, codes)))
    plan = Plan(seed=seed, learning_rate=0.003)
    fitted = fit(problem, [RECIPE], plan=plan, settings=SETTINGS[seed // 2 % 2])
    results, model = fitted.best.results, model_of(fitted, fitted.best)
    of_law, of_fresh = (_law_losses(law, *drawn) for drawn in ((X, y), (fresh, codes)))
    told = []
    for place, result in enumerate(results):
        true = row_losses(model.part([place]).predict(test.table), test.target, test.task).mean()
        luck = of_law[result.run.validation].mean() - of_fresh.mean()
        naive = result.history.validation[result.best_epoch - 1] - luck
        told.append([100 * (naive + extra - true) / true for extra in (0.0, flattery(result, results))])
    return np.mean(told, axis=0).tolist()


def _law_losses(law: KnownTruth, X: NDArray[np.float64], y: NDArray[np.generic]) -> NDArray[np.float64]:
    return row_losses(law.probability(X), y.astype(np.int64), "multiclass")


def main() -> None:
    """Print a line for each number of rows."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--repeats", type=int, default=100)
    given.add_argument("--rows", default="200,500,1500")
    asked = given.parse_args()
    print(f"{'rows':>6}" + "".join(f"{name + ', %':>26}" for name in NAMES))
    for rows in map(int, asked.rows.split(",")):
        ends = map(mean_interval, np.transpose([biases(rows, seed) for seed in range(asked.repeats)]))
        shown = "".join(f"{e.value:.1f} ({e.low:.1f} to {e.high:.1f})".rjust(26) for e in ends)
        print(f"{rows:>6}{shown}", flush=True)


if __name__ == "__main__":
    main()
