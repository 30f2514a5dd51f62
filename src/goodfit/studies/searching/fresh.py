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

ASKED, PICTURES = 500, 64
"""Rows that all networks are asked about at most; of pictures fewer, each of which takes them long."""


def stopped(trials: Sequence[Trial], weights: Floats) -> tuple[float, float]:
    """By which share the held-out losses of usable trials are too low for their epochs' having been chosen on these
    rows.

    The mean flattery over the mean loss of all trials that the choice was among, not of those picked: what of a pick's
    flattery made it be picked is corrected with the choice.

    Args:
        trials: one or more.
        weights: `(n,)` of the problem's rows.

    Returns:
        The share, and its standard error, from how much folds differ.
    """
    flatteries, losses = np.mean([_stopped(trial) for trial in trials], axis=0)
    held = np.array([weights[result.run.validation].sum() for result in trials[0].results])
    share, folds = held / held.sum(), len(held)
    mean, loss = float(share @ flatteries), float(share @ losses)
    if loss <= 0:
        return 0.0, 0.0
    error = math.sqrt(np.square(share * (flatteries - mean)).sum() * folds / max(folds - 1, 1))
    return mean / loss, error / loss


def _stopped(trial: Trial) -> tuple[list[float], list[float]]:
    """What early stopping flatters each network of a trial, and the loss of each, in the target's units."""
    assert trial.model is not None
    scales = [trial.model.scales[view].scale if trial.model.scales else 1.0 for view in trial.model.members]
    pairs = list(zip(trial.results, scales, strict=True))
    losses = [float(result.history.validation[result.best_epoch - 1]) * scale**2 for result, scale in pairs]
    return [flattery(result, trial.results, scale) for result, scale in pairs], losses


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
    most = PICTURES if model.layout.channels else ASKED
    rows = np.random.default_rng([seed, 2]).permutation(problem.rows)[:most]
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
