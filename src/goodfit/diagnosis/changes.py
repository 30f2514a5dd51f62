"""Whether a change of the network lowers its held-out loss: what several verdicts ask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goodfit.diagnosis.evidence import Evidence, Kind, Trial
from goodfit.diagnosis.verdict import Outcome
from goodfit.multiplicity import LEVEL, Fall, largest_fall

LEAST = 0.02
"""Of the loss: a smaller fall is no cure."""
BLIND = 0.05
"""Of the loss: where a fall as large as this can't be excluded, nothing is passed."""


def best_change(evidence: Evidence, *kinds: Kind) -> tuple[Trial, Fall] | None:
    """Of the changes of these kinds the one that lowers the held-out loss most; None where none can be compared."""
    return fall_of(evidence, evidence.changes(*kinds))


def fall_of(evidence: Evidence, changes: Sequence[Trial]) -> tuple[Trial, Fall] | None:
    """Which of some changes lowers the held-out loss most, those first that do so beyond chance, and by how much."""
    if not changes or not evidence.asked.usable:
        return None
    losses = np.stack([change.losses for change in changes])
    fall = largest_fall(evidence.asked.losses, losses, weights=evidence.weights, least=LEAST)
    return changes[fall.best], fall


def outcome_of(fall: Fall) -> Outcome:
    """Fired if the fall is beyond chance and worth it; passed if none of the changes can matter; else undecided."""
    if fall.p < LEVEL and fall.fall.value >= LEAST:
        return "fired"
    return "passed" if fall.most < BLIND else "undecided"


def numbers(evidence: Evidence, change: Trial, fall: Fall) -> dict[str, float | str]:
    """The evidence of a change, by names for people."""
    before, after = evidence.mean_loss(evidence.asked), evidence.mean_loss(change)
    return {
        "held-out loss as it is": before,
        "held-out loss after the best change": after,
        "best change": change.name,
        "lower by": fall.fall.value,
        "lower by, low": fall.fall.low,
        "lower by, high": fall.fall.high,
        "p": fall.p,
        "at most lower by": fall.most,
    }


def too_few(evidence: Evidence) -> str:
    """Why no change can be compared."""
    if any(result.failed for result in evidence.asked.results):
        return "networks diverged, so there is no loss to compare with"
    return "no row was held out, or a network diverged for every change"
