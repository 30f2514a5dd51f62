"""The sentence above everything else: what was found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from goodfit.data.table import counted
from goodfit.diagnosis import Diagnosis, Turn, Verdict
from goodfit.diagnosis.overfitting import THEN
from goodfit.report.tables import Labels
from goodfit.studies.comparison import Comparison
from goodfit.studies.fitting import Fit

EMPTIED = " But then the network predicts nearly the same for every row: what it had learned is gone, too."


def diagnosis_headline(diagnosis: Diagnosis) -> str:
    """What a diagnosis found, in one or two sentences."""
    said, diverged = _found(diagnosis), diagnosis["diverged"]
    if diverged.fired:
        gone, every = diverged.evidence["networks that diverged"], diverged.evidence["networks"]
        said = f"{gone:.0f} of {every:.0f} networks diverged. {said}"
    if diagnosis["leak"].fired:
        said = f"Something may give the answers away: {diagnosis['leak'].advice}. {said}"
    return said


def _found(diagnosis: Diagnosis) -> str:
    over, under = diagnosis["overfitting"], diagnosis["underfitting"]
    if over.fired and not (under.fired and _fall(under) > _fall(over)):
        return f"{_overfits(over)}{EMPTIED}" if THEN in over.evidence else _overfits(over)
    if diagnosis["collapsed"].fired:
        return "Collapsed: the network predicts nearly the same for every row."
    if under.fired:
        return f"Underfitting: {_change(under)}."
    if over.outcome == "not applicable":
        return f"Whether it overfits can't be told: {over.reason}."
    if over.outcome == "undecided":
        return f"It may overfit, but these rows can't tell: {_change(over)}, which chance could do."
    if diagnosis["good_fit"].fired:
        return "A good fit: nothing that was tried makes it better."
    return "No sign of overfitting that a tried dose would mend."


def fit_headline(fitted: Fit, diagnosis: Diagnosis) -> str:
    """What a fit found."""
    said = diagnosis_headline(diagnosis)
    if diagnosis["overfitting"].fired or diagnosis["collapsed"].fired:
        return said
    if diagnosis["overfitting"].outcome == "passed":
        said = said.replace("would mend.", f"would mend, within {_range(fitted)}.")
    loss, recipe = fitted.best.losses.mean(), str(fitted.best.recipe)
    if np.isfinite(loss):
        how = "without regularization" if recipe == "none" else f"with {recipe}"
        said = f"{said} The held-out loss is {loss:.3g} {how}."
    return said


def _fall(verdict: Verdict) -> float:
    return float(verdict.evidence.get("lower by", 0.0))


def _overfits(verdict: Verdict) -> str:
    if "best change" in verdict.evidence:
        return f"Overfitting: {_change(verdict)}."
    return f"Overfitting: the validation loss turns at epoch {verdict.evidence['validation turns at epoch']:.0f}."


def _change(verdict: Verdict) -> str:
    """What the best change does to the held-out loss."""
    before, after = (verdict.evidence[f"held-out loss {when}"] for when in ("as it is", "after the best change"))
    direction = "down " if float(after) < float(before) else ""
    return f"{verdict.evidence['best change']} brings the held-out loss from {before:.3g} {direction}to {after:.3g}"


def _range(fitted: Fit) -> str:
    """How far the verdict looked: the epochs that the longest run trained."""
    results = [result for candidate in fitted.candidates for result in candidate.results]
    epochs = max(result.epochs for result in results)
    cut = any(result.outcome == "out of time" for result in results)
    return counted(epochs, "epoch") + (", where the budget ended the training" if cut else "")


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
