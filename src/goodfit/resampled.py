"""Scores of the same predictions on many draws of their rows at once: what intervals of scores are made from."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from goodfit.metrics import Task, metrics_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EPSILON = float(np.finfo(np.float64).eps)
_CELLS = 4_000_000
_ALARMS = 0.01


def drawn_scores(
    task: Task,
    target: npt.NDArray[np.generic],
    predicted: Floats,
    counts: Ints,
    *,
    weights: Floats | None = None,
    positive: int | None = None,
    threshold: float | None = None,
) -> dict[str, Floats]:
    """All scores of a task on B draws of n rows, as `goodfit.metrics` has them, without a loop over the draws.

    Args:
        task: "binary", "multiclass" or "regression".
        target: `(n,)` codes or numbers.
        predicted: `(n, C)` class probabilities, or `(n, 1)` numbers.
        counts: `(B, n)` how often each draw holds each row.
        weights: `(n,)` of the rows; None is 1 each.
        positive: of two classes the one that is the alarm.
        threshold: the probability of `positive` from which on balanced accuracy takes a row for positive.

    Returns:
        `(B,)` values by key; nan where a draw leaves a score undefined.

    Example:
        >>> drawn_scores("regression", np.array([1.0, 3.0]), np.array([[0.0], [4.0]]), np.array([[1, 1]]))["rmse"]
        array([1.])
    """
    share = np.ones(len(target)) if weights is None else weights
    size = max(1, _CELLS // len(target))
    parts = []
    for start in range(0, len(counts), size):
        drawn = counts[start : start + size]
        if task == "regression":
            parts.append(_of_numbers(target.astype(np.float64), predicted[:, 0], drawn * share))
        else:
            parts.append(_of_classes(target.astype(np.int64), predicted, drawn, share, positive, threshold))
    keys = [metric.key for metric in metrics_of(task)]
    return {key: np.concatenate([part[key] for part in parts]) for key in keys}


def _of_numbers(target: Floats, predicted: Floats, weights: Floats) -> dict[str, Floats]:
    total = weights.sum(1)
    error = predicted - target
    squared = weights @ error**2 / total
    around = target - float(target.mean())  # a shift that keeps the variance's digits
    spread = weights @ around**2 / total - (weights @ around / total) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(spread > 0, 1 - squared / spread, np.nan)
    return {"rmse": np.sqrt(squared), "mae": weights @ np.abs(error) / total, "r2": r2}


def _of_classes(
    target: Ints, predicted: Floats, counts: Ints, share: Floats, positive: int | None, threshold: float | None
) -> dict[str, Floats]:
    weights, classes = counts * share, predicted.shape[1]
    total, shown = weights.sum(1), np.eye(classes)[target]
    proper = predicted / predicted.sum(1, keepdims=True)
    chosen = predicted.argmax(1)
    surprise = -np.log(np.clip(proper[np.arange(len(target)), target], _EPSILON, 1 - _EPSILON))
    found = {
        "accuracy": weights @ (chosen == target) / total,
        "log_loss": weights @ surprise / total,
        "brier": weights @ ((proper - shown) ** 2).sum(1) / total,
    }
    if classes == 2:
        alarm = 1 if positive is None else positive
        if threshold is not None:
            chosen = np.where(predicted[:, alarm] >= threshold, alarm, 1 - alarm)
        ranked = _Ranked(predicted[:, alarm], target == alarm)
        found["brier"] /= 2
        ordered = weights[:, ranked.order]
        found["roc_auc"], found["average_precision"] = ranked.areas(ordered)
        found["recall_at_1pct"] = ranked.recall(ordered, counts, _ALARMS)
    else:
        rankings = [_Ranked(predicted[:, c], target == c) for c in range(classes)]
        aucs = np.stack([ranked.areas(weights[:, ranked.order])[0] for ranked in rankings])
        found["roc_auc"] = _mean_present(aucs)
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls = (weights @ (shown * (chosen == target)[:, None]) / (weights @ shown)).T
    several = np.isfinite(recalls).sum(0) > 1
    found["balanced_accuracy"] = np.where(several, _mean_present(recalls), np.nan)
    return found


def _mean_present(values: Floats) -> Floats:
    """The mean `(B,)` over the classes that a draw has; nan where it has none."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(0) / known.sum(0))


class _Ranked:
    """Rows in the order of their score, the highest first; rows that tie are one group."""

    def __init__(self, score: Floats, positive: npt.NDArray[np.bool_]) -> None:
        self.order = np.argsort(-score, kind="stable")
        self.positive = positive[self.order]
        ranked = score[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))

    def grouped(self, values: Floats) -> tuple[Floats, Floats]:
        """Sums `(B, G)` by group, and those of the groups before."""
        sums = np.add.reduceat(values, self.starts, axis=1)
        return sums, sums.cumsum(1) - sums

    def areas(self, ordered: Floats) -> tuple[Floats, Floats]:
        """The area under the ROC curve and the average precision, `(B,)` each, by weights in this order."""
        right, before = self.grouped(ordered * self.positive)
        wrong, above = self.grouped(ordered * ~self.positive)
        hits, misses = right.sum(1), wrong.sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = 1 - (right * (above + wrong / 2)).sum(1) / (hits * misses)
            precision = np.nan_to_num((before + right) / (before + right + above + wrong))
            average = np.where(misses > 0, (right * precision).sum(1) / hits, np.nan)
        return auc, average

    def recall(self, ordered: Floats, counts: Ints, share: float) -> Floats:
        """The share of positives among the share of rows of highest score; tied rows count by what of them fits."""
        wanted, _ = self.grouped(ordered * self.positive)
        rows, before = self.grouped(counts[:, self.order].astype(np.float64))
        flagged = np.ceil(share * counts.sum(1) - 1e-9)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            fits = np.clip((flagged - before) / rows, 0, 1)
            recall = np.nansum(wanted * np.where(rows > 0, fits, 0), 1) / wanted.sum(1)
        both = (ordered @ ~self.positive) > 0
        return np.where(both, recall, math.nan)
