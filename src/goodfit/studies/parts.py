"""Bias and variance along the doses of a diagnosis: what each dose buys, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodfit.decompositions import decompose
from goodfit.diagnosis import Trial
from goodfit.studies.diagnosing import Diagnosed
from goodfit.studies.predicting import held_out_predictions
from goodfit.studies.trials import FOLDS


@dataclass(frozen=True)
class Parts:
    """The held-out loss of a way of training, taken apart.

    Args:
        name: of the trial.
        bias: what all its networks get wrong together, noise included.
        variance: what each of them gets wrong by itself, since it saw other rows and another seed.
    """

    name: str
    bias: float
    variance: float


def dose_parts(found: Diagnosed) -> list[Parts]:
    """Bias and variance of the network as it is and of its doses; empty where rows were held out only once."""
    if found.evidence is None or found.prepared is None:
        return []
    trials = [found.evidence.asked, *found.evidence.changes("dose")]
    return [parts for trial in trials if (parts := _parts(found, trial)) is not None]


def _parts(found: Diagnosed, trial: Trial) -> Parts | None:
    prepared, results = found.prepared, trial.results
    if prepared is None or len(results) < 2 * FOLDS or not trial.usable:
        return None
    every = np.arange(prepared.problem.rows)
    folds = [np.setdiff1d(every, result.run.train) for result in results]
    each = [
        held_out_predictions(prepared, results[start : start + FOLDS], folds[start : start + FOLDS])[1]
        for start in range(0, len(results), FOLDS)
    ]
    problem = prepared.problem
    regression = problem.task == "regression"
    terms = decompose(np.stack(each), problem.target, loss="squared" if regression else "log_loss")
    bias, variance = (float(np.average(part, weights=problem.weights)) for part in (terms.bias2, terms.variance))
    return Parts(trial.name, bias, variance)
