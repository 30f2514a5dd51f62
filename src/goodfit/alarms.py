"""Alarms: what a probability of one class is worth when the rows above a threshold are flagged."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goodfit.errors import InputError
from goodfit.statistics import wilson

Floats = npt.NDArray[np.float64]


def recall_at(
    is_positive: npt.ArrayLike, score: npt.ArrayLike, share: float = 0.01, *, weights: npt.ArrayLike | None = None
) -> float:
    """Share of the positives among the rows of highest score, with room for a fixed share of alarms.

    The ceil(share * n) rows of highest score are flagged. Rows tied at the cut count by the fraction of them that fits:
    the expected recall under random breaking of ties, so that a constant score has a recall of ceil(share * n) / n.

    Args:
        is_positive: shape (n,), True for the rows to find.
        score: shape (n,), larger is more suspicious.
        share: of rows flagged, in (0, 1]; 1 flags all and finds all.
        weights: shape (n,), of the positives found and missed; the flagged rows are counted, not weighed.

    Returns:
        The recall in [0, 1]; nan without a positive.

    Raises:
        InputError: lengths that differ, no rows, or a share outside (0, 1].

    Example:
        >>> recall_at([True, False, True, False], [0.9, 0.8, 0.2, 0.1], share=0.25)
        0.5
    """
    positive, ranking = _rows(is_positive, score)
    if not 0 < share <= 1:
        raise InputError(f"share is {share}: give the share of rows to flag, above 0 and at most 1")
    weight = row_weights(weights, len(positive))
    wanted = positive * (1.0 if weight is None else weight)
    if wanted.sum() == 0:
        return math.nan
    flagged = math.ceil(share * len(ranking) - 1e-9)  # 0.07 * 100 is a hair above 7
    cut = np.partition(ranking, -flagged)[-flagged]
    above, tied = ranking > cut, ranking == cut
    fits = (flagged - above.sum()) / tied.sum()
    return float((wanted[above].sum() + fits * wanted[tied].sum()) / wanted.sum())


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of similar predicted probability: what was predicted, what happened.

    Args:
        predicted: mean predicted probability of the rows.
        observed: share of positives among them.
        low: lower end of the 95 % interval of observed.
        high: upper end of it.
        rows: how many rows.
    """

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


def calibration_bins(is_positive: npt.ArrayLike, probability: npt.ArrayLike, bins: int = 10) -> list[CalibrationBin]:
    """Observed against predicted frequency in bins of equal row counts, with Wilson's intervals.

    Args:
        is_positive: shape (n,), True for the positives.
        probability: shape (n,), predicted probability of the positive class, in [0, 1].
        bins: how many, at least 1: all rows in one. Rows of equal probability stay together, so there may be fewer.

    Returns:
        The bins that hold rows, from the lowest probability to the highest.

    Raises:
        InputError: lengths that differ, no rows, or bins below 1.

    Example:
        >>> [bin.rows for bin in calibration_bins([False, True, False, True], [0.1, 0.4, 0.6, 0.9], bins=2)]
        [2, 2]
    """
    positive, given = _rows(is_positive, probability)
    if bins < 1:
        raise InputError(f"bins is {bins}: give 1 or more")
    _, group, counts = np.unique(given, return_inverse=True, return_counts=True)
    middle_rank = (np.cumsum(counts) - counts / 2) / len(given)
    place = np.minimum((middle_rank * bins).astype(np.int64), bins - 1)[group]
    parts = [(given[place == index], positive[place == index]) for index in np.unique(place)]
    estimates = [wilson(float(hits.sum()), len(hits)) for _, hits in parts]
    return [
        CalibrationBin(float(chances.mean()), estimate.value, estimate.low, estimate.high, len(hits))
        for (chances, hits), estimate in zip(parts, estimates, strict=True)
    ]


@dataclass(frozen=True)
class Confusion:
    """Rows by truth and alarm: counts of true and false positives and negatives."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


def confusion_at(is_positive: npt.ArrayLike, probability: npt.ArrayLike, threshold: float) -> Confusion:
    """Count the four outcomes when rows of probability >= threshold are flagged.

    Args:
        is_positive: shape (n,), True for the positives.
        probability: shape (n,), of the positive class.
        threshold: 0 flags every row, a number above 1 none.

    Returns:
        The counts, of sum n.

    Raises:
        InputError: lengths that differ, or no rows.

    Example:
        >>> confusion_at([True, False, True], [0.9, 0.6, 0.2], 0.5)
        Confusion(true_positives=1, false_positives=1, true_negatives=0, false_negatives=1)
    """
    positive, given = _rows(is_positive, probability)
    flagged = given >= threshold
    return Confusion(
        int((flagged & positive).sum()),
        int((flagged & ~positive).sum()),
        int((~flagged & ~positive).sum()),
        int((~flagged & positive).sum()),
    )


def best_threshold(
    is_positive: npt.ArrayLike,
    probability: npt.ArrayLike,
    *,
    costs: tuple[float, float] | None = None,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Find the threshold of the largest balanced accuracy (Youden's index) or of the least cost on these rows.

    argmax over t of (recall of positives at probability >= t) + (recall of negatives below t), or
    argmin over t of false_alarm * (negatives at probability >= t) + miss * (positives below t).

    Args:
        is_positive: shape (n,), True for the positives; both kinds must occur.
        probability: shape (n,), of the positive class.
        costs: (false_alarm, miss), above 0: what each mistake costs; None for the balanced accuracy. With the rows'
            true probabilities the threshold tends to false_alarm / (false_alarm + miss).
        weights: shape (n,), of the rows; None: all equal.

    Returns:
        The mid-point between two neighbouring probabilities; among equally good ones the largest, which raises the
        fewest alarms. With costs also 0, to flag all rows, or half-way between the largest probability and 1, to flag
        none of these but a surer one. Without costs 0.5 where all probabilities are equal, as no threshold then tells
        rows apart.

    Raises:
        InputError: lengths that differ, no rows, one kind of row only, or a cost that isn't above 0.

    Example:
        >>> best_threshold([False, False, True, True], [0.1, 0.25, 0.75, 0.9])
        0.5
        >>> best_threshold([False, True, False, True], [0.0, 0.25, 0.5, 1.0], costs=(1, 10))
        0.125

    Source:
        Youden, Index for rating diagnostic tests, Cancer 3 (1950); Elkan, The foundations of cost-sensitive learning,
        IJCAI 2001.
    """
    positive, given = _rows(is_positive, probability)
    if positive.all() or not positive.any():
        raise InputError("best_threshold got rows of one class only: give rows of both")
    weight = row_weights(weights, len(given))
    mass = np.ones(len(given)) if weight is None else weight
    values, group = np.unique(given, return_inverse=True)
    # below each threshold: whole numbers where weights and costs are, so that equal merits are equal exactly
    missed, spared = (_below(group, mass * kind) for kind in (positive, ~positive))
    if costs is not None:
        alarm, miss = _checked_costs(costs)
        cost = alarm * (spared[-1] - spared) + miss * missed
        return _cut(values, int(np.flatnonzero(cost == cost.min())[-1]))
    if len(values) == 1:
        return 0.5
    merit = (spared * missed[-1] - missed * spared[-1])[1:-1]
    return _cut(values, 1 + int(np.flatnonzero(merit == merit.max())[-1]))


def _below(group: npt.NDArray[np.int64], mass: Floats) -> Floats:
    """How much lies below each group, and below the end."""
    return np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=mass))])


def _cut(values: Floats, place: int) -> float:
    """The threshold that the values from a place on reach: 0 for all, one that a surer value reaches for none."""
    if not place:
        return 0.0
    below = values[place - 1]
    above = values[place] if place < len(values) else max(1.0, np.nextafter(below, np.inf))
    middle = below + (above - below) / 2
    return float(middle if middle > below else above)


def _checked_costs(costs: tuple[float, float]) -> tuple[float, float]:
    if len(costs) != 2 or not all(0 < cost < math.inf for cost in costs):
        raise InputError(f"costs is {costs}: give (false_alarm, miss), two numbers above 0")
    return costs


def row_weights(weights: npt.ArrayLike | None, rows: int) -> Floats | None:
    """Check the rows' weights and give them as floats.

    Args:
        weights: shape (rows,), 0 or more and not all 0; None: all equal.
        rows: how many rows there are.

    Returns:
        The weights; None where all are equal.

    Raises:
        InputError: another number of weights, one that is negative or not finite, or all of them 0.

    Example:
        >>> row_weights([1, 3], rows=2)
        array([1., 3.])
    """
    if weights is None:
        return None
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (rows,) or not np.isfinite(given).all() or (given < 0).any() or given.sum() == 0:
        raise InputError(f"weights must be {rows} finite numbers >= 0, not all 0: give one for each row")
    return given


def _rows(is_positive: npt.ArrayLike, score: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], Floats]:
    positive, ranking = np.asarray(is_positive), np.asarray(score, dtype=np.float64)
    if positive.ndim != 1 or positive.shape != ranking.shape or len(positive) == 0:
        raise InputError(f"{positive.shape} rows of truth, {ranking.shape} of scores: give one of each for every row")
    if not np.isfinite(ranking).all():
        row = int(np.isfinite(ranking).argmin())
        raise InputError(
            f"the score {ranking[row]} in row {row + 1} is not finite: it can't be ranked; leave that model out"
        )
    return positive.astype(bool), ranking
