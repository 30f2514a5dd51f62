"""Networks trained on samples of a problem's rows, and what each predicts for rows that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from goodfit import picking
from goodfit.data.schema import Schema
from goodfit.data.splits import folds
from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.rng import derive
from goodfit.studies.predicting import predictions
from goodfit.studies.preparing import Prepared, prepare
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.subject import Subject
from goodfit.training import RunResult, train


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows to learn from and rows to hold out, by their numbers in the problem.

    Args:
        train: numbers of training rows; one may stand there more than once.
        held_out: rows that early stopping watches and that losses are taken on; may be empty.
        seed: of the network's initial weights, order of rows and masks.
    """

    train: Ints
    held_out: Ints
    seed: int


@dataclass(frozen=True, eq=False)
class Trained:
    """Networks of several recipes on the same samples.

    Args:
        prepared: the problem, a view a sample.
        recipes: in the order given.
        samples: likewise.
        results: `results[i][s]` is recipe i on sample s.
    """

    prepared: Prepared
    recipes: tuple[Recipe, ...]
    samples: tuple[Sample, ...]
    results: tuple[tuple[RunResult, ...], ...]

    def predicted(self, recipe: int, sample: int, rows: Ints | None = None) -> Floats:
        """What a network predicts, `(r, C)`, for rows, or for those that it held out."""
        chosen = self.samples[sample].held_out if rows is None else rows
        return predictions(self.prepared, self.results[recipe][sample], chosen)


def train_samples(
    problem: Problem,
    subject: Subject,
    recipes: Sequence[Recipe],
    samples: Sequence[Sample],
    schema: Schema | None = None,
) -> Trained:
    """Train every recipe on every sample, in one population; inputs are encoded by each sample's training rows alone.

    Args:
        problem: whose rows the samples mean, as it is: equal rows aren't merged here.
        subject: settings, plan and execution; its recipe is used only where it is among the recipes.
        recipes: one or more.
        samples: one or more.
        schema: the columns' structure, if it is known already.
    """
    plan, trains = subject.plan, [sample.train for sample in samples]
    prepared = prepare(
        problem,
        trains,
        recipes,
        schema=schema,
        standardize=plan.standardize,
        seed=plan.seed,
        threads=subject.execution.threads,
    )
    runs = [
        prepared.run(recipe, place, sample.held_out, seed=sample.seed, learning_rate=plan.learning_rate)
        for recipe in recipes
        for place, sample in enumerate(samples)
    ]
    results = train(prepared.data, runs, subject.settings, execution=subject.execution, on_epoch=subject.on_epoch)
    each = len(samples)
    by_recipe = tuple(tuple(results[i * each : (i + 1) * each]) for i in range(len(recipes)))
    return Trained(prepared, tuple(recipes), tuple(samples), by_recipe)


def repeated_folds(problem: Problem, k: int, repeats: int, *, seed: int, strata: Ints | None = None) -> list[Sample]:
    """A sample for each of k folds of several random partitions: every row is held out once in each repeat.

    Folds are even in the problem's strata, or in those given.

    Raises:
        InputError: the rows have times, of which the earliest can't be held out.
    """
    if problem.times is not None:
        raise InputError(
            "this study holds out every row, and the earliest of rows with times can't be: leave times away"
        )
    every = np.arange(problem.rows)
    even = problem.strata if strata is None else strata
    partitions = [folds(even, k, seed=derive(seed, repeat), groups=problem.groups) for repeat in range(repeats)]
    return [
        Sample(every[fold != part], every[fold == part], derive(seed, repeat, part))
        for repeat, fold in enumerate(partitions)
        for part in range(k)
    ]


def part_of(problem: Problem, sample: Sample, share: float) -> Sample:
    """A sample with part of its training rows: every class keeps its share, and smaller parts lie within larger ones.

    The first row of each class comes first, so that no part is without a class that it could have.
    """
    strata = problem.strata[sample.train]
    shuffled = np.random.default_rng(derive(sample.seed, 0)).permutation(len(strata))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    _, inverse, counts = np.unique(strata[order], return_inverse=True, return_counts=True)
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[inverse]
    key = np.where(rank == 0, 0.0, (rank + 0.5) / counts[inverse])
    kept = order[np.argsort(key, kind="stable")][: max(1, round(share * len(order)))]
    return replace(sample, train=np.sort(sample.train[kept]))


def row_losses(problem: Problem, predicted: Floats, rows: Ints) -> Floats:
    """The loss of each row `(r,)` for predictions `(r, C)`: log loss, or the squared error in the target's own unit."""
    return picking.row_losses(predicted, problem.target[rows], problem.task)
