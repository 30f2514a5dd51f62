"""overfitting: some dose of a regularizer lowers the held-out loss."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis import collapsed
from goodfit.diagnosis.changes import BLIND, LEAST, best_change, numbers, outcome_of, too_few
from goodfit.diagnosis.evidence import Evidence, Trial
from goodfit.diagnosis.turn import find_turn
from goodfit.diagnosis.verdict import Outcome, Severity, Verdict

NAME, TITLE = "overfitting", "A regularizer lowers the held-out loss"
SEVERITY: Severity = "issue"
THEN = "predictions after the best change"
UNSURE = f"a fall of the loss by {BLIND:.0%} or more can't be excluded, nor shown"


def check(evidence: Evidence) -> Verdict:
    """Fires if a dose lowers the held-out loss by 2 % or more, beyond what the best of so many doses does by chance.

    Losses are compared row by row, each by networks that held the row out. Where no dose was tried and the network
    has none, the dose tried is to stop earlier: it fires if the validation loss rises after its turn.
    """
    found = best_change(evidence, "dose")
    if found:
        change, fall = found
        outcome, emptied = outcome_of(fall), _emptied(evidence, change)
        return Verdict(
            NAME,
            TITLE,
            SEVERITY,
            outcome,
            evidence=numbers(evidence, change, fall)
            | {"training loss as it is": float(evidence.asked.train_losses.mean())}
            | ({THEN: "nearly the same for every row"} if emptied else {}),
            threshold=LEAST,
            advice=f"try smaller doses than {change.recipe}" if emptied else f"train with {change.recipe}",
            reason=UNSURE if outcome == "undecided" else "",
        )
    if len(evidence.trials) == 1 and evidence.asked.recipe == "none":
        return _turned(evidence)
    reason = "one recipe was trained, and no other dose beside it" if len(evidence.trials) == 1 else too_few(evidence)
    return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)


def _emptied(evidence: Evidence, change: Trial) -> bool:
    """Whether a change leaves constants; unknown, and so no, of one that isn't the chosen network's."""
    return change is evidence.trials[evidence.chosen] and collapsed.check(evidence).fired


def _turned(evidence: Evidence) -> Verdict:
    turn = find_turn(evidence.asked.results)
    if turn is None or np.isnan(turn.rise.low):
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="no validation losses of several networks")
    found = {
        "validation turns at epoch": float(turn.epoch),
        "rise since": turn.rise.value,
        "rise, low": turn.rise.low,
        "rise, high": turn.rise.high,
        "fall of the training loss since": turn.train_fall,
    }
    kept = [result for result in evidence.asked.results if not result.failed]
    threshold = LEAST * float(np.mean([result.history.validation[turn.epoch - 1] for result in kept]))
    outcome: Outcome = "fired" if turn.beyond_noise and turn.rise.value > threshold else "passed"
    advice = "train with early_stopping=10"
    return Verdict(NAME, TITLE, SEVERITY, outcome, evidence=found, threshold=threshold, advice=advice)
