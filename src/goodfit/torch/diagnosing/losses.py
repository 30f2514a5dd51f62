"""The loss by small groups of rows: of the usual loss by row, so that its mean has an interval."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import stdtrit
from torch import Tensor, nn
from torch.nn import functional

from goodfit.errors import InputError
from goodfit.statistics import Estimate

Floats = NDArray[np.float64]
Kind = Literal["classes", "two classes", "numbers", "own", "given"]
Loss = Callable[[Any, Tensor], Tensor]
IGNORED = -100
"""A target of this value counts nowhere, as torch's cross-entropy has it."""
SLICES = 16
"""A given loss is also taken of parts of a batch, up to so many, if its mean over them is that of the batch."""

NAMES = {
    "classes": "cross-entropy",
    "two classes": "binary cross-entropy",
    "numbers": "mean squared error",
    "own": "the module's own loss",
}


@dataclass(frozen=True, eq=False)
class Units:
    """Losses of groups of rows: their mean is the sum of `totals` over the sum of `counts`.

    Args:
        totals: `(k,)` sums of the losses in each group.
        counts: `(k,)` how many losses that is.
    """

    totals: Floats
    counts: Floats

    @property
    def mean(self) -> float:
        """The mean loss; nan where nothing counts."""
        return float(self.totals.sum() / self.counts.sum()) if self.counts.sum() else math.nan

    @property
    def variance(self) -> float:
        """Of the mean, by the ratio estimator; nan with one group."""
        k = len(self.totals)
        if k < 2 or not self.counts.sum():
            return math.nan
        away = self.totals - self.mean * self.counts
        return float(k / (k - 1) * (away**2).sum() / self.counts.sum() ** 2)


def excess(units: Units, reference: Units) -> Estimate:
    """By how much one mean loss lies above another of other rows, with Welch's 95 % interval.

    Source: Welch, The generalization of Student's problem, Biometrika 34 (1947).
    """
    value = units.mean - reference.mean
    parts = [(one.variance, len(one.totals) - 1) for one in (units, reference)]
    variance = sum(part for part, _ in parts)
    if not math.isfinite(value) or not math.isfinite(variance):
        return Estimate(value, math.nan, math.nan)
    if variance == 0:
        return Estimate(value, value, value)
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(variance)
    return Estimate(value, value - half, value + half)


@dataclass(frozen=True, eq=False)
class Scorer:
    """How losses are taken.

    Args:
        name: what it is called.
        kind: what the outputs are.
        loss: the one that was given, if any.
        last: whether outputs `(B, L, C)` have their classes last, instead of second as torch's losses do.
        chances: whether the outputs are probabilities already.
    """

    name: str
    kind: Kind
    loss: Loss | None = None
    last: bool = False
    chances: bool = False


def usual_kind(outputs: Tensor, targets: Tensor, *, whole: bool, binary: bool) -> Kind:
    """What outputs are, judged by their shape and the targets of both loaders."""
    if outputs.numel() == len(targets) == targets.numel() and binary:
        return "two classes"
    return "classes" if whole and outputs.ndim > 1 and outputs.numel() > targets.numel() else "numbers"


def choose(
    loss: Loss | None, outputs: Tensor, targets: Tensor, *, whole: bool, binary: bool, own: bool, sigmoid: bool
) -> Scorer:
    """Decide how losses are taken.

    Args:
        loss: the one that was given, or None.
        outputs: of one batch.
        targets: of that batch.
        whole: whether all targets are integers.
        binary: whether all are 0 or 1.
        own: whether the module computes a loss itself.
        sigmoid: whether the outputs are those of a sigmoid.

    Raises:
        InputError: a loss of torch's that sums or doesn't reduce.
    """
    kind = usual_kind(outputs, targets, whole=whole, binary=binary)
    last = kind == "classes" and outputs.ndim > 2 and (outputs.shape[0], *outputs.shape[2:]) != targets.shape
    summed = kind == "classes" and _sums_to_one(outputs, -1 if last else 1)
    chances = summed or (kind == "two classes" and sigmoid)
    if loss is None:
        if own and not (kind == "classes" and outputs.ndim == 2):
            return Scorer(NAMES["own"], "own", None, last, chances)
        of = " of the probabilities" if chances else " of the logits" if kind == "two classes" else ""
        return Scorer(NAMES[kind] + of, kind, None, last, chances)
    if not callable(loss):
        raise InputError(f"loss is {loss!r}: give a callable of outputs and targets, or None")
    reduction = getattr(loss, "reduction", "mean")
    if reduction != "mean":
        raise InputError(f"loss has reduction={reduction!r}: give one with reduction='mean'")
    name = type(loss).__name__ if isinstance(loss, nn.Module) else getattr(loss, "__name__", type(loss).__name__)
    return Scorer(name, "given", loss, last, chances or isinstance(loss, nn.BCELoss))


def losses(scorer: Scorer, answer: Any, outputs: Tensor, targets: Tensor, own: Tensor | None) -> Units:
    """The losses of a batch, by row where they can be had.

    Args:
        scorer: how.
        answer: what the module returned.
        outputs: the outputs in it.
        targets: of the same rows.
        own: the loss that the module computed itself.

    Raises:
        InputError: outputs and targets don't fit, or the loss gives no single number.
    """
    if scorer.kind == "own":
        mean = float(own.float()) if own is not None else math.nan
        return Units(np.array([mean * len(targets)]), np.array([float(len(targets))]))
    if scorer.kind == "given":
        return _given(scorer, answer, outputs, targets)
    try:
        return _usual(scorer, outputs.detach().float().cpu(), targets.cpu())
    except (RuntimeError, IndexError, ValueError) as error:
        shapes = f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}"
        raise InputError(f"{scorer.name} of {shapes}: {str(error).splitlines()[0]}; give loss=") from error


def _usual(scorer: Scorer, outputs: Tensor, targets: Tensor) -> Units:
    if scorer.kind == "classes":
        scores = outputs.movedim(-1, 1) if scorer.last else outputs
        logs = scores.clamp_min(1e-12).log() if scorer.chances else functional.log_softmax(scores, dim=1)
        every = functional.nll_loss(logs, targets.long(), reduction="none", ignore_index=IGNORED)
        counted = (targets != IGNORED).double()
        return _rows(every.double(), counted)
    if scorer.kind == "two classes":
        flat, wanted = outputs.reshape(-1), targets.float().reshape(-1)
        take = functional.binary_cross_entropy if scorer.chances else functional.binary_cross_entropy_with_logits
        every = take(flat, wanted, reduction="none")
        return _rows(every.double(), torch.ones(len(every)))
    if outputs.numel() != targets.numel():
        raise InputError(
            f"outputs have shape {tuple(outputs.shape)}, targets {tuple(targets.shape)}: give loss=, or shapes that fit"
        )
    squared = (outputs.reshape(targets.shape) - targets).double() ** 2
    return _rows(squared, torch.ones_like(squared))


def _rows(every: Tensor, counted: Tensor) -> Units:
    totals, counts = ((part * counted).reshape(len(part), -1).sum(1) for part in (every, torch.ones_like(every)))
    return Units(totals.double().numpy(), counts.double().numpy())


def _given(scorer: Scorer, answer: Any, outputs: Tensor, targets: Tensor) -> Units:
    """A loss of torch's sees the outputs and is taken by row; another sees what the module returned."""
    assert scorer.loss is not None
    builtin = isinstance(scorer.loss, nn.modules.loss._Loss) and type(scorer.loss).__module__.startswith("torch.nn")
    seen = outputs if builtin else answer
    whole = _mean(scorer.loss, seen, targets)
    if not isinstance(seen, Tensor) or len(seen) != len(targets):
        return Units(np.array([whole * len(targets)]), np.array([float(len(targets))]))
    if builtin:
        alone: Any = copy.copy(scorer.loss)
        alone.reduction = "none"
        every = alone(seen, targets).detach().double().cpu()
        if len(every) == len(targets):
            units = _rows(every, torch.ones_like(every))
            if _close(units.mean, whole):
                return units
    edges = np.linspace(0, len(targets), min(SLICES, len(targets)) + 1).astype(int)
    parts = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    counts = np.array([float(part.stop - part.start) for part in parts])
    try:
        means = np.array([_mean(scorer.loss, seen[part], targets[part]) for part in parts])
    except InputError:
        means = np.array([math.nan])
    if len(means) == len(counts) and _close(float((means * counts).sum() / counts.sum()), whole):
        return Units(means * counts, counts)
    return Units(np.array([whole * len(targets)]), np.array([float(len(targets))]))


def _mean(loss: Loss, seen: Any, targets: Tensor) -> float:
    try:
        found = loss(seen, targets)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        shape = f"outputs {tuple(seen.shape)}" if isinstance(seen, Tensor) else f"a {type(seen).__name__}"
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"loss can't take {shape} and targets {tuple(targets.shape)}: {said}") from error
    if not isinstance(found, Tensor | float | int) or (isinstance(found, Tensor) and found.numel() != 1):
        shape = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise InputError(f"loss gives {shape}: give one that returns the mean over the batch, a single number")
    return float(found)


def _close(left: float, right: float) -> bool:
    return math.isclose(left, right, rel_tol=1e-4, abs_tol=1e-6)


def _sums_to_one(outputs: Tensor, axis: int) -> bool:
    sums = outputs.float().sum(axis)
    return bool((outputs >= 0).all() and ((sums - 1).abs() < 1e-3).all())
