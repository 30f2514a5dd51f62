"""Tables to predict, and their folds, the same for all peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray
from polars import selectors
from sklearn import datasets
from sklearn.model_selection import KFold, StratifiedKFold

TARGET = "target"
MOST_CLASSES = 20
"""A target of more numbers than these is a quantity."""

BUILT_IN: dict[str, Callable[..., Any]] = {
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
    "digits": datasets.load_digits,
    "wine": datasets.load_wine,
}


@dataclass(frozen=True)
class Part:
    """Rows of a table: as they are, and with categories as pandas has them, for libraries that take these."""

    raw: pl.DataFrame
    coded: pd.DataFrame
    target: NDArray[Any]

    def take(self, rows: NDArray[np.int64]) -> Part:
        return Part(self.raw[rows], self.coded.iloc[rows].reset_index(drop=True), self.target[rows])


@dataclass(frozen=True)
class Table:
    """A table and what is to be predicted: codes of classes, or numbers where there are no classes."""

    name: str
    rows: Part
    classes: int

    @property
    def kind(self) -> str:
        return "regression" if not self.classes else "binary" if self.classes == 2 else "multiclass"

    @cached_property
    def positive(self) -> int | None:
        """The rarer of two classes."""
        return int(np.bincount(self.rows.target).argmin()) if self.classes == 2 else None

    def folds(self, count: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Training and test rows of each fold."""
        cut = StratifiedKFold if self.classes else KFold
        return list(cut(count, shuffle=True, random_state=0).split(self.rows.target, self.rows.target))


def names_of(folder: Path | None) -> list[str]:
    """The tables of a folder, or scikit-learn's own."""
    return sorted(BUILT_IN) if folder is None else sorted(path.stem for path in folder.glob("*.parquet"))


def load(name: str, folder: Path | None) -> Table:
    frame = _built_in(name) if folder is None else pl.read_parquet(folder / f"{name}.parquet")
    frame = frame.filter(pl.col(TARGET).is_not_null())
    target = frame[TARGET]
    raw = frame.drop(TARGET)
    if target.dtype.is_numeric() and target.n_unique() > MOST_CLASSES:
        return Table(name, Part(raw, coded(raw), target.to_numpy().astype(np.float64)), 0)
    labels, codes = np.unique(target.to_numpy(), return_inverse=True)
    return Table(name, Part(raw, coded(raw), codes.astype(np.int64)), len(labels))


def coded(raw: pl.DataFrame) -> pd.DataFrame:
    """Numbers as floats, all else as categories; plain names of columns, since some libraries forbid signs in them.

    Levels are those of the whole table, as `astype("category")` before a split has them; no target enters.
    """
    plain = raw.with_columns(selectors.temporal().to_physical()).to_pandas()
    plain.columns = [f"x{i}" for i in range(plain.shape[1])]
    return plain.apply(lambda column: column.astype("float64" if column.dtype.kind in "iufb" else "category"))


def _built_in(name: str) -> pl.DataFrame:
    bunch = BUILT_IN[name](as_frame=True)
    return pl.from_pandas(bunch.data).with_columns(pl.Series(TARGET, bunch.target.to_numpy()))
