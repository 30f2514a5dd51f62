"""The diagnosis of a module: all verdicts, and how they were come by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goodfit.diagnosis.verdict import Diagnosis, Verdict
from goodfit.visible import visible

ORDER = ("fired", "undecided", "passed", "not applicable")


@dataclass(frozen=True, repr=False)
class ModuleDiagnosis(Diagnosis):
    """All verdicts on a trained module.

    `str()` of it is a table for people, what fired first; `to_dict()` is plain data for JSON.

    Args:
        verdicts: each with its outcome.
        loss: which loss was taken.
        notes: what else is to be known of the loaders and the losses.

    Example:
        >>> from goodfit.diagnosis import Verdict
        >>> sparse = Verdict("weights", "Weights are not finite", "issue", "passed")
        >>> print(ModuleDiagnosis((sparse,), "cross-entropy", ()))
        passed  weights  Weights are not finite
        loss: cross-entropy
    """

    loss: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return super().to_dict() | {"loss": self.loss, "notes": list(self.notes)}

    def __str__(self) -> str:
        verdicts = sorted(self.verdicts, key=lambda verdict: ORDER.index(verdict.outcome))
        wide = max(len(verdict.outcome) for verdict in verdicts)
        names = max(len(verdict.name) for verdict in verdicts)
        lines = [f"{verdict.outcome:{wide}}  {verdict.name:{names}}  {_told(verdict)}" for verdict in verdicts]
        lines += [f"loss: {self.loss}", *(f"note: {note}" for note in self.notes)]
        return "\n".join(map(visible, lines))


def _told(verdict: Verdict) -> str:
    """The title; where it fired the advice, elsewhere the reason."""
    more = verdict.advice if verdict.fired else verdict.reason
    return f"{verdict.title}: {more}" if more else verdict.title
