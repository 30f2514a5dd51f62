"""stopped_wrong: early stopping ended the training too early, or never could."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.changes import LEAST, best_change, numbers, outcome_of
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Outcome, Severity, Verdict
from goodfit.regularizers import EarlyStopping, Recipe
from goodfit.statistics import mean_interval

NAME, TITLE = "stopped_wrong", "Early stopping came too early, or never could"
SEVERITY: Severity = "tip"
RECENT = 0.1
"""The last share of the epochs, in which a training that was cut off still improves."""


def check(evidence: Evidence) -> Verdict:
    """Fires if a longer patience lowers the held-out loss, or the last epoch came while the loss still fell."""
    stop = Recipe.parse(evidence.asked.recipe).get(EarlyStopping)
    if stop is None:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="its recipe has no early stopping")
    kept = [result for result in evidence.asked.results if not result.failed]
    if not kept or not len(kept[0].run.validation):
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="no row was held out to watch")
    stopped = sum(result.outcome == "stopped" for result in kept)
    late = np.array([_late_fall(result.history.validation) for result in kept])
    cut = mean_interval(late)
    never = not stopped and len(kept) > 1 and cut.low > 0 and cut.value >= LEAST / 2
    found: dict[str, float | str] = {
        "networks that stopped": float(stopped),
        "networks": float(len(kept)),
        "fall of the loss in the last tenth of the epochs": cut.value,
    }
    outcome: Outcome = "fired" if never else "passed"
    advice = f"raise max_epochs: no network had stopped after {max(r.epochs for r in kept)} epochs"
    change = best_change(evidence, "patience")
    if change and not never:
        outcome = outcome_of(change[1])
        found |= numbers(evidence, *change)
        advice = f"train with {change[0].name}"
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence=found,
        threshold=LEAST / 2 if never else LEAST,
        advice=advice,
        reason="a gain of 5 % can't be excluded, nor shown" if outcome == "undecided" else "",
    )


def _late_fall(losses: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """By how much of itself the best loss fell in the last tenth of the epochs."""
    early = max(1, int((1 - RECENT) * len(losses)))
    before = float(np.nanmin(losses[:early]))
    return 1 - min(float(np.nanmin(losses)), before) / before if before > 0 else 0.0
