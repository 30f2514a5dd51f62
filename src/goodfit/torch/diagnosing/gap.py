"""gap: the loss on validation rows is higher than on training rows."""

from __future__ import annotations

import math

from goodfit.diagnosis.verdict import Outcome, Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence
from goodfit.torch.diagnosing.losses import excess

NAME, TITLE = "gap", "The validation loss is above the training loss"
SEVERITY: Severity = "tip"
LEAST = 0.1
"""Of the validation loss: nearly every trained network has a smaller gap."""


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if the validation loss is above the training loss by 10 % of itself, and beyond chance.

    Both losses are measured in inference mode on rows as the loaders give them; the interval is Welch's. A gap alone is
    no overfitting: that is whether another training, of another dose, has a lower validation loss.
    """
    train, validation = evidence.train.losses, evidence.validation.losses
    gap = excess(validation, train)
    if not math.isfinite(gap.value) or not math.isfinite(gap.low):
        lost = not math.isfinite(gap.value)
        reason = "a loss is not finite" if lost else "one loss a loader has no interval: give several batches"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    size = abs(validation.mean)
    wide = gap.low > 0 and gap.value >= LEAST * size
    small = gap.low > 0 or gap.high <= LEAST * size
    outcome: Outcome = "fired" if wide else "passed" if small else "undecided"
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence={
            "training loss": train.mean,
            "validation loss": validation.mean,
            "gap": gap.value,
            "gap, low": gap.low,
            "gap, high": gap.high,
        },
        threshold=LEAST * size,
        advice="a gap alone is no overfitting: train again with more regularization, or stop earlier, on the same "
        "rows; it overfits if the validation loss falls",
        reason=f"a gap of {LEAST:.0%} of the loss can't be excluded, nor shown" if outcome == "undecided" else "",
    )
