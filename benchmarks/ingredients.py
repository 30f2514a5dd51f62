"""What each ingredient of the network brings on tables: pieces of numbers, their cut, schedule, blend, temperature.

    python benchmarks/ingredients.py [--data FOLDER] [--tables churn,ames] [--folds 5] [--recipes 8]

Each line adds one ingredient to all above it. The same recipes, drawn from the usual space, are trained over five inner
folds; scores are of rows that none of it has seen (log loss, or RMSE). Printed: the score, and by how many percent it
is lower than in the line above (less than 0: worse), with a 95 % interval over the outer folds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from goodfit.blend import Blend
from goodfit.data.splits import folds
from goodfit.picking import row_losses
from goodfit.rng import derive
from goodfit.statistics import mean_interval
from goodfit.studies.fitting import Plan, splits_of
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.searching.asking import Proposer
from goodfit.studies.searching.batch import Batch, train_batch
from goodfit.studies.searching.choices import Choices, Draft, Proposal, Shape
from goodfit.studies.searching.choosing import choose
from goodfit.studies.searching.defaults import default_choices
from goodfit.studies.searching.rooms import Rooms
from goodfit.training import Execution

TABLES = Path(__file__).resolve().parents[2] / "shared" / "data"
NUMBERS = 20
"""A target of more numbers than these is a quantity."""


@dataclass(frozen=True)
class Line:
    """A model: how its networks see numbers, how they are trained, and what is made of them."""

    name: str
    pieces: int = 0
    cuts: tuple[bool, ...] = (False,)
    schedule: str = "constant"
    scaling: float = 0.0
    blend: bool = False
    tempered: bool = False


LINES = (
    Line("the best of the recipes, numbers scaled"),
    Line("+ pieces of numbers (16)", 16),
    Line("+ cosine schedule", 16, schedule="cosine"),
    Line("+ a blend instead of the best", 16, schedule="cosine", blend=True),
    Line("+ numbers cut off in half of the trials", 16, (False, True), "cosine", blend=True),
    Line("+ temperature", 16, (False, True), "cosine", blend=True, tempered=True),
)


def drafts_of(choices: Choices, count: int) -> list[Draft]:
    return [proposal.draft for proposal in Proposer(choices, 0).ask(count)]


def trained(rooms: Rooms, choices: Choices, drafts: Sequence[Draft], line: Line) -> list[Batch]:
    """Half of the drafts with each kind of numbers, or all with the one."""
    found = []
    for place, cut in enumerate(line.cuts):
        shape = Shape(choices.hidden[0], line.pieces, cut, choices.batch_sizes[-1])
        own = [replace(draft, shape=shape) for draft in drafts[place :: len(line.cuts)]]
        proposals = [Proposal(place + len(line.cuts) * i, draft) for i, draft in enumerate(own)]
        usual = shape.settings(choices.base, choices.base.max_epochs)
        settings, run = replace(usual, schedule=line.schedule, scaling=line.scaling), Execution()
        found.append(
            train_batch(rooms.of(shape), rooms.splits, proposals, settings, seed=0, execution=run, halve=False)
        )
    return found


def model_of(rooms: Rooms, batches: Sequence[Batch], line: Line) -> Blend:
    chosen = choose(rooms, batches, 32 if line.blend else len(rooms.splits))
    return chosen.model if line.tempered else replace(chosen.model, temperature=1.0)


def score_of(model: Blend, test: Problem) -> float:
    """Log loss, or RMSE, of rows that the model has not seen."""
    loss = float(row_losses(model.predict(test.table), test.target, test.task).mean())
    return loss**0.5 if test.task == "regression" else loss


def scores(problem: Problem, test: Problem, recipes: int) -> list[float]:
    """Of each line."""
    choices, plan = default_choices(problem), Plan()
    drafts, kept, found = drafts_of(choices, recipes), {}, []
    rooms = Rooms(problem, splits_of(problem, plan), True, 0)
    for line in LINES:
        same = line.pieces, line.cuts, line.schedule, line.scaling
        if same not in kept:
            kept[same] = trained(rooms, choices, drafts, line)
        found.append(score_of(model_of(rooms, kept[same], line), test))
    return found


def parts_of(path: Path, count: int) -> list[tuple[Problem, Problem]]:
    """A table's training and test rows, for each of the outer folds."""
    frame = pl.read_parquet(path)
    target = frame["target"]
    quantity = target.dtype.is_numeric() and target.n_unique() > NUMBERS
    problem = read_problem(frame.drop("target"), target, task="regression" if quantity else None)
    fold = folds(problem.strata, count, seed=derive(0, 1))
    rows = np.arange(problem.rows)
    return [(problem.take(rows[fold != i]).merged(), problem.take(rows[fold == i])) for i in range(count)]


def told(name: str, found: np.ndarray, beside: np.ndarray | None) -> str:
    """A line of the table, from the scores `(folds,)` of it and of the line that it is held against."""
    said = f"{name:<42}{found.mean():>12.4f}"
    if beside is None:
        return said
    gain = mean_interval(100 * (1 - found / beside), test_share=1 / (len(found) - 1))
    return f"{said}{gain.value:>8.1f} %   ({gain.low:.1f} to {gain.high:.1f})"


def tables_asked(about: str | None) -> tuple[list[Path], int, int]:
    """The tables, the outer folds and the recipes that the command names."""
    given = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--data", type=Path, default=TABLES)
    given.add_argument("--tables", default="")
    given.add_argument("--folds", type=int, default=5)
    given.add_argument("--recipes", type=int, default=8)
    asked = given.parse_args()
    names = asked.tables.split(",") if asked.tables else sorted(path.stem for path in asked.data.glob("*.parquet"))
    return [asked.data / f"{name}.parquet" for name in names], asked.folds, asked.recipes


def main() -> None:
    paths, count, recipes = tables_asked(__doc__)
    for path in paths:
        found = np.array([scores(train, test, recipes) for train, test in parts_of(path, count)]).T
        print(f"\n{path.stem}", flush=True)
        for place, line in enumerate(LINES):
            print(told(line.name, found[place], found[place - 1] if place else None), flush=True)


if __name__ == "__main__":
    main()
