"""What early stopping flatters: a network that chooses its epoch on the rows that it is scored by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goodfit.studies.problem import Floats
from goodfit.studies.scoring import stops_early
from goodfit.training import RunResult


def flattery(result: RunResult, results: Sequence[RunResult], scale: float = 1.0) -> float:
    """By how much a network's loss on the rows that chose its epoch is below that on fresh rows.

    It is what the loss on these rows rises by at an epoch that other rows choose: the one that is best for the networks
    that held out none of these. It is 0 where the recipe doesn't stop early, and where there are no such networks.

    Exact where nothing but these rows' noise sets epochs apart. Five eighths of the flattery where each of five folds
    has a best epoch of its own, and more than it where chance makes networks better at some epochs than at others. Of
    networks as they are `benchmarks/truth_stopping.py` finds the corrected loss within 1 % of the true one.

    Args:
        result: of the network.
        results: of all networks of its recipe.
        scale: of a standardized target, in its units: squared errors are told in the squares of these.

    Source: after Tibshirani and Tibshirani, A bias correction for the minimum error rate in cross-validation, Annals of
    Applied Statistics 3 (2009), where all folds choose; here a fold doesn't choose for itself.
    """
    if not stops_early(result.run.recipe):
        return 0.0
    others = [
        other.history.validation
        for other in results
        if not other.failed and not np.isin(other.run.validation, result.run.validation).any()
    ]
    if not others:
        return 0.0
    own, epochs = result.history.validation, max(len(curve) for curve in others)
    epoch = int(np.mean([_stretched(curve, epochs) for curve in others], axis=0).argmin())
    return float(_stretched(own, epoch + 1)[epoch] - own[result.best_epoch - 1]) * scale**2


def _stretched(curve: Floats, epochs: int) -> Floats:
    """A curve of so many epochs: a network that stopped keeps its last loss."""
    return np.concatenate([curve, np.full(max(0, epochs - len(curve)), curve[-1])])[:epochs]
