"""What is to be predicted: classes as codes, or numbers with their scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import narwhals as nw
import numpy as np
import numpy.typing as npt

from goodfit.data.table import WORDS, Column, counted, to_column
from goodfit.errors import InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Task = Literal["binary", "multiclass", "regression"]

MOST_INTEGER_CLASSES = 20  # more distinct whole numbers than these are taken for quantities


class ClassTarget(NamedTuple):
    """codes (n,) int64 into classes (C,), which are sorted and keep their type."""

    codes: Ints
    classes: npt.NDArray[Any]


@dataclass(frozen=True)
class TargetScale:
    """Standardizes a number target: forward(y) = (y - center) / scale, and backward is its inverse."""

    center: float
    scale: float

    def forward(self, values: Floats) -> Floats:
        """Numbers to standardized units."""
        return (values - self.center) / self.scale

    def backward(self, values: npt.NDArray[np.floating[Any]]) -> Floats:
        """Standardized units to numbers."""
        return np.asarray(values, dtype=np.float64) * self.scale + self.center


def read_classes(y: Any) -> ClassTarget:
    """Check a target of classes and give it as codes.

    Args:
        y: array, list or series of shape (n,): text, booleans, or whole numbers.

    Returns:
        (codes, classes): y equals classes[codes].

    Raises:
        InputError: a missing value, fractions, text mixed with numbers, or one class only.

    Example:
        >>> read_classes(["no", "yes", "no"])
        ClassTarget(codes=array([0, 1, 0]), classes=array(['no', 'yes'], dtype=object))
    """
    values, column = _checked(y)
    if column.kind == "date":
        raise InputError("Unknown label type: the target holds dates: give classes as text, booleans or whole numbers")
    if column.kind == "number" and (column.values % 1 != 0).any():
        broken = column.values[column.values % 1 != 0][0]
        raise InputError(
            f"Unknown label type: continuous; the target holds fractions, e.g. {broken:g}: use a regressor, or make "
            "the classes text"
        )
    if values.dtype.kind == "O":
        values = _plain(values, column)
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) == 1:
        raise InputError(f"the target has one class only, {classes[0]!s}: give rows of at least two classes")
    return ClassTarget(codes.astype(np.int64), classes)


def read_numbers(y: Any) -> Floats:
    """Check a target of numbers and give it as (n,) float64.

    Raises:
        InputError: a missing or infinite value, text or dates.

    Example:
        >>> read_numbers([1, 2.5])
        array([1. , 2.5])
    """
    _, column = _checked(y)
    if column.kind not in ("number", "boolean"):
        raise InputError(
            f"the target holds {WORDS[column.kind]}, e.g. {column.example(0)}: give numbers, or use a classifier"
        )
    return column.values


def check_class_sizes(codes: Ints, classes: npt.NDArray[Any], least: int = 2) -> None:
    """Raise InputError, naming the class, where one has fewer rows than `least` (>= 1)."""
    counts = np.bincount(codes, minlength=len(classes))
    rarest = int(np.argmin(counts))
    if counts[rarest] < least:
        raise InputError(
            f"class {classes[rarest]!s} of the target has {counted(int(counts[rarest]), 'row')}, but {least} are "
            "needed: add rows, or merge or leave out the class"
        )


def guess_task(values: Any) -> Task:
    """Tell classes from quantities: text, booleans and at most 20 distinct whole numbers are classes.

    Example:
        >>> guess_task(["a", "b", "c"]), guess_task([0, 1, 1]), guess_task([0.5, 1.5])
        ('multiclass', 'binary', 'regression')
    """
    column = _column(_array(values))
    present = column.values[~column.missing]
    distinct = np.unique(present)
    quantities = column.kind == "date" or (present % 1 != 0).any() or len(distinct) > MOST_INTEGER_CLASSES
    if column.kind in ("number", "date") and quantities:
        return "regression"
    return "binary" if len(distinct) <= 2 else "multiclass"


def positive(codes: Ints) -> int:
    """Of two classes, the code (0 or 1) of the one with fewer rows; 1 where both have as many."""
    return int(2 * np.count_nonzero(codes) <= len(codes))


def fit_target_scale(values: Floats, rows: Ints | None = None, weights: Floats | None = None) -> TargetScale:
    """Mean and population standard deviation of the training rows; a constant target has scale 1.

    Args:
        values: shape (n,).
        rows: shape (t,), the training rows; None is all.
        weights: shape (n,), sample weights of all n rows, 0 or more and not all 0 among the training rows; None: all
            equal.

    Example:
        >>> fit_target_scale(np.array([1.0, 3.0]))
        TargetScale(center=2.0, scale=1.0)
    """
    weights = np.ones(len(values)) if weights is None else weights
    if rows is not None:
        values, weights = values[rows], weights[rows]
    values, weights = values[weights > 0], weights[weights > 0]
    low, high = float(values.min()), float(values.max())
    if low == high:
        return TargetScale(low, 1.0)
    share = weights / weights.sum()
    center = float(np.sum(share * values))
    unit = max(high - center, center - low)  # squares in this unit neither overflow nor vanish
    return TargetScale(center, unit * float(np.sqrt(np.sum(share * ((values - center) / unit) ** 2))))


def _checked(y: Any) -> tuple[npt.NDArray[Any], Column]:
    values = _array(y)
    if not len(values):
        raise InputError("the target has no rows")
    column = _column(values)
    missing = np.flatnonzero(column.missing)
    if missing.size:
        raise InputError(
            f"the target has {counted(missing.size, 'missing value')} (NaN or empty), first in row {missing[0] + 1}: "
            "leave out the rows without one"
        )
    return values, column


def _column(values: npt.NDArray[Any]) -> Column:
    try:
        return to_column(values, "target")
    except InputError as error:
        raise InputError(str(error).replace("column 'target'", "the target")) from None


def _array(y: Any) -> npt.NDArray[Any]:
    series = nw.from_native(y, series_only=True, pass_through=True)
    values: npt.NDArray[Any]
    if isinstance(series, nw.Series):
        values = series.to_numpy()
    elif isinstance(y, (list, tuple)):
        values = np.fromiter(y, dtype=object, count=len(y))
    else:
        values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(f"the target is one value a row, this array has shape {values.shape}")
    return values


def _plain(values: npt.NDArray[Any], column: Column) -> npt.NDArray[Any]:
    """Objects as booleans or numbers where all are, else as text objects; text beside numbers is refused."""
    if column.kind == "boolean":
        return values.astype(bool)
    if column.kind == "number":
        whole = all(isinstance(value, (int, np.integer)) for value in values)
        return values.astype(np.int64 if whole else np.float64)
    strange = next((value for value in values if not isinstance(value, str)), None)
    if strange is not None:
        raise InputError(f"the target mixes text and other values, e.g. {strange!r}: give one type")
    return values
