"""repeated: rows that come more than once in a loader."""

from __future__ import annotations

from collections import Counter

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence
from goodfit.torch.diagnosing.rows import Rows

NAME, TITLE = "repeated", "Rows that come several times in a pass"
SEVERITY: Severity = "tip"
COPIES = 0.02


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if 2 % of the rows of a loader are there a second time in the same pass, with the same target."""
    train, validation = evidence.train.rows, evidence.validation.rows
    if not train.inputs or not validation.inputs:
        reason = "rows hold something else than tensors, which are not compared"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    shares = {"training": _again(train), "validation": _again(validation)}
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if max(shares.values()) >= COPIES else "passed",
        evidence={f"{name} rows that were there before, share": share for name, share in shares.items()},
        threshold=COPIES,
        advice="remove copies before splitting; where a sampler draws rows with replacement they are meant, and "
        "intervals of losses are too narrow",
    )


def _again(rows: Rows) -> float:
    counts = Counter(zip(rows.inputs, rows.targets, strict=True))
    return 1 - len(counts) / len(rows.inputs)
