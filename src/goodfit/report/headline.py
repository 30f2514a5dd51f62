"""The sentence above everything else: what was found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from goodfit.diagnosis import Diagnosis, Turn
from goodfit.report.tables import Labels
from goodfit.studies.comparison import Comparison
from goodfit.studies.fitting import Fit

UNSURE = 0.05


def fit_headline(fitted: Fit, diagnosis: Diagnosis) -> str:
    """What a fit found."""
    overfitting, diverged = diagnosis["overfitting"], diagnosis["diverged"]
    if overfitting.fired and "best dose" in overfitting.evidence:
        before = overfitting.evidence["held-out loss without regularization"]
        after = overfitting.evidence["held-out loss of the best dose"]
        dose = overfitting.evidence["best dose"]
        return f"Overfitting: {dose} brings the held-out loss from {before:.3g} down to {after:.3g}."
    if overfitting.fired:
        return (
            f"Overfitting: the validation loss turns at epoch {overfitting.evidence['validation turns at epoch']:.0f}."
        )
    if diagnosis["collapsed"].fired:
        return "Collapsed: the network predicts nearly the same for every row."
    said = [f"No sign of overfitting that a tried dose would mend, within {_range(fitted)}."]
    if overfitting.outcome == "not applicable":
        said = [f"Whether it overfits can't be told: {overfitting.reason}."]
    elif _unsure(overfitting.evidence):
        before = overfitting.evidence["held-out loss without regularization"]
        after = overfitting.evidence["held-out loss of the best dose"]
        said = [
            "It may overfit, but these rows can't tell: the held-out loss falls from "
            f"{before:.3g} to {after:.3g} with {overfitting.evidence['best dose']}, which chance could do."
        ]
    if diverged.fired:
        gone, every = diverged.evidence["networks that diverged"], diverged.evidence["networks"]
        said.insert(0, f"{gone:.0f} of {every:.0f} networks diverged.")
    loss, recipe = fitted.best.losses.mean(), str(fitted.best.recipe)
    if np.isfinite(loss):
        how = "without regularization" if recipe == "none" else f"with {recipe}"
        said.append(f"The held-out loss is {loss:.3g} {how}.")
    return " ".join(said)


def _unsure(evidence: Mapping[str, float | str]) -> bool:
    """Whether the best dose lowers the loss by a twentieth or more, though not beyond chance."""
    return float(evidence.get("lower by", 0.0)) >= UNSURE


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
        value = f" ({means[0]:.3g})" if np.isfinite(means[0]) else ""
        return f"{said}No recipe has a lower test loss than {labels.of(first)}{value}."
    winner = labels.of(comparison.recipes[best])
    if not np.isfinite(means[0]):
        return f"{said}With {labels.of(first)} networks diverged; {winner} has a test loss of {means[best]:.3g}."
    sure = "" if comparison.difference(best, key).high < 0 else ", but no more than chance could"
    return f"{said}{winner} lowers the test loss from {means[0]:.3g} to {means[best]:.3g}{sure}."
