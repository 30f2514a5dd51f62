"""Where a validation curve turns, and whether the turn is more than the curve's noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goodfit.statistics import Estimate, mean_interval
from goodfit.training import RunResult


@dataclass(frozen=True)
class Turn:
    """Where the mean validation loss of some runs is lowest, and how much it rises from there to the end.

    Args:
        epoch: of the lowest mean validation loss, from 1.
        rise: of the loss from there to the last epoch, with a 95 % interval over the runs.
        train_fall: how much the training loss fell over the same epochs.
    """

    epoch: int
    rise: Estimate
    train_fall: float

    @property
    def beyond_noise(self) -> bool:
        """Whether validation rises while training falls, by more than the runs differ."""
        return self.rise.low > 0 and self.train_fall > 0


def find_turn(results: Sequence[RunResult]) -> Turn | None:
    """The turn of runs of one recipe over the epochs that all of them trained; None without validation losses.

    Each run's rise is measured from the epoch at which the *other* runs' mean is lowest: measured from its own lowest
    point every noisy curve would rise.
    """
    epochs = min((result.epochs for result in results if not result.failed), default=0)
    kept = [result for result in results if not result.failed]
    curves = np.array([result.history.validation[:epochs] for result in kept])
    if epochs < 2 or not np.isfinite(curves).all():
        return None
    train = np.array([result.history.train[:epochs] for result in kept])
    epoch = int(curves.mean(0).argmin())
    rises = curves[:, -1] - np.array([curve[at] for curve, at in zip(curves, _others(curves), strict=True)])
    rise = mean_interval(rises) if len(kept) > 1 else Estimate(float(rises[0]), math.nan, math.nan)
    return Turn(epoch + 1, rise, float((train[:, epoch] - train[:, -1]).mean()))


def _others(curves: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each curve, where the mean of the others is lowest."""
    if len(curves) == 1:
        return np.asarray(curves.argmin(1), dtype=np.int64)
    means = (curves.sum(0) - curves) / (len(curves) - 1)
    return np.asarray(means.argmin(1), dtype=np.int64)
