"""SMOTE: synthetic rows of rare classes, each between a row and one of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from goodfit.errors import InputError
from goodfit.regularizers.form import Kind
from goodfit.regularizers.places import Adds
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import derive

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SmotePlan:
    """Which s synthetic rows to make of t rows, class by class in the order of their codes.

    base, other: (s,) rows between which a synthetic row lies. gap: (s,) in [0, 1), how far it is from base to other.
    neighbors: (s, k) the base's nearest rows of its class, nearest first. codes: (s,) classes.
    """

    base: Ints
    other: Ints
    gap: Floats
    neighbors: Ints
    codes: Ints


def smote_plan(
    points: Floats, codes: Ints, *, ratio: float, neighbors: int, seed: int, classes: Sequence[str] = ()
) -> SmotePlan:
    r"""Plan synthetic rows $x_\text{base} + g\,(x_\text{other} - x_\text{base})$, g uniform in [0, 1).

    Each row of a class is a base once before any is one again; the other row is one of its nearest rows of the class,
    each as likely. The plan is a function of the rows' content and the seed: in another order of the rows it is the
    same plan of the same rows. A class's part at a smaller ratio is the beginning of its part at a larger one.

    Args:
        points: shape (t, D), the rows in the space where distance is measured.
        codes: shape (t,), their classes, 0 to C - 1.
        ratio: in [0, 1], see `Smote`.
        neighbors: k >= 1, how many nearest rows the other row is drawn from.
        seed: any integer.
        classes: (C,) the classes' names, for the message; empty: their codes.

    Raises:
        InputError: a class to be filled up has fewer than k + 1 rows.

    Example:
        >>> points = np.array([[0.0], [1.0], [2.0], [7.0], [8.0]])
        >>> plan = smote_plan(points, np.array([0, 0, 0, 1, 1]), ratio=1.0, neighbors=1, seed=0)
        >>> plan.codes, sorted([int(plan.base[0]), int(plan.other[0])])
        (array([1]), [3, 4])
    """
    counts = np.bincount(codes, minlength=len(classes))
    added = rows_to_add(counts, ratio)
    for code in np.flatnonzero((added > 0) & (counts <= neighbors)).tolist():
        raise InputError(_too_few(classes[code] if classes else str(code), int(counts[code]), ratio, neighbors))
    parts = [
        _plan_class(points, codes, code, int(added[code]), neighbors, seed) for code in np.flatnonzero(added).tolist()
    ]
    if not parts:
        none = np.empty(0, np.int64)
        return SmotePlan(none, none, np.empty(0), np.empty((0, neighbors), np.int64), none)
    return SmotePlan(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(SmotePlan)))


def rows_to_add(counts: Ints, ratio: float) -> Ints:
    r"""$\max(0, \lfloor \text{ratio} \cdot \max_c n_c \rfloor - n_c)$ for classes of $n_c$ rows, (C,).

    >>> rows_to_add(np.array([10, 4, 8]), 0.7)
    array([0, 3, 0])
    """
    return np.asarray(np.maximum(np.floor(ratio * counts.max()).astype(np.int64) - counts, 0))


def smote_shift(before: npt.ArrayLike, after: npt.ArrayLike) -> Floats:
    r"""What to add to the logits of a classifier trained on resampled rows: $\log \pi_c - \log \pi'_c$.

    If p(x | class) is as before, its probabilities are then those of the true shares π. SMOTE keeps p(x | class) only
    nearly. With one logit for two classes add the second entry less the first.

    Args:
        before: (C,) the classes' rows, or their weights, before resampling.
        after: (C,) likewise after it.

    Returns:
        (C,), 0 for a class that has no rows before and after.

    Example:
        >>> smote_shift([90, 10], [90, 90]).round(3)
        array([ 0.588, -1.609])

    Source:
        Elkan, "The foundations of cost-sensitive learning", IJCAI 2001; Saerens, Latinne and Decaestecker, "Adjusting
        the outputs of a classifier to new a priori probabilities", Neural Computation 2002.
    """
    old, new = (np.asarray(rows, np.float64) / np.sum(rows) for rows in (before, after))
    return np.asarray(np.log(np.where(new > 0, old, 1.0)) - np.log(np.where(new > 0, new, 1.0)))


@dataclass(frozen=True)
class Smote(Adds):
    r"""SMOTE: a rare class is filled up by synthetic training rows, each between one of its rows and a near one.

    A class of $n_c$ rows gets $\lfloor \text{ratio} \cdot \max_c n_c \rfloor - n_c$ more, if that is above 0. Each is
    $x + g\,(x' - x)$: x a row of the class, x' one of its nearest rows of that class, g uniform in [0, 1). Categories
    and booleans take the value that most of the nearest rows of x have (SMOTE-NC). Rows are added to the training rows
    only, after the split. For classification only.

    Args:
        ratio: rows of a class at the least, as a share of the commonest class's, in [0, 1]: 0 adds nothing, nor does
            what every class has already; 1 makes all classes even.
        neighbors: how many nearest rows x' is drawn from, a whole number in [1, inf): 1 keeps to the nearest, many
            fill the class's whole convex hull; usually 5.

    Raises:
        InputError: a value is out of its range, or neighbors is not whole.

    Example:
        >>> str(Smote(0.5, neighbors=3))
        'smote=0.5 neighbors=3'

    Note:
        A network trained on other shares of the classes than the true ones gives other probabilities; `smote_shift`
        undoes that. Ratio is imbalanced-learn's `sampling_strategy` for two classes. Each row is a base equally often,
        as in the paper; imbalanced-learn draws bases freely.

    Source:
        Chawla, Bowyer, Hall and Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 2002.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"table"})

    ratio: Dose = dose(1.0, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0))
    neighbors: Dose = dose(5.0, low=1.0, open="high", whole=True)

    def plan(self, points: Floats, codes: Ints, classes: Sequence[str], seed: int) -> SmotePlan:
        """Which synthetic rows to make of training rows: see `smote_plan`."""
        ratio, neighbors = float(self.ratio), int(self.neighbors)
        return smote_plan(points, codes, ratio=ratio, neighbors=neighbors, seed=seed, classes=classes)


def _too_few(name: str, rows: int, ratio: float, neighbors: int) -> str:
    has = f"class {name} has {rows} training row{'s' * (rows != 1)}, smote needs neighbors + 1 = {neighbors + 1}"
    if rows < 2:
        return f"{has}: give more rows, or leave smote out"
    return f"{has}: give smote={ratio:g} neighbors={rows - 1}, or more rows"


def _plan_class(points: Floats, codes: Ints, code: int, count: int, neighbors: int, seed: int) -> SmotePlan:
    rows = np.flatnonzero(codes == code)
    rows = rows[_content_order(points[rows])]
    base = _bases(len(rows), count, derive(seed, code, 0))
    column, gap = np.random.default_rng(derive(seed, code, 1)).random((count, 2)).T
    used, place = np.unique(base, return_inverse=True)
    near = rows[_nearest(points[rows], used, neighbors)][place]
    other = near[np.arange(count), (column * neighbors).astype(np.int64)]
    return SmotePlan(rows[base], other, gap, near, np.full(count, code, np.int64))


def _content_order(points: Floats) -> Ints:
    """An order of the rows that their content alone decides, but for equal rows."""
    # bytes from the highest: what differs by rounding stays where it is; -0.0 becomes 0.0
    ordered = np.ascontiguousarray(points + 0.0, ">f8")
    return np.argsort(ordered.view((np.void, 8 * points.shape[1]))[:, 0], kind="stable")


def _bases(rows: int, count: int, seed: int) -> Ints:
    """Rows in rounds, each round all of them in a random order."""
    rounds = -(-count // rows)
    return np.random.default_rng(seed).random((rounds, rows)).argsort(axis=1).ravel()[:count]


def _nearest(points: Floats, used: Ints, neighbors: int) -> Ints:
    """The nearest other points of some of the points, (used, k), nearest first."""
    found = NearestNeighbors(n_neighbors=neighbors + 1).fit(points).kneighbors(points[used], return_distance=False)
    own = found == used[:, None]
    own[~own.any(axis=1), -1] = True  # more points than k + 1 are equal to it, and hide it
    return np.asarray(found[~own].reshape(-1, neighbors), np.int64)
