"""collapsed: the network predicts one class for everything."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Severity, Verdict

NAME, TITLE = "collapsed", "One prediction for every row"
SEVERITY: Severity = "issue"
LEAST_SPREAD = 1e-3


def check(evidence: Evidence) -> Verdict:
    """Fires if no network's predictions differ between rows: neither overfitting nor underfitting, but no model at all.

    Each network is asked on the rows that it held out: networks that have collapsed still differ in their constants.
    Probabilities that spread below 0.5 for every row of a rare class are no collapse: their ranking still tells.
    """
    results = evidence.trials[evidence.chosen].results[: len(evidence.held)]
    kept = [rows for result, rows in zip(results, evidence.held, strict=True) if not result.failed]
    spreads = [evidence.predicted[np.searchsorted(evidence.rows, rows)].std(0).max() for rows in kept if len(rows) > 1]
    if not spreads:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="no network held out two rows")
    spread = float(max(spreads))
    scale = float(np.std(evidence.target.astype(np.float64))) if evidence.task == "regression" else 1.0
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if spread < LEAST_SPREAD * scale else "passed",
        evidence={"deviation of the predictions between rows": spread},
        threshold=LEAST_SPREAD * scale,
        advice="lower the dose of regularization or the learning rate",
    )
