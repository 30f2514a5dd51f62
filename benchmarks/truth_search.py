"""What a whole search says of its model's loss against what that is: simulated tables, whose law gives fresh rows.

    python benchmarks/truth_search.py [--repeats 20] [--budget 8] [--rows 200,500,1500] [--regression]

Each repeat draws a law and a table, searches as `fit` does, and scores the model on 20,000 fresh rows. Printed, in
percent of the true loss: the bias of the naive loss (of the rows that the choice was made by) and of the reported one,
with 95 % intervals over the repeats; and how many of the reported intervals hold the truth. A table's rows may be easy
or hard by luck: from both losses that of the truth on the same rows is taken off, less its mean on fresh rows, whose
expectation is 0.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from goodfit.examples.known_truth import KnownTruth
from goodfit.picking import row_losses
from goodfit.statistics import mean_interval
from goodfit.studies.fitting import Plan
from goodfit.studies.problem import read_problem
from goodfit.studies.searching.defaults import default_choices
from goodfit.studies.searching.finding import find
from goodfit.studies.searching.pace import Pace
from goodfit.training import Execution

FRESH = 20_000
SHAPES = ("linear", "nonlinear")


@dataclass(frozen=True)
class Told:
    """Of one search, in percent of the true loss: two biases, and whether the interval holds it."""

    naive: float
    corrected: float
    covered: bool
    trials: int


def judged(rows: int, seed: int, budget: float, *, regression: bool) -> Told:
    """Search, and score what is said."""
    classes, task = (0, "regression") if regression else (2, "multiclass")
    law = KnownTruth(classes=classes, shape=SHAPES[seed % 2], label_noise=0.1 * (seed % 3), seed=seed)
    X, y = law.draw(rows, 0)
    problem = read_problem(X, y, task=task).merged()
    found = find(problem, default_choices(problem), plan=Plan(seed=seed), pace=Pace(budget), execution=Execution())
    fresh, codes = law.draw(FRESH, 1)
    test = read_problem(fresh, codes, task=task)
    predicted = found.chosen.model.predict(test.table)
    true = float(row_losses(predicted, test.target, test.task).mean())
    luck = _law_loss(law, X, y) - _law_loss(law, fresh, codes)
    told = found.chosen.corrected
    biases = (100 * (value - luck - true) / true for value in (told.naive, told.estimate.value))
    return Told(*biases, covered=told.estimate.low <= true <= told.estimate.high, trials=len(found.trials))


def _law_loss(law: KnownTruth, X: np.ndarray, y: np.ndarray) -> float:
    if not law.classes:
        return float(row_losses(law.mean(X)[:, None], y, "regression").mean())
    return float(row_losses(law.probability(X), y.astype(np.int64), "multiclass").mean())


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--repeats", type=int, default=20)
    given.add_argument("--budget", type=float, default=8.0)
    given.add_argument("--rows", default="200,500,1500")
    given.add_argument(
        "--regression", action="store_true", help="numbers and squared errors, not classes and log losses"
    )
    asked = given.parse_args()
    print(f"{'rows':>6}{'trials':>8}{'naive, %':>26}{'reported, %':>26}{'holds the truth':>17}")
    for rows in map(int, asked.rows.split(",")):
        told = [judged(rows, seed, asked.budget, regression=asked.regression) for seed in range(asked.repeats)]
        ends = [mean_interval([getattr(each, name) for each in told]) for name in ("naive", "corrected")]
        shown = "".join(f"{e.value:>12.1f} ({e.low:.1f} to {e.high:.1f})".rjust(26) for e in ends)
        trials, held = np.mean([each.trials for each in told]), sum(each.covered for each in told)
        print(f"{rows:>6}{trials:>8.0f}{shown}{held:>10} of {len(told)}", flush=True)


if __name__ == "__main__":
    main()
