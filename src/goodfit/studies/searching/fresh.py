"""Why a model's loss on fresh rows is another than that of its networks on rows that they held out.

    stopped     epochs were chosen on the rows held out: there the loss is lower
    averaged    a row held out has one network of a trial, a fresh one those of all folds: there the loss is lower

That trials were chosen on these rows, too, is `blending.corrected`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from goodfit.blend import Blend
from goodfit.blending import mixed
from goodfit.data.table import Table
from goodfit.metrics import Task
from goodfit.model import Model
from goodfit.studies.flattery import flattery
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.searching.batch import Trial
from goodfit.tempering import SMALLEST, tempered

ASKED = 500
"""Rows that all networks are asked about at most."""


def stopped(trials: Sequence[Trial], weights: Floats) -> tuple[float, float]:
    """By how much the held-out losses of usable trials are too low for their epochs' having been chosen on these rows.

    A mean over all trials that the choice was among, not over those picked: what of a pick's flattery made it be picked
    is corrected with the choice.

    Args:
        trials: one or more.
        weights: `(n,)` of the problem's rows.

    Returns:
        The mean, and its standard error, from how much folds differ.
    """
    by_fold = np.mean([_stopped(trial) for trial in trials], axis=0)
    held = np.array([weights[result.run.validation].sum() for result in trials[0].results])
    share, folds = held / held.sum(), len(held)
    mean = float(share @ by_fold)
    error = math.sqrt(np.square(share * (by_fold - mean)).sum() * folds / max(folds - 1, 1))
    return mean, error


def _stopped(trial: Trial) -> list[float]:
    """What early stopping flatters each network of a trial."""
    assert trial.model is not None
    scales = [trial.model.scales[view].scale if trial.model.scales else 1.0 for view in trial.model.members]
    return [flattery(result, trial.results, scale) for result, scale in zip(trial.results, scales, strict=True)]


def averaged(model: Blend, trials: Sequence[Trial], problem: Problem, seed: int) -> float:
    """By how much the loss of a model on fresh rows is lower for averaging the networks of several folds.

    0 for rows with times, whose folds learn from more and more rows: their networks aren't alike.

    Args:
        model: the blend.
        trials: that it is made of, in its order, all networks of each.
        problem: all rows.
        seed: of the rows that are looked at.
    """
    if problem.times is not None:
        return 0.0
    rows = np.random.default_rng([seed, 2]).permutation(problem.rows)[:ASKED]
    table, results = problem.table.take(rows), trials[0].results
    each = mixed([_each(trial.model, table) for trial in trials if trial.model], model.counts)
    if problem.task != "regression":
        each = tempered(each.reshape(-1, each.shape[2]), model.temperature).reshape(each.shape)
    knows = np.array([np.isin(rows, result.run.train) for result in results])
    networks = len(model.models[0].members)
    return gain_of(each, knows, problem.weights[rows], task=problem.task, networks=networks)


def gain_of(predictions: Floats, knows: Floats, weights: Floats, *, task: Task, networks: int) -> float:
    """By how much the loss of a mean of so many networks is below the mean loss of one, on fresh rows.

    Squared errors differ by the variance of the predictions, whatever the target is, and log losses, if the mean is
    calibrated, by its mean divergence from them. That takes no target, so it is measured on rows that several networks
    learned from: what they all know of a row doesn't set them apart. Of m networks it is 1 - 1/m of that of many.

    Args:
        predictions: `(K, r, C)` of K networks that are alike, for r rows.
        knows: `(K, r)` whether a network learned from a row.
        weights: `(r,)` of the rows.
        task: "regression" for squared errors, else log losses.
        networks: that are averaged, 1 or more.

    Source: Krogh and Vedelsby, Neural network ensembles, cross validation, and active learning, NeurIPS 7 (1994).
    """
    many = knows.sum(0)
    told = (many > 1) & (weights > 0)
    if not told.any():
        return 0.0
    each, many = predictions[:, told], many[told]
    share = (knows[:, told] / many)[..., None]
    mean = (share * each).sum(0)
    if task == "regression":
        apart = (share * (each - mean) ** 2).sum((0, 2))
    else:
        logs = np.log(np.maximum(np.stack([*each, mean]), SMALLEST))
        apart = (mean * (logs[-1] - (share * logs[:-1]).sum(0))).sum(1)
    return float(np.average(apart / (1 - 1 / many), weights=weights[told])) * (1 - 1 / networks)


def _each(model: Model, table: Table) -> Floats:
    """Predictions `(K, r, C)` of each network of a model."""
    return np.concatenate([model.part([place]).predict(table)[None] for place in range(len(model.members))])
