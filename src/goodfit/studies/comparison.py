"""Compare recipes: the same splits and seeds for each, scores on rows that no run has seen, paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from goodfit.data.ordering import earlier_rows
from goodfit.errors import InputError
from goodfit.metrics import majority_scores, mean_scores, metrics_of
from goodfit.regularizers import Recipe
from goodfit.rng import derive
from goodfit.statistics import Estimate, mean_interval, paired_interval
from goodfit.studies.predicting import predictions
from goodfit.studies.preparing import Prepared, prepare
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.rating import scores_of, threshold_of
from goodfit.training import Checkpoint, Execution, Progress, RunResult, Settings, train

LEAST_KNOWN = 0.6
"""Of rows with times: the share that the earliest repeat knows."""
MOST_SCORED = 1_000_000
"""Training rows of a repeat that scores are taken on: of more it is so many, drawn at random."""


@dataclass(frozen=True)
class Repeats:
    """How often and how the rows are split.

    Args:
        seeds: repeats, 2 or more: each splits the rows anew and starts from other weights. Of rows with times each
            knows those up to a moment drawn for it, by which at least three fifths are known, and splits off the
            latest of them.
        test: share of the rows that scores are taken on, in (0, 1).
        validation: share of the rows that early stopping watches, in (0, 1 - test).
        learning_rate: of all runs.
        seed: of everything random.
    """

    seeds: int = 10
    test: float = 0.2
    validation: float = 0.2
    learning_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of a repeat; `scored` are those of the training rows that scores are taken on."""

    train: Ints
    validation: Ints
    test: Ints
    scored: Ints


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came of a comparison.

    Args:
        prepared: the problem, merged, and a view a repeat.
        recipes: in the order given; the first is the reference.
        results: of each recipe, a run a repeat.
        splits: the rows of each repeat.
        scores: of each recipe, `(S,)` a column: "train_accuracy", "test_accuracy", "gap_accuracy", ...
        baseline: the same for the constant prediction that knows the training rows' target only.
        settings: what all runs shared.
    """

    prepared: Prepared
    recipes: tuple[Recipe, ...]
    results: tuple[tuple[RunResult, ...], ...]
    splits: tuple[Split, ...]
    scores: tuple[dict[str, Floats], ...]
    baseline: dict[str, Floats]
    settings: Settings

    @property
    def test_share(self) -> float:
        """Test rows over the other rows of a repeat: what intervals over overlapping splits are corrected by."""
        split = self.splits[0]
        return len(split.test) / (len(split.train) + len(split.validation))

    def estimate(self, recipe: int, column: str) -> Estimate:
        """The mean of a score over the repeats, with its 95 % interval, cut to the values that the score can take."""
        return self._mean(column, self.scores[recipe][column])

    def constant(self, column: str) -> Estimate:
        """The same for the constant prediction."""
        return self._mean(column, self.baseline[column])

    def difference(self, recipe: int, column: str) -> Estimate:
        """The mean difference of a score from the first recipe's, paired over the repeats, with its 95 % interval."""
        return paired_interval(self.scores[recipe][column], self.scores[0][column], test_share=self.test_share)

    def _mean(self, column: str, values: Floats) -> Estimate:
        estimate = mean_interval(values, test_share=self.test_share)
        part, key = column.split("_", 1)
        if part == "gap":
            return estimate
        metric = next(m for m in metrics_of(self.prepared.problem.task) if m.key == key)
        return Estimate(estimate.value, max(estimate.low, metric.least), min(estimate.high, metric.most))

    def frame(self) -> pl.DataFrame:
        """All scores: a row a recipe and repeat."""
        rows: list[dict[str, Any]] = [
            {"recipe": str(recipe), "repeat": s} | {key: float(values[s]) for key, values in scores.items()}
            for recipe, scores in zip(self.recipes, self.scores, strict=True)
            for s in range(len(self.splits))
        ]
        return pl.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Estimates and differences by recipe and column, for programs."""
        return {
            "rows": [
                {
                    "recipe": str(recipe),
                    "scores": {column: self.estimate(i, column).to_dict() for column in self.scores[i]},
                    "differences": {column: self.difference(i, column).to_dict() for column in self.scores[i]},
                }
                for i, recipe in enumerate(self.recipes)
            ],
            "baseline": {column: self.constant(column).to_dict() for column in self.baseline},
            "repeats": len(self.splits),
        }


def compare(
    problem: Problem,
    recipes: Sequence[Recipe],
    *,
    repeats: Repeats,
    settings: Settings,
    execution: Execution | None = None,
    on_epoch: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Comparison:
    """Train every recipe on every split, in one population, and score them on the test rows of each split.

    Args:
        problem: what to learn; equal rows are merged.
        recipes: one or more; the first is the reference.
        repeats: how often and how the rows are split.
        settings: what all runs share.
        execution: device, threads, deadline.
        on_epoch: called after each epoch.
        checkpoint: where to keep the training's state.

    Raises:
        InputError: no recipe, fewer than 2 seeds, too few rows to split.
    """
    if not recipes:
        raise InputError("no recipe to compare; give at least one, such as 'none'")
    if repeats.seeds < 2:
        raise InputError(f"seeds is {repeats.seeds}; intervals need at least 2, 10 are usual")
    problem = problem.merged()
    splits = tuple(_split(problem, repeats, s) for s in range(repeats.seeds))
    if not all(len(part) for split in splits for part in (split.train, split.validation, split.test)):
        raise InputError(
            f"{problem.rows} different rows are too few to split into training, validation and test rows; give 10 or "
            "more, and 3 or more of each class"
        )
    trains = [split.train for split in splits]
    prepared = prepare(problem, trains, recipes, seed=repeats.seed, threads=execution.threads if execution else None)
    rate = repeats.learning_rate
    runs = [
        prepared.run(recipe, s, split.validation, seed=derive(repeats.seed, s), learning_rate=rate)
        for recipe in recipes
        for s, split in enumerate(splits)
    ]
    results = train(prepared.data, runs, settings, execution=execution, on_epoch=on_epoch, checkpoint=checkpoint)
    by_recipe = tuple(tuple(results[i * len(splits) : (i + 1) * len(splits)]) for i in range(len(recipes)))
    scores = tuple(
        _columns([_run_scores(prepared, r, s) for r, s in zip(own, splits, strict=True)]) for own in by_recipe
    )
    baseline = _columns([_baseline_scores(problem, split) for split in splits])
    return Comparison(prepared, tuple(recipes), by_recipe, splits, scores, baseline, settings)


def _split(problem: Problem, repeats: Repeats, s: int) -> Split:
    known = np.arange(problem.rows)
    if problem.times is not None:
        share = np.random.default_rng(derive(repeats.seed, s, 2)).uniform(LEAST_KNOWN, 1.0)
        known = earlier_rows(problem.times, share)
    rest, test = problem.hold_out(known, repeats.test, derive(repeats.seed, s, 0))
    share = repeats.validation / (1 - repeats.test)
    train, validation = problem.hold_out(rest, share, derive(repeats.seed, s, 1))
    scored = train
    if len(train) > MOST_SCORED:
        scored = np.sort(np.random.default_rng(derive(repeats.seed, s, 3)).choice(train, MOST_SCORED, replace=False))
    return Split(train, validation, test, scored)


def _run_scores(prepared: Prepared, result: RunResult, split: Split) -> dict[str, float]:
    problem = prepared.problem
    keys = [metric.key for metric in metrics_of(problem.task)]
    if result.failed:
        seen = unseen = dict.fromkeys(keys, np.nan)
    else:
        threshold = threshold_of(problem, predictions(prepared, result, split.validation), split.validation)
        seen, unseen = (
            scores_of(problem, predictions(prepared, result, rows), rows, threshold=threshold)
            for rows in (split.scored, split.test)
        )
    return _named(seen, unseen)


def _baseline_scores(problem: Problem, split: Split) -> dict[str, float]:
    target, weights = problem.target[split.train], problem.weights[split.train]
    parts = [problem.bare.take(rows) for rows in (split.scored, split.test)]
    if problem.task == "regression":
        mean = float(np.average(target, weights=weights))
        return _named(*(mean_scores(part.target, mean, weights=part.weights) for part in parts))
    prior = np.bincount(target, weights, minlength=len(problem.classes)) / weights.sum()
    return _named(*(majority_scores(p.target, prior, positive=problem.positive, weights=p.weights) for p in parts))


def _named(seen: dict[str, float], unseen: dict[str, float]) -> dict[str, float]:
    """Columns for training rows, test rows and the gap between them."""
    return (
        {f"train_{key}": value for key, value in seen.items()}
        | {f"test_{key}": value for key, value in unseen.items()}
        | {f"gap_{key}": seen[key] - unseen[key] for key in seen}
    )


def _columns(rows: Sequence[dict[str, float]]) -> dict[str, Floats]:
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}
