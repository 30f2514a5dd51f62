"""contradictory: rows with the same inputs and another class."""

from __future__ import annotations

from collections import Counter, defaultdict

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence

NAME, TITLE = "contradictory", "The same inputs have different classes"
SEVERITY: Severity = "tip"
LEAST = 0.01


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if 1 % of the rows of both loaders have inputs that others have with another class.

    Of rows with equal inputs all but the most frequent class count: no network can be right on these.
    """
    both = (evidence.train.rows, evidence.validation.rows)
    if not all(rows.inputs for rows in both):
        reason = "rows hold something else than tensors, which are not compared"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    if not all(rows.whole or rows.binary for rows in both):
        reason = "targets are numbers: noise alone makes those of equal rows differ"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    classes: defaultdict[bytes, Counter[bytes]] = defaultdict(Counter)
    for rows in both:
        for inputs, target in zip(rows.inputs, rows.targets, strict=True):
            classes[inputs][target] += 1
    total = sum(len(rows.inputs) for rows in both)
    wrong = sum(sum(counts.values()) - max(counts.values()) for counts in classes.values())
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if wrong >= LEAST * total else "passed",
        evidence={
            "rows of another class than most of their equals": float(wrong),
            "their share": wrong / total,
            "inputs with several classes": float(sum(len(counts) > 1 for counts in classes.values())),
        },
        threshold=LEAST,
        advice="look at these rows' labels; if they are right, the inputs lack what tells the classes apart",
    )
