"""The sentence above everything else: what was found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from goodfit.diagnosis import Diagnosis, Turn
from goodfit.report.tables import Labels
from goodfit.studies.comparison import Comparison
from goodfit.studies.fitting import Fit


def fit_headline(fitted: Fit, diagnosis: Diagnosis) -> str:
    """What a fit found."""
    best = fitted.best
    if "overfitting" in diagnosis.fired:
        verdict = diagnosis["overfitting"]
        if "best dose" in verdict.evidence:
            before = verdict.evidence["held-out loss without regularization"]
            after = verdict.evidence["held-out loss of the best dose"]
            dose = verdict.evidence["best dose"]
            return f"Overfitting: {dose} brings the held-out loss from {before:.3g} down to {after:.3g}."
        return f"Overfitting: the validation loss turns at epoch {verdict.evidence['validation turns at epoch']:.0f}."
    if "collapsed" in diagnosis.fired:
        return "Collapsed: the network predicts nearly the same for every row."
    loss = (
        f"The held-out loss is {np.nanmean(best.losses):.3g}"
        if np.isfinite(best.losses).any()
        else "No rows were held out"
    )
    return f"No sign of overfitting that a tried dose would mend, within {_range(fitted)}. {loss} with {best.recipe}."


def _range(fitted: Fit) -> str:
    """How far the verdict looked: the epochs that the longest run trained."""
    results = [result for candidate in fitted.candidates for result in candidate.results]
    epochs = max(result.epochs for result in results)
    cut = any(result.outcome == "out of time" for result in results)
    return f"{epochs} epochs, where the budget ended the training" if cut else f"{epochs} epochs"


def comparison_headline(comparison: Comparison, labels: Labels, turns: Mapping[str, Turn]) -> str:
    """What a comparison found."""
    key = "test_rmse" if comparison.prepared.problem.task == "regression" else "test_log_loss"
    means = [comparison.estimate(i, key).value for i in range(len(comparison.recipes))]
    best = int(np.nanargmin(means)) if np.isfinite(means).any() else 0
    first = comparison.recipes[0]
    turn = turns.get(str(first))
    said = (
        f"With {labels.of(first)} the validation loss turns at epoch {turn.epoch}. "
        if turn and turn.beyond_noise
        else ""
    )
    if best == 0:
        return f"{said}No recipe has a lower test loss than {labels.of(first)} ({means[0]:.3g})."
    difference = comparison.difference(best, key)
    sure = "" if difference.high < 0 else ", but no more than chance could"
    winner = labels.of(comparison.recipes[best])
    return f"{said}{winner} lowers the test loss from {means[0]:.3g} to {means[best]:.3g}{sure}."
