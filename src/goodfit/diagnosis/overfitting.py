"""overfitting: some dose of a regularizer lowers the held-out loss."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.turn import find_turn
from goodfit.diagnosis.verdict import Outcome, Verdict
from goodfit.statistics import Estimate, paired_interval

NAME, TITLE = "overfitting", "A regularizer lowers the held-out loss"
LEVEL = 0.95
SMALLEST = 1e-12
"""A loss of 0 counts as this."""

LEAST = 1e-3
"""Of the loss: what is less is no cure, and may be rounding alone."""


def check(evidence: Evidence) -> Verdict:
    """Fires if a candidate's held-out loss is below that of no regularization by more than chance, and a thousandth.

    Losses are paired over folds and seeds and compared by their ratio: a memorizing network's loss differs between
    folds as its size does. The interval is widened for the number of candidates (Bonferroni) and for the overlap of
    the folds' training rows (Nadeau and Bengio). With one recipe alone, unregularized, the
    dose tried is to stop earlier: it fires if the validation loss rises by as much after its turn. With one
    regularized recipe nothing tells.
    """
    if "none" in evidence.recipes and len(evidence.recipes) > 1:
        return _against_none(evidence)
    if evidence.recipes == ("none",):
        return _turned(evidence)
    return Verdict(NAME, TITLE, "issue", "not applicable", reason="no network was trained without regularization")


def _against_none(evidence: Evidence) -> Verdict:
    none = evidence.recipes.index("none")
    others = [i for i in range(len(evidence.recipes)) if i != none and np.isfinite(evidence.losses[i]).all()]
    reference = evidence.losses[none]
    if not np.isfinite(reference).all() or not others or len(reference) < 2:
        return Verdict(NAME, TITLE, "issue", "not applicable", reason="too few networks with a held-out loss")
    best = min(others, key=lambda i: float(evidence.losses[i].mean()))
    lower = _lower_by(evidence, none, best, tried=len(others))
    numbers: dict[str, float | str] = {
        "held-out loss without regularization": float(reference.mean()),
        "held-out loss of the best dose": float(evidence.losses[best].mean()),
        "best dose": evidence.recipes[best],
        "lower by": lower.value,
        "lower by, low": lower.low,
        "lower by, high": lower.high,
        "training loss without regularization": float(
            np.mean([result.history.train[result.best_epoch - 1] for result in evidence.results[none]])
        ),
    }
    return Verdict(
        NAME,
        TITLE,
        "issue",
        "fired" if lower.low > 0 and lower.value > LEAST else "passed",
        evidence=numbers,
        threshold=LEAST,
        advice=f"train with {evidence.recipes[best]}",
    )


def _lower_by(evidence: Evidence, none: int, best: int, *, tried: int) -> Estimate:
    """The share by which the best dose lowers the loss, 1 - exp of the mean log ratio, with its interval."""
    result = evidence.results[none][0]
    share = len(result.run.validation) / len(result.run.train)
    level = 1 - (1 - LEVEL) / tried
    before, after = (np.log(np.maximum(evidence.losses[i], SMALLEST)) for i in (none, best))
    ratio = paired_interval(before, after, test_share=share, level=level)
    return Estimate(*(float(-np.expm1(-end)) for end in (ratio.value, ratio.low, ratio.high)))


def _turned(evidence: Evidence) -> Verdict:
    turn = find_turn(evidence.results[0])
    if turn is None or np.isnan(turn.rise.low):
        return Verdict(NAME, TITLE, "issue", "not applicable", reason="no validation losses of several networks")
    numbers = {
        "validation turns at epoch": float(turn.epoch),
        "rise since": turn.rise.value,
        "rise, low": turn.rise.low,
        "rise, high": turn.rise.high,
        "fall of the training loss since": turn.train_fall,
    }
    kept = [result for result in evidence.results[0] if result.outcome != "diverged"]
    threshold = LEAST * float(np.mean([result.history.validation[turn.epoch - 1] for result in kept]))
    outcome: Outcome = "fired" if turn.beyond_noise and turn.rise.value > threshold else "passed"
    advice = "train with early_stopping=10"
    return Verdict(NAME, TITLE, "issue", outcome, evidence=numbers, threshold=threshold, advice=advice)
