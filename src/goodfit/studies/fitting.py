"""Fit: train each candidate recipe over folds, choose by held-out loss, and keep the chosen one's networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from goodfit.data.ordering import time_splits
from goodfit.data.schema import Schema
from goodfit.data.splits import folds
from goodfit.decision import Decision
from goodfit.errors import InputError
from goodfit.model import Model
from goodfit.networks import views
from goodfit.regularizers import Recipe
from goodfit.rng import derive
from goodfit.studies.predicting import Each, held_out_predictions
from goodfit.studies.preparing import Prepared, prepare
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.rating import check_costs, check_metric, decides, decision_of, rated
from goodfit.training import Checkpoint, Execution, Progress, Run, RunResult, Settings, train

MOST_BYTES_OF_VIEWS = 1_000_000_000
MOST_ROWS_OF_FOLDS = 50_000


@dataclass(frozen=True)
class Plan:
    """How a problem is cut into runs.

    Args:
        members: networks a recipe, 1 or more; each has a seed of its own and holds out another fold.
        validation: share of the rows that a network holds out, in [0, 0.5]; 0 holds out none. Of rows with times
            several networks share their later half, whatever the share, and one holds out so many of the latest.
        learning_rate: of all runs, above 0.
        seed: of everything random.
        standardize: whether inputs and the target of regression are standardized.
        metric: what a recipe is chosen by, a key of `goodfit.metrics`; None is the held-out loss.
        use: the place of the recipe to use, whatever the others score; None to choose.
        pieces: inputs at most that the piecewise-linear encoding of a number adds to it; 0 for none.
        cut: whether standardized numbers end at 3 deviations.
        costs: of a false alarm and of a miss, above 0, by which the rarer of two classes gets a threshold; None for the
            likelier class, but with the metric balanced accuracy for the threshold that serves it.
    """

    members: int = 5
    validation: float = 0.2
    learning_rate: float = 1e-3
    seed: int = 0
    standardize: bool = True
    metric: str | None = None
    use: int | None = None
    pieces: int = 0
    cut: bool = False
    costs: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe's networks.

    Args:
        recipe: the recipe.
        results: one a network.
        losses: `(M,)` held-out loss of each network as it is handed out; nan without rows held out or if it failed.
        score: what it was chosen by, higher is better; nan without rows held out, or if a network failed.
    """

    recipe: Recipe
    results: tuple[RunResult, ...]
    losses: Floats
    score: float


@dataclass(frozen=True, eq=False)
class Fit:
    """What came of a fit.

    Args:
        prepared: the problem, merged, and its views.
        candidates: in the order given.
        chosen: which of them is best.
        settings: what all runs shared.
        plan: how the problem was cut into runs.
    """

    prepared: Prepared
    candidates: tuple[Candidate, ...]
    chosen: int
    settings: Settings
    plan: Plan
    _held_out: dict[int, tuple[Ints, Floats]] = field(default_factory=dict, init=False, repr=False)

    @property
    def best(self) -> Candidate:
        """The chosen candidate."""
        return self.candidates[self.chosen]

    def held_out(self, place: int, each: Each | None = None) -> tuple[Ints, Floats]:
        """`held_out_predictions` of a candidate, worked out once if nobody is to be told of each network's."""
        if each or place not in self._held_out:
            self._held_out[place] = held_out_predictions(self.prepared, self.candidates[place].results, each=each)
        return self._held_out[place]


def fit(
    problem: Problem,
    recipes: Sequence[Recipe],
    *,
    plan: Plan,
    settings: Settings,
    execution: Execution | None = None,
    on_epoch: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
    prepared: Prepared | None = None,
) -> Fit:
    """Train the recipes' networks in one population and choose the best recipe.

    Args:
        problem: what to learn; equal rows are merged.
        recipes: the candidates, one or more.
        plan: networks a recipe, and how rows are held out.
        settings: what all runs share.
        execution: device, threads, deadline.
        on_epoch: called after each epoch.
        checkpoint: where to keep the training's state.
        prepared: the problem's encodings as this plan has them, if they are there already: taken where their splits
            begin with this plan's.

    Raises:
        InputError: several recipes and no rows to choose by; fewer than 2 different rows; an unknown metric; costs
            that no threshold can be chosen by.
    """
    if len(recipes) > 1 and plan.use is None and not plan.validation:
        raise InputError("validation=0 holds out no rows to choose a recipe by; give a recipe, or validation=0.2")
    check_metric(plan.metric, problem)
    problem = problem.merged()
    if problem.rows < 2:
        raise InputError("one sample, or all rows are the same: give at least 2 different rows")
    splits = splits_of(problem, plan)
    check_costs(plan.costs, problem, [held for _, held in splits])
    trains = [kept for kept, _ in splits]
    if prepared is None or not _begins(prepared.trains, trains):
        schema = Schema.of(problem.table, plan.pieces, cut=plan.cut)
        prepared = prepare(
            problem,
            trains,
            recipes,
            standardize=plan.standardize,
            schema=schema,
            seed=plan.seed,
            threads=execution.threads if execution else None,
        )
    runs = [_run(prepared, recipe, member, splits, plan) for recipe in recipes for member in range(plan.members)]
    results = train(prepared.data, runs, settings, execution=execution, on_epoch=on_epoch, checkpoint=checkpoint)
    candidates = tuple(
        _candidate(recipe, results[i * plan.members : (i + 1) * plan.members], prepared, plan.metric)
        for i, recipe in enumerate(recipes)
    )
    chosen = _choose(candidates) if plan.use is None else plan.use
    return Fit(prepared, candidates, chosen, settings, plan)


def model_of(fitted: Fit, candidate: Candidate) -> Model:
    """The candidate's networks as one model; those that diverged or were lost are left out.

    Raises:
        InputError: none is left.
    """
    kept = [result for result in candidate.results if not result.failed]
    if not kept:
        lost = any(result.outcome == "lost" for result in candidate.results)
        why = "was lost or diverged; train them again" if lost else "diverged; lower the learning_rate"
        raise InputError(f"every network of recipe '{candidate.recipe}' {why}")
    return replace(model_from(fitted.prepared, kept), decision=_decision(fitted, kept))


def model_from(prepared: Prepared, kept: Sequence[RunResult]) -> Model:
    """Networks of one recipe, none of which failed, as a model."""
    problem = prepared.problem
    views = sorted({result.run.view for result in kept})
    return Model(
        task=problem.task,
        target=problem.name,
        columns=problem.table.names,
        classes=problem.classes,
        recipe=kept[0].run.recipe,
        layout=kept[0].layout,
        encoders=tuple(prepared.encoders[view] for view in views),
        scales=tuple(prepared.scales[view] for view in views if prepared.scales),
        members=tuple(views.index(result.run.view) for result in kept),
        parameters=np.stack([result.parameters for result in kept]),
        statistics=np.stack([result.statistics for result in kept]),
    )


def as_resampled(result: RunResult) -> RunResult:
    """The network as its synthetic rows made it: with the outputs that it had before they were shifted back."""
    if result.run.shift is None:
        return result
    parameters = result.parameters.copy()
    last = views(torch.from_numpy(parameters[None]), result.layout).biases[-1]
    last.sub_(torch.from_numpy(result.run.shift))
    return replace(result, parameters=parameters)


def splits_of(problem: Problem, plan: Plan) -> list[tuple[Ints, Ints]]:
    """Training and held-out rows a view: folds, those of rows with times in order, or a single split of many rows."""
    inputs = len(Schema.of(problem.table).input_names)
    everything = np.arange(problem.rows)
    if not plan.validation:
        return [(everything, everything[:0])]
    k = max(2, round(1 / plan.validation))
    k = min(k, problem.rows)
    if problem.groups is not None:
        k = min(k, len(np.unique(problem.groups)))
    many = problem.rows > MOST_ROWS_OF_FOLDS or k * problem.rows * inputs * 4 > MOST_BYTES_OF_VIEWS
    views = 1 if many else min(k, plan.members)
    if problem.times is not None:
        one = [problem.hold_out(everything, plan.validation, plan.seed)]
        return one if views == 1 else time_splits(problem.times, views)
    fold = folds(problem.strata, k, seed=plan.seed, groups=problem.groups)
    return [(everything[fold != view], everything[fold == view]) for view in range(views)]


def _begins(trains: Sequence[Ints], wanted: Sequence[Ints]) -> bool:
    """Whether the first sets of rows are these."""
    return len(trains) >= len(wanted) and all(map(np.array_equal, trains, wanted))


def _decision(fitted: Fit, kept: Sequence[RunResult]) -> Decision | None:
    """What the plan asks for, by predictions for the rows that the networks held out."""
    problem, plan = fitted.prepared.problem, fitted.plan
    if not decides(problem, plan):
        return None
    rows, predicted = held_out_predictions(fitted.prepared, kept)
    return decision_of(problem, predicted, rows, plan)


def _run(prepared: Prepared, recipe: Recipe, member: int, splits: Sequence[tuple[Ints, Ints]], plan: Plan) -> Run:
    place = member % len(splits)
    seed, rate = derive(plan.seed, member), plan.learning_rate
    return prepared.run(recipe, place, splits[place][1], seed=seed, learning_rate=rate)


def _candidate(recipe: Recipe, results: Sequence[RunResult], prepared: Prepared, metric: str | None) -> Candidate:
    losses = np.array([np.nan if r.failed else r.history.validation[r.best_epoch - 1] for r in results])
    score = -float(losses.mean())
    if metric is not None and np.isfinite(score):
        rows, predicted = held_out_predictions(prepared, results)
        score = rated(prepared.problem, predicted, rows, metric)
    return Candidate(recipe, tuple(results), losses, score)


def _choose(candidates: Sequence[Candidate]) -> int:
    """The candidate of the highest score; one with a network that failed (a score of nan) only if all have one."""
    scores: NDArray[np.float64] = np.array([candidate.score for candidate in candidates])
    if np.isnan(scores).all():
        survivors = [sum(not r.failed for r in candidate.results) for candidate in candidates]
        return int(np.argmax(survivors))
    return int(np.nanargmax(scores))
