"""A constant, a linear model and boosted trees, fitted on the rows of a problem and on no others."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.linalg import LinAlgWarning
from scipy.sparse import csr_matrix, vstack
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from goodfit.data.encoder import Encoder, fit_encoder
from goodfit.data.media import texts_of
from goodfit.data.schema import Schema
from goodfit.data.table import Column, Table
from goodfit.data.target import TargetScale, fit_target_scale
from goodfit.data.words import fit_vocabulary
from goodfit.studies.problem import Floats, Problem

MOST_LEVELS = 255
"""Of a column in boosted trees: of a category's levels the rarer ones share the last, numbers share bins."""
ITERATIONS = 1000
TREES, TRIED = 100, (3, 9)
"""Of boosted trees, scikit-learn's own number, and those that show how long all would take; they can't stop by then."""
TRIED_ROWS, TRIED_APART = 50_000, (5, 20)
"""Of more rows these many, evenly spread, show it by trees of their own."""
FEW_ROWS = 100_000
"""Up to here trees grow in one thread: on a busy machine several wait for each other."""
MANY_CELLS = 50_000_000
"""Inputs of more cells are in single precision."""
CHUNK = 2048


@dataclass(frozen=True, eq=False)
class Constant:
    """The same prediction `(C,)` for every row."""

    values: Floats

    def predict(self, table: Table) -> Floats:
        """`(n, C)` for n rows."""
        return np.tile(self.values, (table.rows, 1))


@dataclass(frozen=True, eq=False)
class Estimator:
    """An estimator of scikit-learn, fitted on some rows.

    Args:
        read: from a table to what it takes.
        model: it.
        classes: how many the problem has, of which it may know fewer; 0 in regression.
        scale: of the target that it was fitted on.
    """

    read: Callable[[Table], Any]
    model: Any
    classes: int
    scale: TargetScale

    def predict(self, table: Table) -> Floats:
        """Class probabilities `(n, C)`, or numbers `(n, 1)`."""
        inputs, predicted = self.read(table), np.zeros((table.rows, max(self.classes, 1)))
        with _limited(_threads_for(table.rows)):
            if not self.classes:
                return self.scale.backward(self.model.predict(inputs))[:, None]
            predicted[:, self.model.classes_] = self.model.predict_proba(inputs)
        return predicted


Learned = Constant | Estimator


def constant(train: Problem) -> Constant:
    """The weighted mean, or the classes' weighted shares: what is best for one who looks at no column."""
    if train.task == "regression":
        return Constant(np.array([np.average(train.target, weights=train.weights)]))
    shares = np.bincount(train.target, train.weights, minlength=len(train.classes))
    return Constant(shares / shares.sum())


def linear(train: Problem, *, schema: Schema) -> Learned:
    """Logistic regression with C = 1 or ridge regression with alpha = 1, on the inputs that a network has.

    Args:
        train: the rows.
        schema: the columns' structure.
    """
    encoder = fit_encoder(train.table, schema, weights=train.weights)
    if schema.form.kind == "text" and not schema.fields[0].reader:
        words = fit_vocabulary([[text] for text in texts_of(train.table.columns[0])])
        encoder = replace(encoder, schema=schema.with_shape((len(words.terms),)), vocabulary=words)
    if not encoder.schema.input_names:
        return constant(train)
    model = Ridge() if train.task == "regression" else LogisticRegression(max_iter=ITERATIONS)
    return _fitted(model, partial(_inputs, encoder), train)


def _inputs(encoder: Encoder, table: Table) -> Any:
    """Inputs `(n, D)`; those of words, nearly all 0, as a sparse matrix."""
    if encoder.schema.form.kind == "table":
        few = table.rows * len(encoder.schema.input_names) <= MANY_CELLS
        return encoder.transform(table, np.float64 if few else np.float32)
    if encoder.vocabulary is None:
        return encoder.transform(table)
    parts = (np.arange(start, min(start + CHUNK, table.rows)) for start in range(0, table.rows, CHUNK))
    return vstack([csr_matrix(encoder.transform(table.take(rows), np.float64)) for rows in parts], format="csr")


def boosted(train: Problem, *, schema: Schema, seed: int, seconds: float = math.inf) -> Learned:
    """Boosted trees as scikit-learn grows them, on a table's columns as they are.

    Args:
        train: the rows.
        schema: the columns' structure.
        seed: of the rows that early stopping watches.
        seconds: that they may take.

    Raises:
        TimeoutError: the first trees show that they would take longer.
    """
    read = _Columns.of(train.table, schema, _uneven(train))
    if not read.used:
        return constant(train)
    shape = {
        "categorical_features": np.array([schema.names[i] in read.levels for i in read.used]),
        "random_state": seed % 2**32,
        "warm_start": True,
    }
    if train.task == "regression":
        return _grown(HistGradientBoostingRegressor(**shape), read, train, seconds)
    # early stopping holds out a tenth, class by class: a class of one row can't be on both sides
    counts = np.unique(train.target, return_counts=True)[1]
    stops = "auto" if counts.min() > 1 and len(counts) < train.rows / 10 else False
    return _grown(HistGradientBoostingClassifier(early_stopping=stops, **shape), read, train, seconds)


def _grown(model: Any, read: _Columns, train: Problem, seconds: float) -> Learned:
    """A few trees first, and the others if there is time."""
    if math.isfinite(seconds):
        step, tried, some, sizes = math.ceil(train.rows / TRIED_ROWS), model, train, TRIED
        if step > 1:
            # of a class there may be one row left, which can't be on both sides of early stopping
            tried, sizes = clone(model).set_params(early_stopping=False), TRIED_APART
            some = train.take(np.arange(0, train.rows, step))
        clock = [time.monotonic()]
        for trees in sizes:
            _fitted(tried.set_params(max_iter=trees), read, some, threads=_threads_for(train.rows))
            clock.append(time.monotonic())
        few, more = sizes
        first, second = np.diff(clock)  # each reads and bins all columns; the second adds more - few trees
        tree = max(second - first, 0.0) / (more - 2 * few)
        left = TREES - more if tried is model else TREES
        if first + second + step * (max(first - few * tree, 0.0) + left * tree) > seconds:
            raise TimeoutError("boosted trees would take longer than they may")
    return _fitted(model.set_params(max_iter=TREES), read, train)


def _fitted(model: Any, read: Callable[[Table], Any], train: Problem, *, threads: int | None = None) -> Learned:
    """An estimator fitted on all rows of a problem; the constant where there is one class only."""
    regression, scale = train.task == "regression", TargetScale(0.0, 1.0)
    target = train.target
    if regression:
        scale = fit_target_scale(target, weights=train.weights)
        target = scale.forward(target)
    elif len(np.unique(target)) < 2:
        return constant(train)
    weights = _uneven(train)
    with _limited(threads or _threads_for(train.rows)), warnings.catch_warnings():
        # one that has not converged is scored as it is, as any user's would be
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", LinAlgWarning)
        model.fit(read(train.table), target, sample_weight=weights)
    return Estimator(read, model, 0 if regression else len(train.classes), scale)


def _uneven(train: Problem) -> Floats | None:
    """Weights of a mean of 1; None where all are the same: scikit-learn is slower where it is given any."""
    even = (train.weights == train.weights[0]).all()
    return None if even else np.asarray(train.weights / train.weights.mean())


def _threads_for(rows: int) -> int:
    """As many threads of OpenMP as torch has, one for few rows."""
    return 1 if rows <= FEW_ROWS else torch.get_num_threads()


def _limited(threads: int) -> Any:
    """OpenMP has so many threads for as long as this lasts."""
    return threadpool_limits(threads, user_api="openmp")


@dataclass(frozen=True, eq=False)
class _Columns:
    """A table's used columns as boosted trees take them, nan where missing or, of a category, new.

    Args:
        schema: of all rows.
        levels: of each category, the code of each level that training rows have.
        edges: of numbers that are counted by bins, the upper ends of all bins but the last.
        used: the places of columns that training rows have a value of.
    """

    schema: Schema
    levels: Mapping[str, Mapping[str, float]]
    edges: Mapping[str, Floats]
    used: tuple[int, ...]

    @staticmethod
    def of(table: Table, schema: Schema, weights: Floats | None) -> _Columns:
        columns = schema.check(table).columns
        levels = {column.name: _codes(column) for column in columns if column.kind == "category"}
        edges = {} if weights is None else _edges(columns, weights)
        return _Columns(schema, levels, edges, tuple(i for i, c in enumerate(columns) if not c.missing.all()))

    def __call__(self, table: Table) -> Floats:
        columns = self.schema.check(table).columns
        return np.stack([self._values(columns[i]) for i in self.used], axis=1)

    def _values(self, column: Column) -> Floats:
        if column.name in self.edges:
            bins = np.searchsorted(self.edges[column.name], column.values)
            return np.where(np.isnan(column.values), np.nan, bins)
        if column.name not in self.levels:
            return np.asarray(column.values)
        codes = self.levels[column.name]
        places = np.array([*(codes.get(level, np.nan) for level in column.levels), np.nan])
        return np.asarray(places[column.values])


def _edges(columns: Sequence[Column], weights: Floats) -> dict[str, Floats]:
    """The quantiles between which scikit-learn counts numbers of uneven weight: it sorts them anew for each of 254."""
    shares, found = np.linspace(0, 1, MOST_LEVELS + 1)[1:-1], {}
    for column in columns:
        told = column.values[~column.missing]
        if column.kind != "category" and len(np.unique(told)) > MOST_LEVELS:
            own = weights[~column.missing]
            found[column.name] = np.unique(np.quantile(told, shares, weights=own, method="inverted_cdf"))
    return found


def _codes(column: Column) -> dict[str, float]:
    """Codes of a category's levels, the commonest first; the rarest share the last."""
    counts = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
    order = [code for code in np.argsort(-counts, kind="stable").tolist() if counts[code]]
    return {column.levels[code]: float(min(rank, MOST_LEVELS - 1)) for rank, code in enumerate(order)}
