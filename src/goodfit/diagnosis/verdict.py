"""A verdict is data: what was asked, what was found, in numbers; sentences are made from it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["issue", "tip", "good"]
Outcome = Literal["fired", "passed", "undecided", "not applicable"]


@dataclass(frozen=True)
class Verdict:
    """An answer to one question about a network and its data.

    Args:
        name: its code, such as "overfitting".
        title: the question's subject in a few words.
        severity: "issue" if it spoils the result, "tip" if it can mislead, "good" if all is well where it fires.
        outcome: whether it fired, passed, was asked of too few rows to tell, or could not be asked.
        evidence: the numbers it rests on.
        threshold: what the deciding number was held against; None where there is none.
        advice: what to do if it fired; a recipe where one helps.
        reason: why it is undecided or not applicable.
    """

    name: str
    title: str
    severity: Severity
    outcome: Outcome
    evidence: Mapping[str, float | str] = field(default_factory=dict)
    threshold: float | None = None
    advice: str = ""
    reason: str = ""

    @property
    def fired(self) -> bool:
        """Whether it fired."""
        return self.outcome == "fired"

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return asdict(self) | {"evidence": dict(self.evidence)}


@dataclass(frozen=True)
class Diagnosis:
    """All verdicts, each with its outcome: nothing disappears silently."""

    verdicts: tuple[Verdict, ...]

    @property
    def fired(self) -> tuple[str, ...]:
        """The names of those that fired."""
        return tuple(verdict.name for verdict in self.verdicts if verdict.fired)

    def but(self, *others: Verdict) -> Diagnosis:
        """The same with other verdicts in the place of those of their names."""
        named = {verdict.name: verdict for verdict in others}
        return Diagnosis(tuple(named.get(verdict.name, verdict) for verdict in self.verdicts))

    def to_dict(self) -> dict[str, Any]:
        """All verdicts as plain data, and the names of those that fired."""
        return {"fired": list(self.fired), "verdicts": [verdict.to_dict() for verdict in self.verdicts]}

    def __getitem__(self, name: str) -> Verdict:
        return {verdict.name: verdict for verdict in self.verdicts}[name]

    def __repr__(self) -> str:
        return f"Diagnosis(fired={list(self.fired)}, verdicts={[v.name for v in self.verdicts]})"
