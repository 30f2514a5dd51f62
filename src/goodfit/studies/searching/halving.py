"""Successive halving: at a few epochs the worse half of the trials is dropped, and the others close up."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np

from goodfit.studies.problem import Floats, Ints
from goodfit.training import Drop

RUNGS = (1 / 3, 2 / 3)
"""Shares of the longest training at which half of the trials are dropped."""


def halving(trial_of_run: Ints, max_epochs: int, rungs: Sequence[float] = RUNGS) -> Drop:
    """What drops the worse half of the trials at each rung; those whose runs still wait for their turn stay.

    Args:
        trial_of_run: `(N,)` the trial that each run belongs to, from 0.
        max_epochs: of the training.
        rungs: shares of it, in (0, 1).

    Source: Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization, AISTATS
    2016.
    """
    trials = int(trial_of_run.max()) + 1
    alive = np.ones(trials, dtype=bool)

    def worse_half(epoch: int, losses: Floats) -> Ints:
        scores = mean_best(losses, trial_of_run, trials)
        told = np.flatnonzero(alive & np.isfinite(scores))
        order = told[np.argsort(scores[told], kind="stable")]
        alive[order[math.ceil(len(order) / 2) :]] = False
        return np.flatnonzero(~alive[trial_of_run])

    return Drop(frozenset(math.ceil(rung * max_epochs) for rung in rungs), worse_half)


def mean_best(losses: Floats, trial_of_run: Ints, trials: int) -> Floats:
    """The mean over a trial's runs of each one's lowest loss so far `(T,)`; infinite if one has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a run without any loss is the case below
        best = np.nan_to_num(np.nanmin(losses, axis=1), nan=np.inf, posinf=np.inf)
    return np.asarray(np.bincount(trial_of_run, best, trials) / np.bincount(trial_of_run, minlength=trials))
