"""more_rows_help: the held-out loss is still falling with the number of training rows."""

from __future__ import annotations

from goodfit.diagnosis.changes import LEAST
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Outcome, Severity, Verdict

NAME, TITLE = "more_rows_help", "More rows would lower the loss"
SEVERITY: Severity = "tip"


def check(evidence: Evidence) -> Verdict:
    """Fires if twice the rows are predicted to lower the held-out loss by 2 % or more, beyond chance.

    The prediction continues the power law of the losses at fewer rows.
    """
    growth = evidence.growth
    if growth is None:
        return Verdict(
            NAME, TITLE, SEVERITY, "not applicable", reason="fewer rows were not tried; goodfit.diagnose does"
        )
    now = growth.loss.value + growth.gain.value
    gain, low, high = (end / now for end in (growth.gain.value, growth.gain.low, growth.gain.high))
    outcome: Outcome = (
        "fired" if low > 0 and gain >= LEAST else "passed" if high < 2 * LEAST or gain < LEAST else "undecided"
    )
    if not growth.reliable:
        return Verdict(NAME, TITLE, SEVERITY, "undecided", reason="the losses at fewer rows follow no steady course")
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence={
            "held-out loss now": now,
            "predicted at twice the rows": growth.loss.value,
            "lower by": gain,
            "lower by, low": low,
            "lower by, high": high,
        },
        threshold=LEAST,
        advice="collect more rows; what it would bring is in the evidence",
        reason="the prediction is too uncertain" if outcome == "undecided" else "",
    )
