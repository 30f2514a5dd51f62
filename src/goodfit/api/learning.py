"""learning_curve: training and held-out loss by epochs, rows, width or depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.utils import _safe_indexing

from goodfit.api.problems import check_study, problem_of, studied
from goodfit.data.splits import distinct
from goodfit.errors import InputError
from goodfit.estimators.network import Network
from goodfit.studies.growing import Folding, over_depth, over_epochs, over_rows, over_rows_of, over_width
from goodfit.studies.learning import OVERS, LearningCurve, Over
from goodfit.studies.problem import Floats, Problem, read_problem
from goodfit.studies.samples import Sample, row_losses

MOST_LAYERS = 20


def learning_curve(
    estimator: Any,
    X: Any,
    y: Any,
    over: Over = "epochs",
    *,
    points: Sequence[float] | None = None,
    repeats: int = 2,
    random_state: int = 0,
) -> LearningCurve:
    r"""Training and held-out loss along epochs, rows, width or depth, with bands over folds and seeds.

    Each repeat cuts the rows into 5 folds; a network for each learns from the other 4 and its fold is held out. All
    points have the same folds and seeds, so they are paired. Losses are taken in inference mode on rows as they are:
    log loss, or the squared error. Their 95 % intervals are Student's t over the folds, corrected for the rows that
    folds share. Over rows, the power law $L(n) = a + b\,n^{-c}$ with $a, b \ge 0$ and $0 < c \le 2$ is fitted to the
    held-out losses and foresees the loss with twice the rows.

    A network that stops early keeps its last loss over epochs, and there it is stopped by the rows of its fold.
    Elsewhere it watches a part of its own training rows, and the fold only scores it.

    Args:
        estimator: a Classifier or Regressor, fitted or not, which isn't changed; for "rows" any of scikit-learn's too.
            Of one that would choose its recipe, the chosen one is taken, and none before it is fitted. Its budget,
            members and metric play no part.
        X: an array or a data frame `(n, D)`, n 20 or more different rows.
        y: the target `(n,)`.
        over: "epochs": after each epoch. "rows": with parts of the training rows, each within the next; the fold held
            out is always whole. "width": with hidden layers of other widths. "depth": with other numbers of them, as
            wide as the estimator's.
        points: None for the usual ones. Epochs, from 1 to `max_epochs`; shares of the training rows, in (0, 1], usually
            1/8, 1/4, 1/2, 3/4 and 1; multiples of the width, above 0, usually 1/8 to 4; hidden layers, from 0 to 20,
            usually 0 to 4. Two or more different ones. Full rows and the estimator's own width and depth are added.
        repeats: partitions into folds, 1 or more; each gives 5 networks a point.
        random_state: seed of everything random.

    Returns:
        `.frame()`, `.plot()`, `.to_dict()`; `.points`, `.best` (the lowest held-out loss), `.gap` (held-out less
        training loss at the estimator's own point) and over rows `.extrapolation` (loss and gain with twice the rows).
        A point where a network diverged has loss nan and says how many did.

    Raises:
        InputError: (a ValueError) data or a setting can't be used as given.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> X, y = load_wine(return_X_y=True)
        >>> curve = learning_curve(make_pipeline(StandardScaler(), LogisticRegression()), X, y, "rows", repeats=1)
        >>> curve.frame()["rows"].to_list()
        [18, 36, 71, 107, 142]
        >>> curve.extrapolation.gain.low <= curve.extrapolation.gain.value
        True

    Source: Hestness and others, Deep learning scaling is predictable, empirically, arXiv 1712.00409 (2017); Viering and
    Loog, The shape of learning curves: a review, arXiv 2103.10948 (2021), also on curves that follow no power law.

    Note: intervals hold for networks trained on four fifths of the rows given.
    """
    _check(estimator, over, points)
    check_study(repeats, random_state)
    folding = Folding(repeats, random_state)
    if not isinstance(estimator, Network):
        return _of_other(estimator, X, y, folding, points)
    problem = problem_of(estimator, X, y)
    subject = studied(estimator, problem, seed=random_state)
    if over == "rows":
        return over_rows(problem, subject, folding, points, scaled=estimator.batch_size is None)
    if over == "width":
        return over_width(problem, subject, folding, points)
    whole = None if points is None else [round(point) for point in points]
    if over == "depth":
        return over_depth(problem, subject, folding, whole)
    if whole is not None and max(whole) > subject.settings.max_epochs:
        raise InputError(f"points go up to epoch {max(whole)}; give epochs up to {subject.settings.max_epochs}")
    return over_epochs(problem, subject, folding, whole)


def _of_other(estimator: Any, X: Any, y: Any, folding: Folding, shares: Sequence[float] | None) -> LearningCurve:
    """Over rows for an estimator of scikit-learn: copies of a row are learned from or held out together."""
    problem = read_problem(X, y, task="regression" if is_regressor(estimator) else "multiclass")
    same = distinct(problem.table, problem.target, order="first")
    merged = problem.take(same.rows)
    table = X if hasattr(X, "iloc") or hasattr(X, "filter") else np.asarray(X)

    def score(sample: Sample) -> tuple[float, float]:
        train, held_out = (np.flatnonzero(np.isin(same.inverse, rows)) for rows in (sample.train, sample.held_out))
        targets = problem.target if problem.task == "regression" else problem.classes[problem.target]
        fitted = clone(estimator).fit(_safe_indexing(table, train), targets[train])
        losses = [
            row_losses(problem, _predicted(fitted, problem, _safe_indexing(table, rows)), rows)
            for rows in (train, held_out)
        ]
        return float(losses[0].mean()), float(losses[1].mean())

    return over_rows_of(merged, score, folding, shares)


def _predicted(fitted: Any, problem: Problem, X: Any) -> Floats:
    """Predictions `(r, C)`; a class that the estimator has not seen has probability 0."""
    if problem.task == "regression":
        return np.asarray(fitted.predict(X), dtype=np.float64).reshape(-1, 1)
    shares = np.asarray(fitted.predict_proba(X), dtype=np.float64)
    predicted = np.zeros((len(shares), len(problem.classes)))
    predicted[:, np.searchsorted(problem.classes, fitted.classes_)] = shares
    return predicted


def _check(estimator: Any, over: str, points: Any) -> None:
    """Raise InputError for the first argument that can't be used."""
    if over not in OVERS:
        raise InputError(f"over is {over!r}; give {', '.join(map(repr, OVERS[:-1]))} or {OVERS[-1]!r}")
    if isinstance(estimator, type) or not isinstance(estimator, BaseEstimator):
        raise InputError(f"estimator is {estimator!r}; give an estimator, such as goodfit.Classifier()")
    if not isinstance(estimator, Network):
        name = type(estimator).__name__
        if over != "rows":
            raise InputError(f"{name} can be followed over='rows' only; give a goodfit estimator for over={over!r}")
        if not (is_regressor(estimator) or (is_classifier(estimator) and hasattr(estimator, "predict_proba"))):
            raise InputError(f"{name} predicts neither numbers nor probabilities; give one with predict_proba")
    if points is not None:
        _check_points(over, points)


def _check_points(over: str, points: Any) -> None:
    low, high, wanted = {
        "epochs": (1, math.inf, "epochs, 1 or more"),
        "rows": (0, 1, "shares of the training rows, above 0 and up to 1"),
        "width": (0, math.inf, "multiples of the width, above 0"),
        "depth": (0, MOST_LAYERS, f"numbers of hidden layers, from 0 to {MOST_LAYERS}"),
    }[over]
    given = np.asarray(points)
    if given.ndim != 1 or given.dtype.kind not in "iuf" or len(np.unique(given)) < 2:
        raise InputError(f"points is {points!r}; give two or more different {wanted}")
    inside = np.isfinite(given) & (given >= low) & (given <= high)
    inside &= (given % 1 == 0) if over in ("epochs", "depth") else given > 0
    if not inside.all():
        raise InputError(f"points hold {given[~inside][0]:g}; give {wanted}")
