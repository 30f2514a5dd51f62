"""Small fits and comparisons that summaries and headlines are made of."""

import numpy as np
import polars as pl

from goodfit.regularizers import Recipe
from goodfit.report.tables import Labels, OnTest
from goodfit.studies.fitting import Fit, model_of
from goodfit.studies.predicting import held_out_predictions
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.rating import threshold_of
from goodfit.studies.testing import Predictor, score_on
from goodfit.training import Settings

TASKS = ("binary", "multiclass", "regression")
TEXTS = ("none", "l1=0.02, early_stopping=3", "l2=0.05")
SETTINGS = Settings(hidden=(16,), batch_size=16, max_epochs=12)
LABELS = Labels("fit", "data.csv: <aim>", "data.csv", "<aim>", {"l2=0.05": "L2 & only"})


def problem_of(task: str, rows: int = 120) -> Problem:
    random = np.random.default_rng(0)
    frame = pl.DataFrame({f"<c{i}>": random.normal(size=rows) for i in range(4)} | {"flat": [1.0] * rows})
    signal = frame["<c0>"].to_numpy() + 0.5 * random.normal(size=rows)
    classes = {"binary": np.array(["no & never", "<yes>"]), "multiclass": np.array(["a", "b", "c"])}
    if task == "regression":
        return read_problem(frame, 100 * signal, name="<aim>")
    return read_problem(
        frame, classes[task][np.digitize(signal, [0.6] if task == "binary" else [-0.5, 0.5])], name="<aim>"
    )


def recipes(*texts: str) -> list[Recipe]:
    return [Recipe.parse(text) for text in texts]


def on_test(fitted: Fit, test: Problem) -> OnTest:
    """The first and the chosen candidate on the test rows, as `goodfit fit` scores them."""
    shown = sorted({0, fitted.chosen})
    predictors = []
    for place in shown:
        candidate = fitted.candidates[place]
        rows, held = held_out_predictions(fitted.prepared, candidate.results)
        threshold = threshold_of(fitted.prepared.problem, held, rows)
        predictors.append(Predictor(model_of(fitted, candidate).predict(test.table), threshold))
    problem = fitted.prepared.problem
    constant = (
        np.full((test.rows, 1), problem.target.mean())
        if problem.task == "regression"
        else np.tile(np.bincount(problem.target) / problem.rows, (test.rows, 1))
    )
    *tested, baseline = score_on(test, [*predictors, Predictor(constant)], seed=0)
    return OnTest(test, predictors[-1].predicted, dict(zip(shown, tested, strict=True)), baseline)
