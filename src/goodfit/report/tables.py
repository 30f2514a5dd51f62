"""The tables of a fit and of a comparison as plain data: a row a recipe, value and interval a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goodfit.data.table import counted
from goodfit.metrics import Metric, metrics_of
from goodfit.regularizers import Recipe
from goodfit.statistics import Estimate, mean_interval
from goodfit.studies.comparison import Comparison
from goodfit.studies.fitting import Candidate, Fit
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.testing import Tested
from goodfit.training import RunResult

LEVEL_NOTE = "95 % intervals below the values"
THRESHOLD_NOTE = " Balanced accuracy is taken at the threshold that serves it best on rows held out of training."


@dataclass(frozen=True)
class Labels:
    """What a job is called.

    Args:
        command: "fit", "compare" or "demo".
        title: of the report.
        data: name of the data, such as a file's.
        target: name of the target column.
        recipes: names for people of some recipes, by their texts.
        notes: what a user should know of how the data were read, a line each.
    """

    command: str
    title: str
    data: str
    target: str
    recipes: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def of(self, recipe: Recipe) -> str:
        """A recipe's name for people."""
        text = str(recipe)
        return self.recipes.get(text, "no regularization" if text == "none" else text)


@dataclass(frozen=True, eq=False)
class OnTest:
    """How a fit did on test rows.

    Args:
        problem: the test rows.
        predicted: the chosen candidate's predictions.
        tested: scores of no regularization, where it was tried, and of the chosen candidate, by candidate.
        baseline: scores of the constant prediction.
        as_resampled: the chosen candidate's predictions without the repair of what its synthetic rows did to
            probabilities; None where it has none.
    """

    problem: Problem
    predicted: Floats
    tested: Mapping[int, Tested]
    baseline: Tested
    as_resampled: Floats | None = None


def comparison_table(comparison: Comparison, labels: Labels, extra: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The table of a comparison: a row a recipe, columns for training, test and the gap between them."""
    task = comparison.prepared.problem.task
    columns = _comparison_columns(metrics_of(task), task)
    rows = [
        {
            "recipe": str(recipe),
            "label": labels.of(recipe),
            "cells": {key: comparison.estimate(i, key).to_dict() for key in columns},
            "differences": {key: comparison.difference(i, key).to_dict() for key in columns} if i else {},
        }
        for i, recipe in enumerate(comparison.recipes)
    ]
    constant = {column: comparison.constant(column).to_dict() for column in columns}
    ordered = comparison.prepared.problem.times is not None
    how = (
        "the rows up to a moment of its own, the latest of them for testing," if ordered else "a new split of the rows"
    )
    note = (
        f"{LEVEL_NOTE}: means over {len(comparison.splits)} seeds, each with {how} and new initial "
        "weights, corrected for the overlap of the splits. Differences are paired over the seeds."
    )
    note += THRESHOLD_NOTE if task == "binary" else ""
    split = comparison.splits[0]
    if len(split.scored) < len(split.train):
        note += f" Training scores are those of {len(split.scored):,} of {len(split.train):,} rows, drawn at random."
    note += _cut_note(comparison.results)
    return {
        "metrics": [_column(key, label, metric) for key, (label, metric) in columns.items()],
        "rows": rows,
        "baselines": [{"label": _constant_label(comparison.prepared.problem), "cells": constant}, *extra],
        "note": note,
    }


def _cut_note(results: Sequence[Sequence[RunResult]]) -> str:
    """What a budget that was too small does to a comparison; nothing where none was."""
    every = [result for own in results for result in own]
    cut = [result.epochs for result in every if result.outcome == "out of time"]
    if not cut:
        return ""
    epochs = counted(max(cut), "epoch") if min(cut) == max(cut) else f"{min(cut)} to {max(cut)} epochs"
    return (
        f" The budget ended {len(cut)} of {counted(len(every), 'network')} before they were done, after {epochs}: what "
        "learns slowly looks worse than it is."
    )


def fit_table(fitted: Fit, labels: Labels, test: OnTest | None) -> dict[str, Any]:
    """A row a candidate: training and held-out loss, and scores on the test rows where it was tested."""
    task = fitted.prepared.problem.task
    shown = [m for m in metrics_of(task) if m.key != "brier"] if test else []
    metrics = [
        {"key": "train_loss", "label": "training loss", "percent": False, "higher_is_better": None},
        {"key": "held_out_loss", "label": "held-out loss", "percent": False, "higher_is_better": False},
        *(_column(f"test_{m.key}", f"test {m.label}", m) for m in shown),
    ]
    first = fitted.candidates[0]
    rows = []
    for i, candidate in enumerate(fitted.candidates):
        cells, differences = {}, {}
        for key, values in _losses(candidate).items():
            cells[key] = _over_folds(values, fitted).to_dict()
            differences[key] = _over_folds(values - _losses(first)[key], fitted).to_dict()
        if test and i in test.tested:
            cells |= {f"test_{m.key}": test.tested[i].scores[m.key].to_dict() for m in shown}
            differences |= {f"test_{m.key}": test.tested[i].differences[m.key].to_dict() for m in shown}
        rows.append(
            {
                "recipe": str(candidate.recipe),
                "label": labels.of(candidate.recipe),
                "cells": cells,
                "differences": differences if i else {},
            }
        )
    baselines = []
    if test:
        cells = {f"test_{m.key}": test.baseline.scores[m.key].to_dict() for m in shown}
        baselines.append({"label": _constant_label(test.problem), "cells": cells})
    note = f"{LEVEL_NOTE}: of losses over {fitted.plan.members} networks, "
    note += "each with a seed of its own, on the rows that it held out"
    note += "; of test scores over resampled test rows, for all networks of a recipe together." if test else "."
    note += THRESHOLD_NOTE if test and task == "binary" else ""
    return {"metrics": metrics, "rows": rows, "baselines": baselines, "note": note}


def _losses(candidate: Candidate) -> dict[str, Floats]:
    train = [r.history.train[r.best_epoch - 1] if not r.failed else np.nan for r in candidate.results]
    return {"train_loss": np.array(train), "held_out_loss": candidate.losses}


def _over_folds(values: Floats, fitted: Fit) -> Estimate:
    share = fitted.plan.validation / (1 - fitted.plan.validation)
    return mean_interval(values, test_share=share)


def _comparison_columns(metrics: Sequence[Metric], task: str) -> dict[str, tuple[str, Metric]]:
    by_key = {metric.key: metric for metric in metrics}
    lead = "accuracy" if task != "regression" else "rmse"
    columns = {
        f"train_{lead}": (f"train {by_key[lead].label}", by_key[lead]),
        f"test_{lead}": (f"test {by_key[lead].label}", by_key[lead]),
        f"gap_{lead}": ("gap", by_key[lead]),
    }
    rest = [m for m in metrics if m.key not in {lead, "brier"}]
    columns |= {f"test_{m.key}": (f"test {m.label}", m) for m in rest}
    return columns


def _column(key: str, label: str, metric: Metric) -> dict[str, Any]:
    better = metric.higher_is_better if key.startswith("test_") else None
    return {"key": key, "label": label, "percent": metric.percent, "higher_is_better": better}


def _constant_label(problem: Problem) -> str:
    if problem.task == "regression":
        return "the mean for every row"
    commonest = problem.classes[int(np.bincount(problem.target).argmax())]
    return f"everything '{commonest}'"
