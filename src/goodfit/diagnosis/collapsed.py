"""collapsed: the network predicts one class for everything."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Verdict

NAME, TITLE = "collapsed", "One prediction for every row"
LEAST_SPREAD = 1e-3


def check(evidence: Evidence) -> Verdict:
    """Fires if the predictions hardly differ between rows: neither overfitting nor underfitting, but no model at all.

    Probabilities that spread below 0.5 for every row of a rare class are no collapse: their ranking still tells.
    """
    if not len(evidence.predicted):
        return Verdict(NAME, TITLE, "issue", "not applicable", reason="no rows were held out")
    spread = float(evidence.predicted.std(0).max())
    scale = float(np.std(evidence.target.astype(np.float64))) if evidence.task == "regression" else 1.0
    return Verdict(
        NAME,
        TITLE,
        "issue",
        "fired" if spread < LEAST_SPREAD * scale else "passed",
        evidence={"deviation of the predictions between rows": spread},
        threshold=LEAST_SPREAD * scale,
        advice="lower the dose of regularization or the learning rate",
    )
