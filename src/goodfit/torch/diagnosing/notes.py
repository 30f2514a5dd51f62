"""What a reader of the verdicts has to know of the loaders, in sentences."""

from __future__ import annotations

from goodfit.torch.diagnosing.evidence import ModuleEvidence, Seen
from goodfit.torch.diagnosing.losses import excess
from goodfit.torch.diagnosing.overlap import STEADY


def notes_of(evidence: ModuleEvidence) -> tuple[str, ...]:
    """Doubts about the losses, if there are any."""
    notes = [*_changing(evidence.train, "training"), *_changing(evidence.validation, "validation")]
    gap = excess(evidence.validation.losses, evidence.train.losses)
    if gap.high < 0:
        notes.append(
            "the validation loss is below the training loss beyond chance: are the training rows augmented or "
            "harder, or the validation rows among them?"
        )
    outputs = evidence.validation.outputs
    columns = 1 if outputs is None else outputs.shape[1]
    if evidence.scorer.kind == "numbers" and evidence.train.rows.binary and columns > 1:
        notes.append("targets are 0 and 1 in several columns: if they are labels, give loss=")
    return tuple(notes)


def _changing(seen: Seen, name: str) -> list[str]:
    if seen.steady >= STEADY:
        return []
    return [
        f"of the {name} rows of a second pass {seen.steady:.0%} were in the first: the loader augments or draws them, "
        f"and the {name} loss is of the rows as it gave them"
    ]
