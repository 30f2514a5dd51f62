"""From a saved model back to an estimator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from goodfit.estimators.classifier import Classifier
from goodfit.estimators.regressor import Regressor
from goodfit.saving import SUMMARY, read_model, read_summary


def load(path: str | Path) -> Classifier | Regressor:
    """Load a saved model: it predicts bit for bit as before.

    Args:
        path: a run folder, or a `.safetensors` file.

    Raises:
        InputError: no model there; truncated, altered, or written by a newer goodfit.

    Example:
        >>> import tempfile
        >>> model = Regressor("l2=0.001", max_epochs=2).fit([[0.0], [1.0], [2.0]] * 5, [0.0, 0.5, 1.0] * 5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(f"{folder}/line.safetensors")
        ...     same = load(f"{folder}/line.safetensors")
        >>> bool(same.predict([[1.5]])[0] == model.predict([[1.5]])[0])
        True
    """
    path = Path(path)
    model = read_model(path)
    kind = Regressor if model.task == "regression" else Classifier
    layout, media = model.layout, model.encoders[0].schema.form.kind != "table"
    estimator = kind(str(model.recipe), hidden=layout.dense, channels=layout.channels, members=len(model.members))
    estimator.model_, estimator.recipe_ = model, model.recipe
    estimator.n_features_in_ = len(model.columns)
    if not media and model.columns != tuple(f"x{i}" for i in range(len(model.columns))):
        estimator.feature_names_in_ = np.array(model.columns, dtype=object)
    if isinstance(estimator, Classifier):
        estimator.classes_ = model.classes
    if path.is_dir() and (path / SUMMARY).is_file():
        summary, history = read_summary(path)
        estimator.summary_, estimator.history_ = summary, pl.DataFrame() if history is None else history
    return estimator
