"""leak: the rows flatter the network: copies, a column that gives the target away, or scores too good to be true."""

from __future__ import annotations

from goodfit.diagnosis.evidence import Evidence
from goodfit.diagnosis.verdict import Severity, Verdict

NAME, TITLE = "leak", "Something gives the answers away"
SEVERITY: Severity = "issue"
COPIES = 0.02
SKILL = 0.98
PERFECT = 0.999


def check(evidence: Evidence) -> Verdict:
    """Fires if 2 % more rows than chance explains are copies, one column alone tells the target, or all is right.

    "Alone" is a skill of 0.98 on rows held out (a tree on that column), "all right" an accuracy or R² of 0.999.
    """
    leaks = evidence.leaks
    if leaks is None:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="rows were not searched; goodfit.diagnose does")
    key = "r2" if evidence.task == "regression" else "accuracy"
    score = evidence.scores.get(key, 0.0)
    found = {
        f"{leaks.copies:.0%} of the rows have a copy: keep copies on one side of every split": leaks.copies
        - leaks.expected
        > COPIES,
        f"column '{leaks.column}' alone tells the target: is it known before the target is?": leaks.skill > SKILL,
        "the network is never wrong: look for a column made from the target": score >= PERFECT,
    }
    said = [text for text, fired in found.items() if fired]
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if said else "passed",
        evidence={
            "rows with a copy": leaks.copies,
            "expected by chance": leaks.expected,
            "most telling column": leaks.column,
            "its skill alone": leaks.skill,
            f"held-out {key}": score,
        },
        threshold=SKILL,
        advice="; ".join(said) or "keep copies of a row on one side of every split",
    )
