"""miscalibrated: other probabilities, made from the same outputs, have a lower loss on the validation rows."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from goodfit.alarms import calibration_bins
from goodfit.diagnosis.changes import BLIND, LEAST
from goodfit.diagnosis.miscalibrated import LEAST_ROWS, NAME, SEVERITY, SMALLEST, TITLE, gain_of, recalibration
from goodfit.diagnosis.verdict import Verdict
from goodfit.multiplicity import LEVEL
from goodfit.tempering import temperature
from goodfit.torch.diagnosing.chances import Floats, is_classifier, probabilities
from goodfit.torch.diagnosing.evidence import ModuleEvidence

BINS = 15
MOST = 20_000_000
"""Probabilities looked at: of more, every second row or fewer."""


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if a temperature and an offset a class lower the log loss by 2 %, beyond what fitting them does by chance.

    The test is that of `goodfit.diagnose`. The expected calibration error is of the most probable class, in 15 bins of
    equal row counts; the temperature is the one that alone makes the log loss least.

    Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017.
    """
    reason = _why_not(evidence)
    if reason:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    chances, target = _kept(evidence)
    logits, weights = np.log(np.maximum(chances, SMALLEST)), np.ones(len(target))
    scale, offset = recalibration(logits, target, weights)
    every = np.arange(len(target))
    before = -logits[every, target]
    after = -log_softmax(logits * scale + offset, axis=1)[every, target]
    gain, p = gain_of(before, after, weights, freedom=logits.shape[1])
    loss = float(before.mean())
    value, low, high = (end / max(loss, SMALLEST) for end in (gain.value, gain.low, gain.high))
    fired = p < LEVEL and value >= LEAST
    told = fired or high < BLIND
    heat = temperature(chances, target, weights=None)
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if fired else "passed" if told else "undecided",
        evidence={
            "expected calibration error": calibration_error(chances, target),
            "temperature": heat,
            "log loss as it is": loss,
            "log loss recalibrated": loss - gain.value,
            "largest offset": float(np.abs(offset).max()),
            "lower by": value,
            "lower by, low": low,
            "lower by, high": high,
            "p": p,
        },
        threshold=LEAST,
        advice=f"divide the logits by a temperature, here {heat:.2f}, chosen on rows that are then not scored"
        if abs(np.log(heat)) > 0.05
        else "recalibrate the classes' offsets on rows that are then not scored",
        reason="" if told else f"a gain of {BLIND:.0%} can't be excluded, nor shown",
    )


def calibration_error(chances: Floats, target: np.ndarray) -> float:
    """The mean over rows of |share that is right - mean probability| of the most probable class, by bins.

    Args:
        chances: `(n, C)` probabilities.
        target: `(n,)` codes of the true classes.

    Returns:
        From 0, where each bin is as often right as it says, to 1, where it is always sure and always wrong.

    Example:
        >>> calibration_error(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 0, 1]))
        0.0
    """
    bins = calibration_bins(chances.argmax(1) == target, chances.max(1), BINS)
    return sum(part.rows * abs(part.observed - part.predicted) for part in bins) / len(target)


def _why_not(evidence: ModuleEvidence) -> str:
    if not is_classifier(evidence):
        return "the outputs are no probabilities of classes, one class a row"
    outputs, target = evidence.validation.outputs, evidence.validation.targets
    assert outputs is not None
    assert target is not None
    if evidence.validation.infinite:
        return "outputs are not finite"
    rows = len(target)
    if rows < LEAST_ROWS:
        return f"{rows} validation rows are too few; {LEAST_ROWS} or more can tell"
    known = (target >= 0) & (target < max(2, outputs.shape[1]))
    return "" if known.all() else "some targets are no class of the outputs"


def _kept(evidence: ModuleEvidence) -> tuple[Floats, np.ndarray]:
    chances, target = probabilities(evidence), evidence.validation.targets
    assert target is not None
    step = -(-chances.size // MOST)
    return chances[::step], target[::step].astype(np.int64)
