"""Augmentation of training batches: what a recipe does to inputs and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.mixup import mix_rows
from goodfit.regularizers.places import Adds, Mixes, OnInputs, OnTargets, Rewrites
from goodfit.regularizers.recipe import Regularizer
from goodfit.rng import Purpose, Streams


@dataclass(frozen=True)
class Augmenter:
    """The techniques of a recipe that change training batches.

    Args:
        recipe: whose techniques act.
        seed: of their random numbers, which are a function of it and of the step.
        classes: how many; needed where targets are class numbers and the recipe mixes or smooths them.
    """

    recipe: Recipe
    seed: int
    classes: int | None

    def __post_init__(self) -> None:
        if self.classes is not None and not (isinstance(self.classes, int) and self.classes > 1):
            raise InputError(f"classes is {self.classes!r}; give a whole number of 2 or more")
        for part in self.recipe:
            if isinstance(part, Adds | Rewrites):
                raise InputError(
                    f"{part.name} acts on the rows before training, not on batches: use goodfit.Classifier, or "
                    "`goodfit augment` to write the rows that it makes"
                )

    def apply(self, inputs: Tensor, targets: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """The batch of a step, changed.

        Args:
            inputs: `(B, D)`; `(B, C, H, W)` of pictures.
            targets: class numbers `(B,)`, probabilities `(B, K)` or `(B, 1)`, or quantities.
            step: of training, from 0.
        """
        acting = [part for part in self.recipe if isinstance(part, OnInputs | Mixes | OnTargets)]
        if not acting:
            return inputs, targets
        _check(inputs, targets)
        form = _form(inputs, frozenset.intersection(*(part.suits for part in acting)))
        streams, rows, aims = Streams.of([self.seed], inputs.device), inputs[None], self._aims(targets, acting)[None]
        for part in acting:
            if isinstance(part, OnInputs):
                rows = part.inputs(rows, streams.at(Purpose.NOISE, place=part.stream, step=step), form)
        for part in acting:
            if isinstance(part, Mixes):
                order = streams.at(Purpose.PARTNERS, place=part.stream, step=step).order(rows.shape[1])[0]
                draw = streams.at(Purpose.MIXING, place=part.stream, step=step)
                rows, share = part.mix(rows, rows[:, order], draw, form)
                aims = mix_rows(aims, aims[:, order], share.to(aims.dtype))
        for part in acting:
            if isinstance(part, OnTargets):
                columns = aims if aims.dim() > 2 else aims[..., None]
                aims = part.targets(columns).view(aims.shape)
        return rows[0], aims[0]

    def _aims(self, targets: Tensor, acting: Sequence[Regularizer]) -> Tensor:
        """The targets as numbers that can be mixed and smoothed, where a technique does that."""
        changing = next((part.name for part in acting if isinstance(part, Mixes | OnTargets)), None)
        if changing is None:
            return targets
        if targets.is_floating_point():
            smoothing = any(isinstance(part, OnTargets) for part in acting)
            if smoothing and not bool(((targets >= 0) & (targets <= 1)).all()):
                raise InputError(f"{changing} is for classes, and there are targets outside 0 to 1: leave it away")
            return targets
        if self.classes is None:
            raise InputError(f"{changing} turns class numbers into probabilities: say how many, as in classes=10")
        if targets.dim() > 1 or targets.min() < 0 or targets.max() >= self.classes:
            raise InputError(
                f"{changing} needs one class number a row from 0 to {self.classes - 1}: there are "
                f"{tuple(targets.shape)} from {targets.min()} to {targets.max()}"
            )
        return functional.one_hot(targets.long(), self.classes).to(torch.get_default_dtype())


def _check(inputs: object, targets: object) -> None:
    for name, given in (("inputs", inputs), ("targets", targets)):
        if not isinstance(given, Tensor) or not given.dim():
            raise InputError(f"the {name} of a batch are a {type(given).__name__}: give a tensor with a row each")
    if isinstance(inputs, Tensor) and isinstance(targets, Tensor) and len(inputs) != len(targets):
        raise InputError(f"a batch has {len(inputs)} rows of inputs and {len(targets)} targets: give as many")


def _form(inputs: Tensor, suits: frozenset[Kind]) -> Form:
    """What rows are, by their dimensions."""
    shape = tuple(inputs.shape[1:])
    kind: Kind = "table" if len(shape) != 3 else "sound" if "image" not in suits else "image"
    if kind not in suits or (kind == "sound" and shape[0] != 1):
        raise InputError(
            f"inputs of shape {tuple(inputs.shape)} don't suit the recipe: techniques for pictures need "
            "(rows, channels, height, width), those for sounds (rows, 1, bands, frames)"
        )
    return Form(kind, shape)
