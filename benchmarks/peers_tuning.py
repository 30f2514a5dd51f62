"""Boosting tuned within a budget: Optuna's TPE, inner folds with early stopping, then a refit on all training rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers_boosting import Library, Options, Watched
from peers_task import Fitted, Task, predictor
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold

INNER = 5
TRIALS_WORTH = 10
"""Five inner folds where the budget holds at least so many trials of them, else one held-out fifth."""

FIRST = 0.3
"""Share of the budget that the first fit may take."""


@dataclass(frozen=True)
class InnerFit:
    """A fit on an inner fold: held-out loss, trees, those grown to find them, seconds; whether it ended by itself."""

    loss: float
    trees: int
    grown: int
    seconds: float
    ended: bool


@dataclass(frozen=True)
class Trial:
    """Options and their fits on inner folds."""

    options: Options
    parts: list[InnerFit]

    @property
    def loss(self) -> float:
        return float(np.mean([part.loss for part in self.parts]))

    @property
    def trees(self) -> int:
        return max(1, round(np.mean([part.trees for part in self.parts])))

    @property
    def refit(self) -> float:
        """Seconds to set aside for a refit, which has a fourth more rows; half as much again to be safe."""
        return 1.25 * 1.5 * float(np.mean([part.seconds * part.trees / part.grown for part in self.parts]))


def tuned(library: Library, task: Task) -> Fitted:
    best, trials, folds = search(library, task)
    model = library.make(task, {**best.options, "n_estimators": best.trees})
    model.fit(library.inputs(task.train.coded), task.train.target)
    notes = {"trials": trials, "inner_folds": folds, "trees": best.trees}
    return Fitted(predictor(model, task, lambda part: library.inputs(part.coded)), notes)


def search(library: Library, task: Task) -> tuple[Trial, int, int]:
    """The best options, how many trials were made, and on how many inner folds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    best, splits = first(library, task)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=task.seed), pruner=pruner)
    trials = 1
    while time.monotonic() < task.until - best.refit:
        asked = study.ask()
        options, parts = library.suggest(asked), []
        for place, part in enumerate(fits(library, task, options, splits, until=task.until - best.refit)):
            if not part.ended:
                return best, trials, len(splits)
            parts.append(part)
            asked.report(Trial(options, parts).loss, place)
            if asked.should_prune():
                break
        trials += 1
        trial = Trial(options, parts)
        whole = len(parts) == len(splits)
        study.tell(asked, trial.loss if whole else None, None if whole else optuna.trial.TrialState.PRUNED)
        if whole and trial.loss < best.loss:
            best = trial
    return best, trials, len(splits)


def first(library: Library, task: Task) -> tuple[Trial, list[Any]]:
    """The first trial, and the inner folds that the budget allows by its pace."""
    splits = inner_splits(task)
    until = time.monotonic() + FIRST * task.budget
    parts = list(fits(library, task, library.start, splits[:1], until=until))
    if parts[0].seconds * INNER * TRIALS_WORTH > task.budget:
        return Trial(library.start, parts), splits[:1]
    parts += fits(library, task, library.start, splits[1:], until=until)
    return Trial(library.start, parts), splits


def inner_splits(task: Task) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    target = task.train.target
    cut = StratifiedKFold if task.classes and np.bincount(target).min() >= INNER else KFold
    return list(cut(INNER, shuffle=True, random_state=task.seed).split(target, target))


def fits(library: Library, task: Task, options: Options, splits: list[Any], *, until: float) -> Iterator[InnerFit]:
    inputs, target = library.inputs(task.train.coded), task.train.target
    for rows, held_out in splits:
        started = time.monotonic()
        watched = Watched((inputs.iloc[rows], target[rows]), (inputs.iloc[held_out], target[held_out]), until)
        model, trees, grown = library.watched(task, options, watched)
        seconds, ended = time.monotonic() - started, not watched.late
        yield InnerFit(loss_of(model, task, watched), trees, grown, seconds, ended)


def loss_of(model: Any, task: Task, watched: Watched) -> float:
    inputs, target = watched.held_out
    if not task.classes:
        return float(root_mean_squared_error(target, model.predict(inputs)))
    return float(log_loss(target, model.predict_proba(inputs), labels=model.classes_))
