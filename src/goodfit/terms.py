"""The parts of an expected loss by row, and their means with intervals over rows and replicates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from goodfit.statistics import Estimate

Floats = npt.NDArray[np.float64]
Term = Literal["bias2", "variance", "noise", "error"]

TERMS: tuple[Term, ...] = get_args(Term)
_MOST_SKEWED = 0.35  # beyond, the transformation of an interval's end runs away and comes back


@dataclass(frozen=True, eq=False)
class Terms:
    """The expected error of each row and its parts: `bias2 + variance + noise` is `error`.

    Args:
        bias2: `(n,)`; together with the noise where they can't be told apart.
        variance: `(n,)`.
        noise: `(n,)`; 0 where it is in `bias2`.
        error: `(n,)`.
        separate: whether bias and noise are told apart.
        shared: `(4,)` the variance of each term's mean over the rows that comes from there being so few replicates.
        own: `(4,)` the same variance of a single row's term, its mean over the rows.
        third: `(4,)` the third central moment that goes with `shared`.
        replicates: R.
    """

    bias2: Floats
    variance: Floats
    noise: Floats
    error: Floats
    separate: bool
    shared: Floats
    own: Floats
    third: Floats
    replicates: int

    def mean(self, term: Term, *, groups: npt.ArrayLike | None = None, influence: Floats | None = None) -> Estimate:
        """The mean of a term over the rows, with a 95 % interval over replicates and rows alike.

        The replicates' part of its variance and the rows' part are added, less what both contain (a two-way table
        with one number a cell). Student's t by Welch and Satterthwaite, transformed for the estimate's skewness.

        Args:
            term: which.
            groups: `(n,)` a label a row: rows of one label are not independent. None: all are.
            influence: `(n,)` numbers with the mean of the term's rows, whose spread over rows is its own where the
                rows' values have a part in common that was estimated from them.

        Source: Hall, On the removal of skewness by transformation, JRSS B 54 (1992).

        Example:
            >>> from goodfit.decompositions import decompose
            >>> terms = decompose(np.array([[[1.0], [2.0]], [[3.0], [2.0]]]), np.array([2.0, 3.0]), loss="squared")
            >>> terms.mean("variance").value
            1.0
        """
        values: Floats = getattr(self, term)
        place, middle = TERMS.index(term), float(values.mean())
        shared, third = float(self.shared[place]), float(self.third[place])
        rows, skew, units = _moments_of_mean(values if influence is None else influence, groups)
        both = max(float(self.own[place]) - shared, 0.0) / max(len(values) - 1, 1)
        total = max(shared + rows - both, shared, rows)
        if total <= 0:
            return Estimate(middle, middle, middle)
        freedom = (shared + rows) ** 2 / (shared**2 / (self.replicates - 1) + rows**2 / max(units - 1, 1))
        reach = float(stdtrit(freedom, 0.975))
        low, high = (_unskewed(z, (third + skew) / total / math.sqrt(total)) for z in (reach, -reach))
        return Estimate(middle, middle - math.sqrt(total) * low, middle - math.sqrt(total) * high)


def _unskewed(z: float, skewness: float) -> float:
    """The quantile of a studentized mean whose estimate is skewed (Hall, 1992); z where it is not."""
    if abs(skewness) < 1e-6:
        return z
    skewness = min(max(skewness, -_MOST_SKEWED), _MOST_SKEWED)
    return 3 / skewness * (float(np.cbrt(1 + skewness * (z - skewness / 6))) - 1)


def _moments_of_mean(values: Floats, groups: npt.ArrayLike | None) -> tuple[float, float, int]:
    """Variance and third moment of the mean of rows, dependent within groups; how many independent units there are."""
    deviations = values - values.mean()
    if groups is not None:
        deviations = np.bincount(np.unique(np.asarray(groups), return_inverse=True)[1], deviations)
    units, n = len(deviations), len(values)
    if units < 2:
        return 0.0, 0.0, units
    variance = float(np.square(deviations).sum()) * units / (units - 1) / n**2
    return variance, float((deviations**3).sum()) / n**3, units
