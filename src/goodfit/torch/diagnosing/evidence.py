"""What a diagnosis of a module rests on, gathered in two passes over each loader."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from goodfit.errors import InputError
from goodfit.torch.batches import Batch, read
from goodfit.torch.calling import call, outputs_of, own_loss
from goodfit.torch.diagnosing.losses import Loss, Scorer, Units, choose, losses
from goodfit.torch.diagnosing.restoring import untouched
from goodfit.torch.diagnosing.rows import Rows, leaves_of, read_rows
from goodfit.torch.diagnosing.watching import Moments, Watch, batch_norms_watched, watched

TWICE = 2
"""So many batches are predicted twice, to see whether predictions are random."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A loader, as the module sees it.

    Args:
        rows: of the first pass.
        steady: the share of the second pass' rows that the first gave too; 1 where rows aren't tensors.
        losses: of the second pass.
        outputs: `(n, C)` where that is their shape, `(n, 1)` of one output a row; else None.
        targets: `(n,)` if there is one for each row; else None.
        deviation: the largest standard deviation of a column of the targets; nan where they have none of their own.
        infinite: rows with an output that is not finite.
        inputs_infinite: of these, rows with an input that is not finite.
    """

    rows: Rows
    steady: float
    losses: Units
    outputs: Tensor | None
    targets: NDArray[Any] | None
    deviation: float
    infinite: int
    inputs_infinite: int


@dataclass(frozen=True, eq=False)
class ModuleEvidence:
    """All that is known of a module.

    Args:
        module: in evaluation mode.
        optimizer: the one that trained it, if given.
        flags: by the name of each part, whether it was in training mode when given.
        dropped: functions that dropped values in the mode as given, with their share.
        train: the training loader.
        validation: the other one.
        scorer: how losses are taken.
        watch: what was seen while it predicted the validation rows.
        moments: of what went into each batch norm on the training rows.
        difference: the largest difference between two predictions of the same rows, over the largest output.
    """

    module: nn.Module
    optimizer: Optimizer | None
    flags: dict[str, bool]
    dropped: dict[str, float]
    train: Seen
    validation: Seen
    scorer: Scorer
    watch: Watch
    moments: dict[str, Moments]
    difference: float


@dataclass(frozen=True, eq=False)
class _Predicted:
    batch: Batch
    answer: Any
    outputs: Tensor
    own: Tensor | None


def gather(
    module: nn.Module,
    loaders: tuple[Iterable[Any], Iterable[Any]],
    *,
    loss: Loss | None,
    optimizer: Optimizer | None,
    device: torch.device,
) -> ModuleEvidence:
    """Read both loaders, then predict all their rows in inference mode.

    Args:
        module: what was trained; it is left in evaluation mode.
        loaders: of training and of validation rows.
        loss: of what the module returns and the targets; None for the usual one.
        optimizer: the one that trained it, or None.
        device: where the module is.

    Raises:
        InputError: a batch, the outputs or the loss can't be used.
    """
    flags = {name: part.training for name, part in module.named_modules()}
    dropped = _dropped_as_given(module, loaders[1], device) if any(flags.values()) else {}
    module.eval()
    train, validation = (read_rows(read(loader, name)) for loader, name in zip(loaders, NAMES, strict=True))
    whole, binary = train.whole and validation.whole, train.binary and validation.binary
    difference, sigmoid, first = _asked_twice(module, loaders[1], device)
    scorer = choose(
        loss,
        first.outputs,
        first.batch.targets,
        whole=whole,
        binary=binary,
        own=first.own is not None,
        sigmoid=sigmoid,
    )
    with batch_norms_watched(module) as moments:
        seen = _seen(module, loaders[0], train, scorer, device, NAMES[0])
    with watched(module) as watch:
        asked = _seen(module, loaders[1], validation, scorer, device, NAMES[1])
    return ModuleEvidence(module, optimizer, flags, dropped, seen, asked, scorer, watch, moments, difference)


NAMES = ("train_loader", "val_loader")


def _predict(module: nn.Module, batch: Batch, device: torch.device, name: str) -> _Predicted:
    there = batch.to(device)
    answer = call(module, there, f"a batch of {name}")
    return _Predicted(there, answer, outputs_of(answer).detach(), own_loss(answer))


def _dropped_as_given(module: nn.Module, loader: Iterable[Any], device: torch.device) -> dict[str, float]:
    """What drops values in the mode as given, seen on the first batch; nothing where that can't be predicted so."""
    with untouched(module, (loader,), device), watched(module) as watch:
        try:
            _predict(module, next(read(loader, NAMES[1])), device, NAMES[1])
        except InputError:
            return {}
    return watch.left_on


def _asked_twice(module: nn.Module, loader: Iterable[Any], device: torch.device) -> tuple[float, bool, _Predicted]:
    """How far two predictions of the same rows differ, whether outputs come from a sigmoid, and the first ones."""
    difference, sigmoid, first = 0.0, False, None
    for place, batch in enumerate(read(loader, NAMES[1])):
        if place == TWICE:
            break
        with watched(module) as watch:
            one = _predict(module, batch, device, NAMES[1])
            sigmoid = watch.sigmoid == one.outputs.untyped_storage().data_ptr()
        before = one.outputs.clone()
        other = _predict(module, batch, device, NAMES[1]).outputs
        if other.shape == before.shape:
            apart, size = torch.nan_to_num(other - before).abs().max(), torch.nan_to_num(before).abs().max()
            difference = max(difference, float(apart / size.clamp_min(1e-12)))
        first = first or one
    if first is None:
        raise InputError(f"{NAMES[1]} yields rows once only: give a loader that can be read again")
    return difference, sigmoid, first


def _seen(
    module: nn.Module, loader: Iterable[Any], rows: Rows, scorer: Scorer, device: torch.device, name: str
) -> Seen:
    parts: list[Units] = []
    outputs: list[Tensor] | None = []
    targets: list[Tensor] = []
    again: list[Rows] = []
    infinite = inputs_infinite = 0
    for batch in read(loader, name):
        again.append(read_rows([batch]))
        predicted = _predict(module, batch, device, name)
        parts.append(losses(scorer, predicted.answer, predicted.outputs, predicted.batch.targets, predicted.own))
        found = predicted.outputs
        if len(found) == batch.rows:
            wrong = ~torch.isfinite(found.reshape(len(found), -1)).all(1)
            infinite += int(wrong.sum())
            if wrong.any():
                inputs_infinite += int((wrong.cpu() & ~_finite_rows(batch)).sum())
        flat = found.reshape(batch.rows, -1) if found.numel() == batch.rows else found
        outputs = [*outputs, flat.float().cpu()] if outputs is not None and flat.ndim == 2 else None
        targets.append(batch.targets.reshape(batch.rows, -1).cpu())
    both = Units(np.concatenate([part.totals for part in parts]), np.concatenate([part.counts for part in parts]))
    second = Rows(tuple(key for part in again for key in part.inputs), (), (), rows.whole, rows.binary)
    alike = outputs is not None and len({part.shape[1] for part in outputs}) == 1
    wanted = torch.cat(targets) if len({part.shape[1] for part in targets}) == 1 else None
    return Seen(
        rows,
        second.shared_with(rows) if rows.inputs and second.inputs else 1.0,
        both,
        torch.cat(outputs) if outputs and alike else None,
        wanted[:, 0].numpy() if wanted is not None and wanted.shape[1] == 1 else None,
        float(wanted.double().std(0, correction=0).max()) if wanted is not None and wanted.shape[1] else math.nan,
        infinite,
        inputs_infinite,
    )


def _finite_rows(batch: Batch) -> Tensor:
    finite = torch.ones(batch.rows, dtype=torch.bool)
    for tensor in leaves_of(batch.inputs) or []:
        if len(tensor) == batch.rows:
            finite &= torch.isfinite(tensor.reshape(batch.rows, -1)).all(1).cpu()
    return finite
