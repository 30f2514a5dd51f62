"""Any scikit-learn estimator on replicates of a training set: one fit after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor

from goodfit.decompositions import Loss
from goodfit.errors import InputError
from goodfit.studies.problem import Floats
from goodfit.studies.replicates import Replicate, empty_predictions
from goodfit.studies.rows import Rows

_SEEDS = 2**31


def check_estimator(estimator: Any, loss: Loss) -> None:
    """Raise InputError where an estimator can't be fitted, or can't give what a loss is taken of."""
    name = type(estimator).__name__
    if isinstance(estimator, type) or not all(
        hasattr(estimator, needed) for needed in ("fit", "predict", "get_params")
    ):
        raise InputError(
            f"estimator is {estimator!r}; give an estimator with fit and predict, as scikit-learn has them"
        )
    if loss == "squared" and is_classifier(estimator):
        raise InputError(f"{name} predicts classes; for squared error give a regressor, or loss='zero_one'")
    if loss != "squared" and is_regressor(estimator):
        raise InputError(f"{name} predicts numbers; for {loss} give a classifier, or loss='squared'")
    if loss in ("log_loss", "brier") and not hasattr(estimator, "predict_proba"):
        raise InputError(f"{name} has no predict_proba, which {loss} is taken of; give loss='zero_one'")


def fit_replicates(estimator: Any, replicates: Sequence[Replicate], test: Rows, loss: Loss) -> Floats:
    """Predictions `(R, n, C)` of a clone fitted on each replicate; nan where one predicts something infinite.

    Args:
        estimator: is left as it is; every `random_state` that it or a part of it has is set anew for each replicate.
        replicates: the training sets, out-of-bag rows unused.
        test: the rows to predict.
        loss: "squared" takes numbers, "zero_one" predicted classes, the others probabilities.

    Raises:
        InputError: a fit or a prediction fails, with its reason.
    """
    classes = test.problem.classes
    predicted = empty_predictions(len(replicates), test.problem.rows, max(1, len(classes)))
    for place, replicate in enumerate(replicates):
        own = _seeded(clone(estimator), replicate.sample.seed)
        part = replicate.rows.take(replicate.sample.train)
        try:
            own.fit(part.X, part.labels)
            values = _predicted(own, test.X, classes, loss)
        except (ValueError, TypeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise InputError(f"{type(own).__name__} failed on replicate {place + 1}: {reason}") from error
        if np.isfinite(values).all():
            predicted[place] = values
    return predicted


def _seeded(estimator: Any, seed: int) -> Any:
    names = sorted(estimator.get_params(deep=True))
    own = {name: (seed + place) % _SEEDS for place, name in enumerate(names) if _random_state(name)}
    return estimator.set_params(**own) if own else estimator


def _random_state(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")


def _predicted(estimator: Any, X: Any, classes: NDArray[Any], loss: Loss) -> Floats:
    """Numbers `(n, 1)`, votes or probabilities `(n, C)`; a class that a replicate has not seen has probability 0."""
    if loss == "squared":
        return np.asarray(estimator.predict(X), np.float64).reshape(-1, 1)
    if loss == "zero_one":
        voted = np.searchsorted(classes, np.asarray(estimator.predict(X)))
        return np.eye(len(classes))[voted]
    known = np.asarray(estimator.predict_proba(X), np.float64)
    probabilities = np.zeros((len(known), len(classes)))
    probabilities[:, np.searchsorted(classes, estimator.classes_)] = known
    return probabilities
