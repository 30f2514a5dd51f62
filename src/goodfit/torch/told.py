"""What a regularized training did, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from goodfit.torch.layers import Change
from goodfit.torch.weights import Parameter


@dataclass(frozen=True)
class Told:
    """What a training did.

    Args:
        recipe: its text.
        changes: what was done to layers, and what would be if asked.
        penalized: how many numbers penalties and decay act on.
        spared: biases, scales and shifts that they don't.
        steps: of all optimizers.
        losses: on validation rows, an epoch each.
        best: the epoch of the lowest that counts, from 1; 0 if none was told.
        kept: which weights the module has: "last", "best" or "averaged".
        zeros: share of weights that are exactly 0, by name.
    """

    recipe: str
    changes: tuple[Change, ...]
    penalized: int
    spared: int
    steps: int
    losses: tuple[float, ...]
    best: int
    kept: str
    zeros: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return vars(self) | {"changes": [vars(change) for change in self.changes], "losses": list(self.losses)}

    def __str__(self) -> str:
        lines = [
            f"recipe: {self.recipe}",
            *map(str, self.changes),
            f"penalties and decay act on {self.penalized:,} weights, not on {self.spared:,} biases, scales and shifts",
            f"{self.steps:,} steps, {len(self.losses)} epochs; the weights are the {self.kept} ones{self._of_epoch()}",
            *(f"{name}: {share:.1%} of the weights are exactly 0" for name, share in self.zeros.items() if share),
        ]
        return "\n".join(lines)

    def _of_epoch(self) -> str:
        return f", of epoch {self.best} with validation loss {self.losses[self.best - 1]:.4g}" if self.best else ""


def zeros_of(parameters: Sequence[Parameter]) -> dict[str, float]:
    """Share of weights that are exactly 0, by name."""
    return {p.name: float((p.values == 0).float().mean()) for p in parameters if p.weight}


def sizes(parameters: Sequence[Parameter]) -> tuple[int, int]:
    """How many numbers are weights, and how many are not."""
    weights = sum(p.values.numel() for p in parameters if p.weight)
    return weights, sum(p.values.numel() for p in parameters) - weights
