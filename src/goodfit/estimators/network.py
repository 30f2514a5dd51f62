"""What the estimators share: settings, fitting, saving and reporting."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from goodfit.blend import Blend
from goodfit.data.media import medium_of, read_rows
from goodfit.diagnosis import Diagnosis, Evidence, diagnose
from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.estimators.finding import choices_of
from goodfit.estimators.settings import execution_of, granted, plan_of, recipe_of, searches, settings_of
from goodfit.export import Exported, export_model
from goodfit.locking import alone_in
from goodfit.model import Model
from goodfit.regularizers import Recipe, Regularizer, doubts
from goodfit.regularizers.ranges import Ranged, Space
from goodfit.report import write_report
from goodfit.report.diagnosing import changes_of
from goodfit.report.summary import summarize_fit
from goodfit.report.tables import Labels
from goodfit.saving import model_bytes, run_files, write_all
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import Fit, fit, model_of
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.trials import gather_evidence
from goodfit.studies.usual import candidates_for

if TYPE_CHECKING:
    from goodfit.studies.searching.store import Store

SpaceLike = Space | Ranged | Recipe | Regularizer | str | None


class Network(BaseEstimator):
    """What Classifier and Regressor share; not for use by itself."""

    recipe: SpaceLike
    hidden: tuple[int, ...] | None
    channels: tuple[int, ...] | None
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float | None
    batch_size: int | None
    max_epochs: int | None
    schedule: Literal["constant", "cosine"] | None
    scaling: float | None
    validation: float
    members: int
    metric: str | None
    standardize: bool
    budget: float | str | None
    ensemble: int
    random_state: Any
    device: str
    backend: Literal["local", "ray"]
    threads: int | None
    precision: Literal["float32", "bfloat16"]

    @property
    def coefs_(self) -> list[NDArray[np.float64]]:
        """Weights `(inputs, units)` of each layer of the network, with `members=1`."""
        return self._layers()[0]

    @property
    def intercepts_(self) -> list[NDArray[np.float64]]:
        """Biases `(units,)` of each layer of the network, with `members=1`."""
        return self._layers()[1]

    def save(self, path: str | Path) -> None:
        """Save the model: a run folder, or one file if the path ends in `.safetensors`.

        Example:
            >>> import tempfile, goodfit
            >>> model = goodfit.Classifier("l2=0.001", max_epochs=2, members=1).fit([[0.0], [1.0]] * 10, [0, 1] * 10)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     model.save(folder)
            ...     same = goodfit.load(folder)
            >>> bool((same.predict_proba([[0.5]]) == model.predict_proba([[0.5]])).all())
            True
        """
        check_is_fitted(self)
        path = Path(path)
        if path.suffix == ".safetensors":
            write_all(path.parent, {path.name: model_bytes(self.model_)})
        else:
            files = run_files(self.model_, *self._run())
            with alone_in(path):
                write_all(path, files)

    def export(self, path: str | Path) -> Exported:
        """Write the model as an ONNX file that predicts the same without goodfit, and say what is in it.

        The file takes a column each under its name, `(N, 1)`: text for a category, "" where missing; else a double, NaN
        where missing. It gives `probabilities` `(N, C)` and `label` `(N,)`, or `prediction` `(N,)`.

        Args:
            path: the file, such as "model.onnx".

        Raises:
            InputError: onnx isn't installed; a model of texts; a column without a name, or named as an output.
        """
        check_is_fitted(self)
        return export_model(self.model_, Path(path))

    def report(self, path: str | Path) -> None:
        """Write the report: one HTML file with curves, table, weights and verdicts, that needs no network."""
        check_is_fitted(self)
        write_report(*self._run(), Path(path))

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn may expect: missing values, text and categories are fine."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _fit(self, X: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> Self:
        started = time.monotonic()
        problem = self._problem(X, y, sample_weight, class_weight).merged()
        if searches(self):
            return self._searched(problem, started)
        recipes = candidates_for(problem.kind) if self.recipe is None else [recipe_of(self)]
        plan, settings = plan_of(self), settings_of(self, problem)
        _warn_without_validation(recipes, self.validation)
        fitted = fit(problem, recipes, plan=plan, settings=settings, execution=execution_of(self, started))
        evidence = gather_evidence(fitted)
        return self._learned(fitted, model_of(fitted, fitted.best), diagnose(evidence), evidence)

    def _searched(self, problem: Problem, started: float, store: Store | None = None) -> Self:
        from goodfit.report.searching import add_search  # Optuna and its database only where they're used
        from goodfit.studies.searching.diagnosing import diagnose_search
        from goodfit.studies.searching.finding import find
        from goodfit.studies.searching.pace import Pace

        plan = plan_of(self)
        found = find(
            problem,
            choices_of(self, problem),
            plan=plan,
            pace=Pace(cast(float, granted(self)), started=started),
            execution=replace(execution_of(self, started), deadline=math.inf),
            store=store,
            networks=self.ensemble,
        )
        self._learned(found.ablation.fit, found.chosen.model, *diagnose_search(found))
        self.search_ = found
        add_search(self.summary_, found)
        return self

    def _learned(self, fitted: Fit, model: Model | Blend, diagnosis: Diagnosis, evidence: Evidence | None) -> Self:
        """Take the attributes that end in an underscore from a fit."""
        self.model_ = model
        if len(self.model_.classes):
            self.classes_ = self.model_.classes
        self.recipe_ = fitted.best.recipe
        self.history_ = history_frame([candidate.results for candidate in fitted.candidates])
        self.diagnosis_ = diagnosis
        problem = fitted.prepared.problem
        title = f"{type(self).__name__}: {problem.name or 'target'}"
        labels = Labels("fit", title, "data in memory", problem.name, {})
        self.summary_ = summarize_fit(fitted, self.diagnosis_, labels) | changes_of(evidence)
        return self

    def _run(self) -> tuple[dict[str, Any], pl.DataFrame]:
        """What is known of the run, for its folder and its report."""
        if not hasattr(self, "summary_"):
            raise InputError("this model was loaded from a file that holds no run: load its run folder, or fit it anew")
        return self.summary_, self.history_

    def _problem(self, X: Any, y: Any, sample_weight: Any, class_weight: Any) -> Problem:
        if y is None:
            raise InputError(f"{type(self).__name__}.fit requires y to be passed, but the target y is None")
        table = read_rows(X)
        if medium_of(table) is None:
            validate_data(self, X, skip_check_array=True)
        else:
            self.n_features_in_ = 1
        check_consistent_length(np.empty(table.rows), y, sample_weight)
        target = column_or_1d(y, warn=True) if np.asarray(y).ndim == 2 else y
        weights = _sample_weights(sample_weight, table.rows)
        if class_weight is not None:
            weights = weights * _class_weights(class_weight, np.asarray(target))
        return read_problem(table, target, task=self._task, weights=weights, name=str(getattr(y, "name", None) or ""))

    def _predicted(self, X: Any) -> NDArray[np.float64]:
        """Predictions `(n, C)`, the columns of X named as in training."""
        check_is_fitted(self)
        table = read_rows(X)
        if medium_of(table) is None:
            validate_data(self, X, reset=False, skip_check_array=True)
        return self.model_.predict(table.renamed(self.model_.columns))

    def _layers(self) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        check_is_fitted(self)
        if len(self.model_.members) > 1:
            raise AttributeError(
                f"this model has {len(self.model_.members)} networks; make it with members=1 to have one set of weights"
            )
        return self.model_.layers(0)


def _sample_weights(given: Any, rows: int) -> NDArray[np.float64]:
    if given is None:
        return np.ones(rows)
    weights = np.asarray(given, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(rows, float(weights))
    if weights.ndim != 1:
        raise InputError(f"sample_weight has shape {weights.shape}: give one weight a row. Sample weights must be 1D")
    return weights


def _class_weights(given: Any, target: NDArray[Any]) -> NDArray[np.float64]:
    try:
        return np.asarray(compute_sample_weight(given, target))
    except ValueError:
        raise InputError(f"class_weight is {given!r}; give 'balanced', a weight for each class, or None") from None


def _warn_without_validation(recipes: list[Recipe], validation: float) -> None:
    """Say what is doubtful only because no rows are held out; other doubts were said when the recipe was made."""
    for recipe in recipes:
        for doubt in doubts(recipe, validation=validation > 0):
            if doubt not in doubts(recipe):
                warnings.warn(doubt, DoubtfulRecipe, stacklevel=5)
