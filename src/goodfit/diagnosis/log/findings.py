"""What the curves of a log show: where validation turns, what still falls at the end, where a loss was lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from goodfit.diagnosis.log.noise import (
    LEAST_POINTS,
    LEVEL,
    Floats,
    Noise,
    fall_at_the_end,
    lowest_of,
    noise_of,
    rise_of,
    window_means,
)
from goodfit.statistics import Estimate, mean_interval

SEVERAL = 3
"""Runs from which on their spread is the noise; of fewer, the mean curve's own."""

EXPLODED = 10.0
"""Times what the loss had fallen: a rise by more, above where it began, is no overfitting."""


@dataclass(frozen=True)
class LogTurn:
    """Where validation is lowest, and what happens from there to the end.

    Args:
        epoch: where, in the log's own count.
        rise: of the validation loss from there to the end, both averaged over a window, with a 95 % interval.
        beyond_noise: whether that is more than noise makes.
        train_fall: how much the training loss fell over the same stretch; None without a training loss.
        visible: the smallest rise that would have been beyond noise.
        loss: the validation loss at the turn, averaged over the window.
        after: the share of the epochs after it.
        runs: how many runs it was seen in; with 3 or more, their spread is the noise.
        part: which training, where the log holds several.
        unit: what `epoch` counts.
    """

    epoch: float
    rise: Estimate
    beyond_noise: bool
    train_fall: float | None
    visible: float
    loss: float
    after: float
    runs: int = 1
    part: str = ""
    unit: str = "epoch"


@dataclass(frozen=True, eq=False)
class Finding:
    """What one training shows, over its runs.

    Args:
        part: its name; "" if the log holds one.
        at: `(n,)` epochs at which validation was measured in all runs.
        validation: `(n,)` mean over the runs.
        turn: None with too few points.
        falls: how much the validation and the training loss fell at the end, as shares of themselves, each None with
            too few points.
        lost: where losses stopped being finite or exploded, by run.
        train_rises: whether the training loss rises beyond its noise after the turn.
    """

    part: str
    at: Floats
    validation: Floats
    turn: LogTurn | None
    falls: tuple[Estimate | None, Estimate | None]
    lost: tuple[tuple[str, float], ...]
    train_rises: bool = False


def find(curves: pl.DataFrame, unit: str) -> list[Finding]:
    """Look at each training of a log."""
    parts = curves.partition_by("part", maintain_order=True)
    level = 1 - (1 - LEVEL) / max(1, len(parts))
    return [_finding(part, unit, level) for part in parts]


def _finding(curves: pl.DataFrame, unit: str, level: float) -> Finding:
    part, runs = str(curves["part"][0]), curves.partition_by("run", maintain_order=True)
    lost = tuple((str(run["run"][0]), place) for run in runs if (place := _lost(run, unit)) is not None)
    at, validation = _shared(runs, unit, "validation_loss")
    train_at, train = _shared(runs, unit, "train_loss")
    if len(at) < LEAST_POINTS:
        mean = validation.mean(0) if len(at) else np.empty(0)
        return Finding(part, at, mean, None, (None, None), lost)
    mean = validation.mean(0)
    noise = noise_of(mean, level=level)
    falls = [_share(fall_at_the_end(mean, noise), mean, noise), None]
    trained, train_noise = None, None
    if len(train_at) >= LEAST_POINTS:
        trained = np.interp(at, train_at, train.mean(0))
        train_noise = noise_of(trained, level=level)
        falls[1] = _share(fall_at_the_end(trained, train_noise), trained, train_noise)
    turn = _turn(at, validation, noise, level, part)
    fallen = _fall_since(turn, at, trained, noise.window) if trained is not None else None
    turn = replace(turn, train_fall=fallen, unit=unit)
    rises = fallen is not None and train_noise is not None and fallen < -train_noise.apart
    return Finding(part, at, mean, turn, (falls[0], falls[1]), lost, rises)


def _turn(at: Floats, curves: Floats, noise: Noise, level: float, part: str) -> LogTurn:
    """The turn of the runs' mean curve; of several runs, each one's rise is measured where the others are lowest."""
    mean, window = curves.mean(0), noise.window
    place = lowest_of(mean, window)
    if len(curves) >= SEVERAL:
        means = window_means(curves, window)
        others = ((means.sum(0) - means) / (len(means) - 1)).argmin(1)
        rises = means[:, -1] - means[np.arange(len(means)), others]
        rise = mean_interval(rises, level=2 * level - 1)
        visible = rise.value - rise.low
    else:
        rise, visible = rise_of(mean, noise), noise.risen
    beyond = rise.low > 0
    after = (len(at) - 1 - place) / (len(at) - 1)
    loss = float(window_means(mean, window).min())
    return LogTurn(float(at[place]), rise, beyond, None, visible, loss, after, len(curves), part)


def _fall_since(turn: LogTurn, at: Floats, train: Floats, window: int) -> float:
    """How much the training loss fell from the turn to the end, over windows."""
    place = int(np.searchsorted(at, turn.epoch))
    start = min(max(0, place - window // 2), len(train) - window)
    means = window_means(train, window)
    return float(means[start] - means[-1])


def _share(fall: Estimate, curve: Floats, noise: Noise) -> Estimate:
    """A fall as a share of the loss before it."""
    size = abs(float(window_means(curve, noise.window)[-1 - noise.window])) or 1.0
    return Estimate(fall.value / size, fall.low / size, fall.high / size)


def _shared(runs: list[pl.DataFrame], unit: str, column: str) -> tuple[Floats, Floats]:
    """`(n,)` where all runs have a finite loss, and `(runs, n)` the losses; runs without any are left out."""
    told = list(_finite(runs, unit, column))
    if not told:
        return np.empty(0), np.empty((0, 0))
    shared = told[0][0]
    for at, _ in told[1:]:
        shared = np.intersect1d(shared, at)
    return shared, np.array([losses[np.isin(at, shared)] for at, losses in told])


def _finite(runs: list[pl.DataFrame], unit: str, column: str) -> Iterator[tuple[Floats, Floats]]:
    for run in runs:
        kept = run.filter(pl.col(column).is_finite())
        if kept.height:
            yield kept[unit].to_numpy(), kept[column].to_numpy()


def _lost(run: pl.DataFrame, unit: str) -> float | None:
    """Where a run's losses stopped being finite for good, or exploded; None if they didn't."""
    places = []
    for column in ("train_loss", "validation_loss"):
        told = run.filter(pl.col(column).is_not_null())
        if not told.height:
            continue
        losses, at = told[column].to_numpy(), told[unit].to_numpy()
        finite = np.isfinite(losses)
        if not finite[-1]:
            places.append(float(at[np.flatnonzero(finite)[-1] + 1 if finite.any() else 0]))
        elif (column == "train_loss" or not run["train_loss"].count()) and (
            place := _exploded(losses[finite])
        ) is not None:
            places.append(float(at[finite][place]))
    return min(places, default=None)


def _exploded(losses: Floats) -> int | None:
    """Where a loss left for good the range that it had fallen through, by `EXPLODED` times that range."""
    if len(losses) < 3:
        return None
    lowest = int(losses.argmin())
    limit = losses[lowest] + EXPLODED * max(losses[0] - losses[lowest], abs(losses[0]) / EXPLODED)
    above = losses > limit
    if not above[-1]:
        return None
    return int(np.flatnonzero(~above)[-1]) + 1
