"""not_finite: outputs or losses are infinite or not a number."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence

NAME, TITLE = "not_finite", "Outputs or losses that are not finite"
SEVERITY: Severity = "issue"


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if a row of either loader has an output, or a group of rows a loss, that is infinite or not a number."""
    both = (evidence.train, evidence.validation)
    outputs, inputs = sum(seen.infinite for seen in both), sum(seen.inputs_infinite for seen in both)
    lost = sum(int((~np.isfinite(seen.losses.totals)).sum()) for seen in both)
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if outputs or lost else "passed",
        evidence={
            "rows whose outputs are not finite": float(outputs),
            "of these, rows whose inputs are not finite": float(inputs),
            "losses that are not finite": float(lost),
        },
        threshold=0.0,
        advice="repair the inputs of those rows" if inputs else "see whether the weights are finite, then the loss",
    )
