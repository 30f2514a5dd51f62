"""The final model: a blend of trials picked by their out-of-fold predictions, tempered, and its honest loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goodfit import blending
from goodfit.blend import Blend
from goodfit.blending import Corrected
from goodfit.statistics import Estimate
from goodfit.studies.problem import Floats, Ints
from goodfit.studies.searching.batch import Batch, Trial
from goodfit.studies.searching.fresh import averaged, stopped
from goodfit.studies.searching.rooms import Rooms
from goodfit.studies.searching.search import judged
from goodfit.tempering import tempered
from goodfit.training import RunResult

MOST_NETWORKS = 32
"""Of the final model."""
MOST_CANDIDATES = 60
"""Trials that the choice is made among: the best ones."""
SURE = 1.96
"""Standard errors to either end of a 95 % interval."""


@dataclass(frozen=True, eq=False)
class Pick:
    """A trial of the final model, and how often it was picked."""

    trial: Trial
    count: int


@dataclass(frozen=True, eq=False)
class Chosen:
    """The final model, and what is known of it.

    Args:
        model: what predicts.
        picks: the trials that it is made of, the weightiest first.
        rows: `(r,)` the rows that were held out.
        predicted: `(r, C)` what its networks predict for rows that they held out.
        corrected: its held-out loss, and what it is on fresh rows.
    """

    model: Blend
    picks: tuple[Pick, ...]
    rows: Ints
    predicted: Floats
    corrected: Corrected


def choose(rooms: Rooms, batches: Sequence[Batch], networks: int = MOST_NETWORKS) -> Chosen:
    """Pick trials greedily by the held-out loss of their mean, and temper it.

    Args:
        rooms: the problem and its encodings.
        batches: one or more trials in them usable.
        networks: of the model at most, 1 or more; fewer than there are folds take some of the best trial's.
    """
    usable = [trial for batch in batches for trial in batch.trials if trial.usable]
    best = sorted(usable, key=lambda trial: (judged(trial, rooms), trial.number))[:MOST_CANDIDATES]
    problem, seed, most = rooms.problem, rooms.seed, max(1, networks // len(rooms.splits))
    candidates = best[:1] if most == 1 and rooms.metric else best
    every = np.stack([trial.predicted for trial in candidates if trial.predicted is not None]).astype(np.float64)
    rows = np.flatnonzero(np.isfinite(every).all((0, 2)))
    every, target, weights = every[:, rows], problem.target[rows], problem.weights[rows]
    groups = None if problem.groups is None else problem.groups[rows]
    choice = blending.choose(every, target, weights=weights, task=problem.task, most=most, groups=groups, seed=seed)
    order = [place for place in np.argsort(-choice.counts, kind="stable").tolist() if choice.counts[place]]
    picks = tuple(Pick(candidates[place], int(choice.counts[place])) for place in order)
    predicted = blending.mixed(every, choice.counts)
    if problem.task != "regression":
        predicted = tempered(predicted, choice.temperature)
    honest = blending.corrected(every, target, weights=weights, task=problem.task, most=most, groups=groups, seed=seed)
    latest = problem.times is not None
    model = _blend(picks, choice.temperature, networks, latest=latest)
    flattered, error = (share * honest.naive for share in stopped(best, problem.weights))
    rise = flattered - averaged(model, [pick.trial for pick in picks], problem, seed)
    return Chosen(model, picks, rows, predicted, _risen(honest, rise, error))


def _risen(told: Corrected, rise: float, error: float) -> Corrected:
    """With an estimate that is so much higher, but not lower than the naive loss, and less sure by the rise's error."""
    was = told.estimate
    value = max(was.value + rise, told.naive)
    if min(was.value, value) <= 0:
        return told
    reach = math.hypot(math.log(was.high / was.value), SURE * error / value)
    estimate = Estimate(value, value * math.exp(-reach), value * math.exp(reach))
    return Corrected(told.naive, estimate, 1 - told.naive / value)


def _blend(picks: Sequence[Pick], heat: float, networks: int, *, latest: bool) -> Blend:
    own = [(pick, pick.trial.model) for pick in picks]
    models = tuple(model.part(_best(pick.trial.results, networks, latest=latest)) for pick, model in own if model)
    return Blend(models, tuple(pick.count for pick in picks), heat)


def _best(results: Sequence[RunResult], most: int, *, latest: bool) -> list[int]:
    """The places of the networks of the lowest held-out losses, or of the latest folds, in the order of their folds."""
    if latest:
        return list(range(len(results)))[-most:]
    losses = [result.history.validation[result.best_epoch - 1] for result in results]
    return sorted(np.argsort(losses, kind="stable")[:most].tolist())
