"""The recipes of M members as one: each technique once, its doses vectors over the members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor

from goodfit.regularizers.recipe import Recipe, Regularizer

P = TypeVar("P", bound=Regularizer)


@dataclass(frozen=True)
class Stack:
    """The techniques that any of M recipes uses, with doses `(M,)`; a member without one has it at its neutral dose."""

    parts: tuple[Regularizer, ...]

    def at(self, place: type[P]) -> list[P]:
        """The techniques that act at a place."""
        return [part for part in self.parts if isinstance(part, place)]


def stack(recipes: Sequence[Recipe], device: torch.device | str = "cpu") -> Stack:
    """Stack the recipes of a population.

    Args:
        recipes: one a member.
        device: where the doses live.
    """
    kinds = dict.fromkeys(type(part) for recipe in recipes for part in recipe)
    ordered = sorted(kinds, key=lambda kind: kind.name)
    return Stack(tuple(_stack_kind(kind, recipes, device) for kind in ordered))


def _stack_kind(kind: type[P], recipes: Sequence[Recipe], device: torch.device | str) -> P:
    members = [recipe.get(kind) or kind.neutral() for recipe in recipes]
    doses: dict[str, Any] = {f.name: _column(members, f.name, device) for f in fields(kind)}
    return kind(**doses)


def _column(members: Sequence[Regularizer], name: str, device: torch.device | str) -> Tensor:
    values = [getattr(member, name) for member in members]
    dtype = torch.bool if isinstance(values[0], bool) else torch.float64
    return torch.tensor(values, dtype=dtype, device=device)
