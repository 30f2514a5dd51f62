"""label_noise: some labels are wrong, whatever the inputs say."""

from __future__ import annotations

import math

import numpy as np

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.underfitting import check as check_underfitting
from goodfit.diagnosis.verdict import Outcome, Severity, Verdict
from goodfit.statistics import wilson

NAME, TITLE = "label_noise", "Some labels are wrong"
SEVERITY: Severity = "tip"
SUREST, SURE = 0.1, 0.2
LEAST = 0.03
LEVEL_OFF = 0.6
LEARNED = 0.7
LEAST_ROWS = 400
ONE_SIDED = 1.645
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


def check(evidence: Evidence) -> Verdict:
    """Fires if the rows of which the networks are surest are wrong too, and no less often the surer they are.

    Where classes merely overlap, errors vanish among the rows that are surest. Wrong labels are spread over all rows,
    so that their share levels off: among the surest tenth it is nearly what it is among the second surest fifth. Some
    rows must be clear cases for that, and the networks must have learned something: errors among the surest fifth must
    be well below those of the commonest class. Every row is asked by networks that did not see it.
    """
    if evidence.task == "regression":
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="numbers have no wrong labels, only noise")
    rows = len(evidence.best)
    if rows < LEAST_ROWS or not np.isfinite(evidence.best).all():
        few = f"{rows} held-out rows are too few; {LEAST_ROWS} or more can tell"
        reason = few if rows < LEAST_ROWS else "networks diverged, so there is no prediction for every row"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    order = np.argsort(-evidence.best.max(1), kind="stable")
    wrong = (evidence.best.argmax(1) != evidence.target)[order]
    surest, fifth, next_fifth = (
        wrong[int(start * rows) : int(end * rows)] for start, end in ((0, SUREST), (0, SURE), (SURE, 2 * SURE))
    )
    share = wilson(float(fifth.sum()), len(fifth))
    level, low = _ratio(surest, next_fifth)
    base = 1 - float(np.bincount(evidence.target.astype(np.int64)).max() / rows)
    learned = share.value < LEARNED * base and not check_underfitting(evidence).fired
    outcome: Outcome = "passed"
    if share.low > LEAST and learned and level > LEVEL_OFF:
        outcome = "fired" if low > LEVEL_OFF else "undecided"
    elif share.low > LEAST and not learned:
        outcome = "undecided"
    said = "the networks have learned too little to tell" if not learned else "the surest rows are too few to tell"
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence={
            "wrong among the surest fifth": share.value,
            "wrong, low": share.low,
            "wrong, high": share.high,
            "errors of the surest tenth over the second fifth's": level,
            "this, low": low,
            "always the commonest class errs in": base,
        },
        threshold=LEVEL_OFF,
        advice="look at the rows that the networks surely contradict; label_smoothing=0.1 softens what they do",
        reason=said if outcome == "undecided" else "",
    )


def _ratio(one: Flags, other: Flags) -> tuple[float, float]:
    """How many times as often one group is wrong as the other, and the lower end of that, one-sided at 95 %."""
    a, b = one.sum() + 0.5, other.sum() + 0.5
    ratio = float(a / len(one) / (b / len(other)))
    return ratio, ratio * math.exp(-ONE_SIDED * math.sqrt(1 / a + 1 / b))
