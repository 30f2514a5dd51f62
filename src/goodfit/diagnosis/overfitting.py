"""overfitting: some dose of a regularizer lowers the held-out loss."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.turn import find_turn
from goodfit.diagnosis.verdict import Outcome, Verdict
from goodfit.statistics import Estimate, paired_interval

NAME, TITLE = "overfitting", "A regularizer lowers the held-out loss"
LEVEL = 0.95
LEAST = 1e-3
"""Of the loss: what is less is no cure, and may be rounding alone."""


def check(evidence: Evidence) -> Verdict:
    """Fires if a candidate's held-out loss is below that of no regularization by more than chance, and a thousandth.

    The differences are paired over folds and seeds; the interval is widened for the number of candidates (Bonferroni)
    and for the overlap of the folds' training rows (Nadeau and Bengio). With one recipe alone, unregularized, the
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
    gain = _gain(evidence, none, best, tried=len(others))
    threshold = LEAST * float(reference.mean())
    numbers: dict[str, float | str] = {
        "held-out loss without regularization": float(reference.mean()),
        "held-out loss of the best dose": float(evidence.losses[best].mean()),
        "best dose": evidence.recipes[best],
        "gain": gain.value,
        "gain, low": gain.low,
        "gain, high": gain.high,
        "training loss without regularization": float(
            np.mean([result.history.train[result.best_epoch - 1] for result in evidence.results[none]])
        ),
    }
    return Verdict(
        NAME,
        TITLE,
        "issue",
        "fired" if gain.low > 0 and gain.value > threshold else "passed",
        evidence=numbers,
        threshold=threshold,
        advice=f"train with {evidence.recipes[best]}",
    )


def _gain(evidence: Evidence, none: int, best: int, *, tried: int) -> Estimate:
    result = evidence.results[none][0]
    share = len(result.run.validation) / len(result.run.train)
    level = 1 - (1 - LEVEL) / tried
    return paired_interval(evidence.losses[none], evidence.losses[best], test_share=share, level=level)


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
