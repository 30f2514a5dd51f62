"""What a run folder's run.json says: the results of a fit or a comparison as plain data."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from goodfit.alarms import calibration_bins
from goodfit.diagnosis import Diagnosis, Turn, find_turn
from goodfit.regularizers import L1, ElasticNet, GroupL1, Recipe
from goodfit.report.deciding import HELD_OUT, TEST, confusion, decisions
from goodfit.report.headline import comparison_headline, fit_headline
from goodfit.report.tables import Labels, OnTest, comparison_table, fit_table
from goodfit.saving import FORMAT_OF_SUMMARIES
from goodfit.studies.comparison import Comparison
from goodfit.studies.findings import Histogram, selected_columns, selected_terms, weight_histograms
from goodfit.studies.fitting import Fit, as_resampled
from goodfit.studies.predicting import held_out_predictions, predictions
from goodfit.studies.preparing import Prepared
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.rating import scores_of, threshold_of
from goodfit.training import RunResult, Settings

TERMS_NOTE = "A term is a word, a pair of words or a mark; a network keeps it if any weight from it is not exactly 0."
MOST_TERMS_LISTED = 500
FEATURES_NOTE = "A network keeps a column if any weight from it is not exactly 0."


def summarize_fit(fitted: Fit, diagnosis: Diagnosis, labels: Labels, test: OnTest | None = None) -> dict[str, Any]:
    """The summary of a fit; `changes_of` its evidence belongs beside it."""
    problem = fitted.prepared.problem
    results = [candidate.results for candidate in fitted.candidates]
    recipes = [candidate.recipe for candidate in fitted.candidates]
    turns = {str(recipe): turn for recipe, own in zip(recipes, results, strict=True) if (turn := find_turn(own))}
    summary = frame_of(labels, problem, fitted.settings) | {
        "headline": fit_headline(fitted, diagnosis),
        "verdicts": [verdict.to_dict() for verdict in diagnosis.verdicts],
        "turns": turns_of(turns),
        "curves": list(dict.fromkeys([str(recipes[0]), str(fitted.best.recipe)])),
        "chosen": str(fitted.best.recipe),
        "table": fit_table(fitted, labels, test),
        "weights": [_histogram(h) for h in weight_histograms(recipes, results)],
    }
    schema = fitted.prepared.encoders[0].schema
    summary["data"] |= {"train": problem.rows, "notes": [*labels.notes, *schema.notes]}
    summary["settings"] |= asdict(fitted.plan)
    features = _features(recipes, results, fitted.prepared)
    held, where = (test.problem, TEST) if test else (None, HELD_OUT)
    rows, predicted = fitted.held_out(fitted.chosen)
    threshold_from = (problem.bare.take(rows), predicted)
    raw = test.as_resampled if test else _held_out_as_resampled(fitted)
    if test:
        summary["data"] |= _counts(problem, test.problem) | {"test": test.problem.rows}
    shown = (held, test.predicted) if held is not None and test else threshold_from
    decided = decisions(str(fitted.best.recipe), threshold_from, shown, where=where, plan=fitted.plan)
    return summary | features | decided | repair(fitted.best.recipe, decided, shown, raw)


def summarize_comparison(
    comparison: Comparison, labels: Labels, extra: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The summary of a comparison; `extra` are further rows at the foot of its table."""
    problem, recipes, results = comparison.prepared.problem, comparison.recipes, comparison.results
    turns = {str(recipe): turn for recipe, own in zip(recipes, results, strict=True) if (turn := find_turn(own))}
    split = comparison.splits[0]
    summary = frame_of(labels, problem, comparison.settings) | {
        "headline": comparison_headline(comparison, labels, turns),
        "turns": turns_of(turns),
        "curves": [str(recipe) for recipe in recipes],
        "table": comparison_table(comparison, labels, extra),
        "weights": [_histogram(h) for h in weight_histograms(recipes, results)],
    }
    notes = [*labels.notes, *comparison.prepared.encoders[0].schema.notes]
    summary["data"] |= {"train": len(split.train) + len(split.validation), "test": len(split.test), "notes": notes}
    return summary | _features(list(recipes), list(results), comparison.prepared) | _first_repeat(comparison)


def frame_of(labels: Labels, problem: Problem, settings: Settings) -> dict[str, Any]:
    """What every summary has."""
    names = {"goodfit", "torch", "scikit-learn", "polars", "numpy"}
    data = {"name": labels.data, "columns": len(problem.table.columns), "target": labels.target}
    return {
        "format": FORMAT_OF_SUMMARIES,
        "goodfit": version("goodfit"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": labels.command,
        "title": labels.title,
        "task": problem.task,
        "data": data | _counts(problem),
        "settings": asdict(settings),
        "versions": {name: version(name) for name in sorted(names)} | {"python": platform.python_version()},
    }


def _counts(*parts: Problem) -> dict[str, Any]:
    """How many rows there are, and of each class."""
    rows = {"rows": sum(part.rows for part in parts)}
    classes = parts[0].classes
    if not len(classes):
        return rows
    counts = sum(np.bincount(part.target, minlength=len(classes)) for part in parts)
    return rows | {"classes": [str(c) for c in classes], "counts": np.asarray(counts).tolist()}


def turns_of(turns: Mapping[str, Turn]) -> list[dict[str, Any]]:
    """Where each recipe's validation loss turns, as plain data."""
    return [
        {"recipe": recipe, "epoch": turn.epoch, "beyond_noise": bool(turn.beyond_noise), "rise": turn.rise.value}
        for recipe, turn in turns.items()
    ]


def _histogram(histogram: Histogram) -> dict[str, Any]:
    """A histogram of weights as plain data."""
    return {
        "recipe": str(histogram.recipe),
        "edges": histogram.edges.tolist(),
        "counts": histogram.counts.tolist(),
        "zeros": histogram.zeros,
        "total": histogram.total,
    }


def _features(recipes: Sequence[Recipe], results: Sequence[Sequence[RunResult]], prepared: Prepared) -> dict[str, Any]:
    """The columns, or the terms of texts, that L1 keeps, from the first recipe that has it."""
    kind, reader = prepared.data.form.kind, prepared.encoders[0].schema.fields[0].reader
    for recipe, own in zip(recipes, results, strict=True):
        selects = any(recipe.get(technique) for technique in (L1, GroupL1, ElasticNet))
        if kind in ("table", "text") and not reader and selects:
            if kind == "text":
                terms = selected_terms(own, prepared)
                kept = sum(term.selected > 0 for term in terms)
                note = f"{TERMS_NOTE} {kept} of {len(terms)} terms are kept by any."
                rows = [asdict(term) for term in terms[:MOST_TERMS_LISTED]]
                return {"features": {"recipe": str(recipe), "rows": rows, "note": note, "what": "terms"}}
            rows = [asdict(column) for column in selected_columns(own, prepared.encoders[0].schema)]
            return {"features": {"recipe": str(recipe), "rows": rows, "note": FEATURES_NOTE}}
    return {}


def _held_out_as_resampled(fitted: Fit) -> Floats | None:
    results = fitted.best.results
    if all(result.run.shift is None for result in results):
        return None
    return held_out_predictions(fitted.prepared, [as_resampled(result) for result in results])[1]


def repair(
    recipe: Recipe, decided: Mapping[str, Any], shown: tuple[Problem, Floats], raw: Floats | None
) -> dict[str, Any]:
    """What synthetic rows did to calibration, beside its repair: bins and scores before and after."""
    problem, predicted = shown
    if raw is None:
        return {}
    found = {}
    for key, label in (("log_loss", "log loss"), ("brier", "Brier score")):
        before, after = (scores_of(problem, values)[key] for values in (raw, predicted))
        found[label] = {"as_resampled": before, "repaired": after}
    if "calibration" not in decided:
        return {"repair": found}
    bins = calibration_bins(problem.target == problem.positive, raw[:, problem.positive or 0])
    unrepaired = {"recipe": f"{recipe}, not repaired", "bins": [asdict(b) for b in bins]}
    return {"repair": found, "calibration": [*decided["calibration"], unrepaired]}


def _first_repeat(comparison: Comparison) -> dict[str, Any]:
    """Calibration and confusion on the test rows of the first repeat; rows of others would be counted twice."""
    problem, split = comparison.prepared.problem, comparison.splits[0]
    results = [own[0] for own in comparison.results]
    if problem.positive is None or any(result.failed for result in results):
        return {}
    alarm, truth = problem.positive, problem.target == problem.positive
    tested = [predictions(comparison.prepared, result, split.test)[:, alarm] for result in results]
    threshold = threshold_of(problem, predictions(comparison.prepared, results[-1], split.validation), split.validation)
    calibration = [
        {"recipe": str(recipe), "bins": [asdict(b) for b in calibration_bins(truth[split.test], predicted)]}
        for recipe, predicted in zip(comparison.recipes, tested, strict=True)
    ]
    if threshold is None:
        return {"calibration": calibration}
    where = {"rows": f"test rows of the first split, with {comparison.recipes[-1]}"}
    found = confusion(problem.bare.take(split.test), tested[-1], threshold)
    return {"calibration": calibration, "confusion": found | where}
