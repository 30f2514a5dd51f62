"""underfitting: more capacity, longer training or less regularization lowers the held-out loss."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.changes import LEAST, fall_of, numbers, outcome_of, too_few
from goodfit.diagnosis.evidence import Evidence, Kind, Trial
from goodfit.diagnosis.overfitting import UNSURE
from goodfit.diagnosis.verdict import Severity, Verdict

NAME, TITLE = "underfitting", "A stronger network or a longer training lowers the held-out loss"
SEVERITY: Severity = "issue"
KINDS: tuple[Kind, ...] = ("training", "capacity", "relaxed")


MEMORIZED = 0.1
"""Of the held-out loss: below this the training loss leaves nothing to learn."""


def memorized(trial: Trial) -> bool:
    """Whether the training loss is less than a tenth of the held-out loss."""
    kept = [result for result in trial.results if not result.failed]
    if not kept:
        return False
    train, held_out = (
        float(np.mean([losses[r.best_epoch - 1] for r, losses in zip(kept, curves, strict=True)]))
        for curves in ([r.history.train for r in kept], [r.history.validation for r in kept])
    )
    return train < MEMORIZED * held_out


def check(evidence: Evidence) -> Verdict:
    """Fires if such a change lowers the held-out loss, beyond chance and by 2 % or more, and the training loss too.

    A change that helps on new rows without learning the training rows better is no cure of underfitting: wide networks
    often do that.
    """
    changes = evidence.changes(*KINDS)
    if not changes and evidence.leaks is not None and memorized(evidence.asked):
        return _nothing_left(evidence)
    if not changes:
        reason = "nothing stronger was tried; goodfit.diagnose does" if len(evidence.trials) > 0 else too_few(evidence)
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    before = float(np.nanmean(evidence.asked.train_losses))
    learning = [change for change in changes if float(np.nanmean(change.train_losses)) < before]
    found = fall_of(evidence, learning or changes)
    if found is None:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=too_few(evidence))
    change, fall = found
    outcome = outcome_of(fall) if learning else "passed"
    after = float(np.nanmean(change.train_losses))
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence=numbers(evidence, change, fall) | {"training loss as it is": before, "training loss after it": after},
        threshold=LEAST,
        advice=f"train with {change.name}",
        reason=UNSURE if outcome == "undecided" else "",
    )


def _nothing_left(evidence: Evidence) -> Verdict:
    numbers = {
        "training loss as it is": float(np.nanmean(evidence.asked.train_losses)),
        "held-out loss as it is": evidence.mean_loss(evidence.asked),
    }
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "passed",
        evidence=numbers,
        threshold=MEMORIZED,
        advice="it has memorized its training rows: a stronger network has nothing left to learn from them",
    )
