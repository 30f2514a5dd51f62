"""Scores of predictions: which ones, in which order they are shown, and how each is computed."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    recall_score,
    roc_auc_score,
)

from goodfit.alarms import recall_at, row_weights
from goodfit.errors import InputError

Task = Literal["binary", "multiclass", "regression"]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Metric:
    """A score's name and manner.

    Args:
        key: its name in dictionaries and files.
        label: its name for people.
        percent: whether people read it as a percentage.
        higher_is_better: False for losses and errors.
        least: the least value that there is.
        most: the greatest.
    """

    key: str
    label: str
    percent: bool
    higher_is_better: bool
    least: float = 0.0
    most: float = math.inf


ACCURACY = Metric("accuracy", "accuracy", True, True, 0, 1)
BALANCED_ACCURACY = Metric("balanced_accuracy", "balanced accuracy", True, True, 0, 1)
AVERAGE_PRECISION = Metric("average_precision", "average precision", False, True, 0, 1)
ROC_AUC = Metric("roc_auc", "ROC AUC", False, True, 0, 1)
RECALL_AT_1PCT = Metric("recall_at_1pct", "recall at 1 % alarms", True, True, 0, 1)
LOG_LOSS = Metric("log_loss", "log loss", False, False)
BRIER = Metric("brier", "Brier score", False, False)
RMSE = Metric("rmse", "RMSE", False, False)
MAE = Metric("mae", "MAE", False, False)
R2 = Metric("r2", "R²", False, True, -math.inf, 1)

_BINARY = (ACCURACY, BALANCED_ACCURACY, AVERAGE_PRECISION, ROC_AUC, RECALL_AT_1PCT, LOG_LOSS, BRIER)
_MULTICLASS = (ACCURACY, BALANCED_ACCURACY, ROC_AUC, LOG_LOSS, BRIER)
_REGRESSION = (RMSE, MAE, R2)


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """The metrics of a task, in the order shown to people.

    Args:
        task: "binary", "multiclass" or "regression".

    Returns:
        The metrics; their keys are those of classification_scores and regression_scores, in the same order.

    Raises:
        InputError: another task.

    Example:
        >>> [metric.key for metric in metrics_of("regression")]
        ['rmse', 'mae', 'r2']
    """
    tables = {"binary": _BINARY, "multiclass": _MULTICLASS, "regression": _REGRESSION}
    if task not in tables:
        raise InputError(f"task is {task!r}: give one of {', '.join(tables)}")
    return tables[task]


def classification_scores(
    codes: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    *,
    positive: int | None = None,
    threshold: float | None = None,
    weights: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """All scores of a classifier's probabilities, by key.

    log loss = -mean log p(true class); Brier = mean (p - y)² over rows, of the positive class where there are two
    classes, summed over the classes where there are more. Balanced accuracy is the mean recall over the classes
    present; ROC AUC of more than two classes is the mean, over the classes present, of one against the rest.

    Args:
        codes: shape (n,), the true classes, integers from 0 to K-1.
        probabilities: shape (n, K), K at least 2, each row in [0, 1] and of sum 1 (within 0.001). The predicted class
            is the first of the largest. A probability that is not finite, as of a diverged network, makes every score
            nan.
        positive: with two classes, the code of the class that is the alarm; None: 1. With more classes only None.
        threshold: with two classes, the probability of `positive` from which on balanced accuracy takes a row for
            positive, in [0, 1]: at 0 all rows, above 1 none. None: the more probable class, as accuracy has it. With
            few positives that is hardly ever theirs; choose a threshold on rows held out, `best_threshold`.
        weights: shape (n,), the rows' weights, 0 or more and not all 0; None: all equal.

    Returns:
        A score for each metric of the task; nan where these rows leave it undefined (one class only).

    Raises:
        InputError: no rows, lengths that differ, a code or positive outside 0..K-1, or rows that aren't probabilities.

    Example:
        >>> scores = classification_scores([0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
        >>> scores["balanced_accuracy"], scores["roc_auc"]
        (0.75, 1.0)

    Note:
        Log loss is clipped at the float's epsilon, as scikit-learn does, so that one row costs at most 36.04. The Brier
        score of two classes is half of what the sum over classes would be.
    """
    truth = np.asarray(codes)
    given = np.asarray(probabilities, dtype=np.float64)
    _check_shapes(truth, given)
    weight = row_weights(weights, len(truth))
    classes = given.shape[1]
    if positive is not None and (classes > 2 or positive not in (0, 1)):
        raise InputError(f"positive is {positive} with {classes} classes: give 0 or 1 with two classes, None with more")
    keys = [metric.key for metric in metrics_of("binary" if classes == 2 else "multiclass")]
    if not np.isfinite(given).all():
        return dict.fromkeys(keys, math.nan)
    proper = _proper(given)
    scores = _label_scores(truth, given.argmax(axis=1), weight)
    scores |= {
        "log_loss": float(log_loss(truth, proper, labels=np.arange(classes), sample_weight=weight)),
        "brier": float(np.average(((proper - np.eye(classes)[truth]) ** 2).sum(axis=1), weights=weight)),
    }
    if classes == 2:
        alarm = 1 if positive is None else positive
        scores |= _ranking_scores(truth == alarm, given[:, alarm], weight) | {"brier": scores["brier"] / 2}
        if threshold is not None:
            flagged = np.where(given[:, alarm] >= threshold, alarm, 1 - alarm)
            scores["balanced_accuracy"] = _label_scores(truth, flagged, weight)["balanced_accuracy"]
    else:
        aucs = [_auc(truth == code, given[:, code], weight) for code in _present(truth, weight)]
        scores["roc_auc"] = float(np.mean(aucs))
    return {key: scores[key] for key in keys}


def majority_scores(
    codes: npt.ArrayLike, prior: npt.ArrayLike, *, positive: int | None = None, weights: npt.ArrayLike | None = None
) -> dict[str, float]:
    """Scores of the classifier that gives every row the training rows' class shares: what knowing nothing earns.

    Args:
        codes: shape (n,), the true classes, integers from 0 to K-1.
        prior: shape (K,), the classes' shares among the training rows, of sum 1.
        positive: as in classification_scores.
        weights: as in classification_scores.

    Returns:
        A score for each metric; its accuracy is the share of the training rows' largest class.

    Raises:
        InputError: as classification_scores.

    Example:
        >>> majority_scores([0] * 95 + [1] * 5, [0.95, 0.05])["accuracy"]
        0.95
    """
    shares = np.asarray(prior, dtype=np.float64)
    return classification_scores(
        codes, np.broadcast_to(shares, (np.size(codes), shares.size)), positive=positive, weights=weights
    )


def regression_scores(
    y: npt.ArrayLike, prediction: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> dict[str, float]:
    """All scores of a regressor's predictions, by key.

    rmse = sqrt(mean (y - prediction)²); mae = mean |y - prediction|; r2 = 1 - mean (y - prediction)² / var(y).

    Args:
        y: shape (n,), the true values.
        prediction: shape (n,), in the unit of y. Predictions that are not finite make every score nan.
        weights: shape (n,), the rows' weights, 0 or more and not all 0; None: all equal.

    Returns:
        rmse and mae in the unit of y, r2 in (-inf, 1]; r2 is nan where y is constant.

    Raises:
        InputError: no rows, lengths that differ, or a y that isn't finite.

    Example:
        >>> regression_scores([1.0, 3.0], [0.0, 4.0])
        {'rmse': 1.0, 'mae': 1.0, 'r2': 0.0}
    """
    truth, given = np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != given.shape or len(truth) == 0:
        raise InputError(f"y has shape {truth.shape}, prediction {given.shape}: give both the same number of rows")
    if not np.isfinite(truth).all():
        raise InputError(f"y in row {int(np.argmin(np.isfinite(truth))) + 1} is not finite: remove or repair that row")
    weight = row_weights(weights, len(truth))
    if not np.isfinite(given).all():
        return {metric.key: math.nan for metric in _REGRESSION}
    varies = np.ptp(truth if weight is None else truth[weight > 0]) > 0
    return {
        "rmse": math.sqrt(mean_squared_error(truth, given, sample_weight=weight)),
        "mae": float(mean_absolute_error(truth, given, sample_weight=weight)),
        "r2": float(r2_score(truth, given, sample_weight=weight)) if varies else math.nan,
    }


def mean_scores(y: npt.ArrayLike, mean: float, *, weights: npt.ArrayLike | None = None) -> dict[str, float]:
    """Scores of the regressor that predicts the training rows' mean for every row: what knowing nothing earns.

    Args:
        y: shape (n,), the true values.
        mean: the mean of the training rows, in the unit of y.
        weights: as in regression_scores.

    Returns:
        A score for each metric; r2 is at most 0.

    Raises:
        InputError: as regression_scores.

    Example:
        >>> mean_scores([1.0, 3.0], 2.0)
        {'rmse': 1.0, 'mae': 1.0, 'r2': 0.0}
    """
    return regression_scores(y, np.full(np.size(y), mean), weights)


def _label_scores(truth: Codes, predicted: Codes, weight: Floats | None) -> dict[str, float]:
    present = _present(truth, weight)
    recall = recall_score(truth, predicted, labels=present, average="macro", sample_weight=weight, zero_division=0)
    return {
        "accuracy": float(accuracy_score(truth, predicted, sample_weight=weight)),
        "balanced_accuracy": float(recall) if len(present) > 1 else math.nan,
    }


def _ranking_scores(positive: npt.NDArray[np.bool_], score: Floats, weight: Floats | None) -> dict[str, float]:
    both = len(_present(positive, weight)) == 2
    precision = float(average_precision_score(positive, score, sample_weight=weight)) if both else math.nan
    return {
        "average_precision": precision,
        "roc_auc": _auc(positive, score, weight),
        "recall_at_1pct": recall_at(positive, score, weights=weight) if both else math.nan,
    }


def _auc(positive: npt.NDArray[np.bool_], score: Floats, weight: Floats | None) -> float:
    if len(_present(positive, weight)) < 2:
        return math.nan
    return float(roc_auc_score(positive, score, sample_weight=weight))


def _present(labels: npt.NDArray[np.int64] | npt.NDArray[np.bool_], weight: Floats | None) -> npt.NDArray[np.int64]:
    return np.flatnonzero(np.bincount(labels, weight) > 0)


def _proper(probabilities: Floats) -> Floats:
    total: Floats = probabilities.sum(axis=1, keepdims=True)
    wrong = (np.abs(total[:, 0] - 1) > 1e-3) | (probabilities < 0).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"row {row + 1} of probabilities, {probabilities[row].tolist()}, is none: give numbers >= 0 of sum 1"
        )
    return probabilities / total


def _check_shapes(codes: npt.NDArray[np.int64], probabilities: Floats) -> None:
    if codes.ndim != 1 or probabilities.ndim != 2 or len(codes) != len(probabilities) or len(codes) == 0:
        raise InputError(
            f"codes has shape {codes.shape}, probabilities {probabilities.shape}: give (n,) and (n, K) of one n > 0"
        )
    classes = probabilities.shape[1]
    if classes < 2:
        raise InputError("probabilities has one column: give one for each class, at least two")
    known = np.isin(codes, np.arange(classes))
    if codes.dtype.kind not in "iu" or not known.all():
        row = int(known.argmin())
        raise InputError(f"code {codes[row]} in row {row + 1} is not a class: give integers from 0 to {classes - 1}")
