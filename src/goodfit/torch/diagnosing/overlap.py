"""overlap: validation rows that are training rows."""

from __future__ import annotations

from collections import Counter

from goodfit.diagnosis.verdict import Outcome, Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence

NAME, TITLE = "overlap", "Validation rows that the module has learned from"
SEVERITY: Severity = "issue"
COPIES = 0.01
"""Of the validation rows, beyond what chance makes."""
STEADY = 0.9
"""Of the rows of a second pass: a shuffled loader that drops its last batch gives nearly all again."""


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if 1 % more validation rows than chance explains have inputs equal to those of a training row.

    Chance makes copies where inputs take few values. It is judged by the copies among the validation rows themselves:
    if a share r of m of them has one there, 1 - (1 - r)^(n / m) would have one among n training rows. Equal is equal in
    every number; near-copies are not looked for.
    """
    train, validation = evidence.train.rows, evidence.validation.rows
    if not train.inputs or not validation.inputs:
        reason = "rows hold something else than tensors, which are not compared"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    known = set(train.inputs)
    copies = sum(key in known for key in validation.inputs)
    share = copies / len(validation.inputs)
    counts = Counter(validation.inputs)
    repeated = sum(count for count in counts.values() if count > 1) / len(validation.inputs)
    expected = 1 - (1 - repeated) ** (len(train.inputs) / len(validation.inputs))
    fired = share - expected > COPIES
    steady = min(evidence.train.steady, evidence.validation.steady) >= STEADY
    outcome: Outcome = "fired" if fired else "passed" if steady else "undecided"
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        outcome,
        evidence={
            "validation rows that are training rows": float(copies),
            "their share": share,
            "expected by chance": expected,
            "training rows that a second pass gave again, share": evidence.train.steady,
        },
        threshold=COPIES,
        advice="split again, so that all copies of a row are on one side",
        reason="" if outcome != "undecided" else "a loader changes or draws its rows, so that copies need not be equal",
    )
