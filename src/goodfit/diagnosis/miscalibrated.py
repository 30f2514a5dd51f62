"""miscalibrated: other probabilities, made from the same predictions, have a lower loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import chdtrc, chndtrinc, log_softmax

from goodfit.diagnosis.changes import BLIND, LEAST
from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.multiplicity import LEVEL
from goodfit.statistics import Estimate

NAME, TITLE = "miscalibrated", "Its probabilities are not to be taken at their word"
SEVERITY: Severity = "tip"
LEAST_ROWS = 50
CLEAR = 20
"""Times the degrees of freedom: a likelihood ratio from which on the gain is told by its mean over the rows."""

SMALLEST = 1e-12
Floats = NDArray[np.float64]


def check(evidence: Evidence) -> Verdict:
    """Fires if a temperature and an offset a class lower the log loss by 2 %, beyond what fitting them does by chance.

    p' = softmax(log p / T + b): T above 1 says that the network is too sure of itself. Twice the rows times the gain
    is a likelihood ratio: chi-squared with as many degrees of freedom as there are classes if nothing is wrong.
    """
    if evidence.task == "regression":
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="a number has no probability")
    rows = len(evidence.predicted)
    if rows < LEAST_ROWS or not np.isfinite(evidence.predicted).all():
        few = f"{rows} held-out rows are too few; {LEAST_ROWS} or more can tell"
        reason = few if rows < LEAST_ROWS else "networks diverged, so there is no prediction for every row"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    logits, target = np.log(np.maximum(evidence.predicted, SMALLEST)), evidence.target.astype(np.int64)
    scale, offset = recalibration(logits, target, evidence.weights)
    every = np.arange(rows)
    before = -logits[every, target]
    after = -log_softmax(logits * scale + offset, axis=1)[every, target]
    gain, p = gain_of(before, after, evidence.weights, freedom=logits.shape[1])
    loss = float(np.average(before, weights=evidence.weights))
    value, low, high = (end / loss for end in (gain.value, gain.low, gain.high))
    fired = p < LEVEL and value >= LEAST
    told = fired or high < BLIND
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if fired else "passed" if told else "undecided",
        evidence={
            "log loss as it is": loss,
            "log loss recalibrated": loss - gain.value,
            "temperature": 1 / scale,
            "largest offset": float(np.abs(offset).max()),
            "lower by": value,
            "lower by, low": low,
            "lower by, high": high,
            "p": p,
        },
        threshold=LEAST,
        advice="regularize more, or recalibrate on rows held out"
        if scale < 1
        else "recalibrate on rows held out, or don't resample the classes",
        reason="" if told else f"a gain of {BLIND:.0%} can't be excluded, nor shown",
    )


def gain_of(before: Floats, after: Floats, weights: Floats, *, freedom: int) -> tuple[Estimate, float]:
    """By how much the best recalibration lowers the mean log loss, with its 95 % interval, and p of there being none.

    The gain on the rows that it was fitted to is too large by freedom / (2 rows): that is taken off. Small gains have
    the interval of a noncentral chi-squared's noncentrality, large ones that of a mean.
    """
    rows = float(weights.sum() ** 2 / (weights**2).sum())
    falls = before - after
    seen = float(np.average(falls, weights=weights))
    ratio = max(2 * rows * seen, 0.0)
    value = max(seen - freedom / (2 * rows), 0.0)
    p = float(chdtrc(freedom, ratio))
    if ratio > CLEAR * freedom:
        spread = np.sqrt(np.average((falls - seen) ** 2, weights=weights) / rows)
        return Estimate(value, value - 1.96 * spread, value + 1.96 * spread), p
    # a ratio below what chance alone makes would exclude even a gain of 0
    ends = ((ratio, 0.975), (max(ratio, float(freedom)), 0.025))
    low, high = (max(float(np.nan_to_num(chndtrinc(at, freedom, q))), 0.0) / (2 * rows) for at, q in ends)
    # folds have the shares of classes that their training rows have: that these are off can't be seen from them
    return Estimate(value, min(low, value), max(high, value) + freedom / (2 * rows)), p


def recalibration(logits: Floats, target: NDArray[np.int64], weights: Floats) -> tuple[float, Floats]:
    """The inverse temperature and the offsets `(C,)` of least log loss, with a breath of shrinkage to 1 and 0."""
    classes, share = logits.shape[1], weights / weights.sum()
    shown = np.eye(classes)[target]
    breath = 1.0 / len(target)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_p = log_softmax(logits * parameters[0] + parameters[1:], axis=1)
        away = parameters - start
        error = (np.exp(log_p) - shown) * share[:, None]
        gradient = np.concatenate([[(error * logits).sum()], error.sum(0)])
        return float(-(share * (log_p * shown).sum(1)).sum() + breath * away @ away), gradient + 2 * breath * away

    start = np.concatenate([[1.0], np.zeros(classes)])
    bounds = [(0.01, 20.0)] + [(-20.0, 20.0)] * classes
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), np.asarray(found[1:] - found[1:].mean())
