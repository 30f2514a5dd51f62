"""What a field of a log is, by its name: a loss of which rows, an epoch, a step, or what tells runs apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from goodfit.errors import InputError, nearest

Rows = Literal["train", "validation", "test"]

_TRAIN: dict[str, Rows] = dict.fromkeys(("train", "training", "trn", "fit"), "train")
_VALIDATION: dict[str, Rows] = dict.fromkeys(
    ("val", "valid", "validation", "eval", "evaluation", "dev", "heldout"), "validation"
)
_TEST: dict[str, Rows] = dict.fromkeys(("test", "testing"), "test")
_SIDES = _TRAIN | _VALIDATION | _TEST
_LOSSES = {"loss", "losses", "nll", "logloss", "mlogloss", "deviance", "crossentropy"}
_RANKS = {"epoch": -1, "mean": 0, "avg": 0, "average": 0, "total": 0, "step": 1, "batch": 1, "iter": 1, "iteration": 1}
_NO_LOSS = {"best", "min", "max", "lowest", "scale", "std", "var", "delta", "weight", "ratio", "patience", "counter"}
_ACCURACIES = {"acc", "accuracy", "f1", "auc", "auroc", "precision", "recall", "top1", "top5", "map", "bleu"}
_EPOCHS = {"epoch", "epochs", "ep"}
_STEPS = {"step", "steps", "iter", "iters", "iteration", "iterations", "updates", "batches"}
_BESIDE = {"global", "trainer", "current", "train", "num", "number", "idx", "index", "id", "no"}
_RUNS = {"run", "seed", "fold", "trial", "member", "replicate", "repeat"}
_PARTS = {"recipe", "config", "configuration", "experiment"}
_SHOWN = 12


@dataclass(frozen=True)
class Loss:
    """A loss by its name.

    Args:
        name: of the field.
        rows: on which rows it was measured.
        part: the words that say which loss; none for the plain one.
        rank: of its ways of averaging, the lower the better: an epoch's mean before a batch's value.
    """

    name: str
    rows: Rows
    part: frozenset[str]
    rank: int


def loss_of(name: str) -> Loss | None:
    """The loss that a field is, or None.

    Example:
        >>> loss_of("val/loss").rows, loss_of("train_loss_epoch").rows, loss_of("lr")
        ('validation', 'train', None)
    """
    words = _words(name)
    if not _LOSSES & words or _NO_LOSS & words:
        return None
    sides = {_SIDES[word] for word in words if word in _SIDES}
    if len(sides) > 1:
        return None
    part = frozenset(words - {"loss", "losses"} - set(_SIDES) - set(_RANKS))
    rank = min((_RANKS[word] for word in words if word in _RANKS), default=0)
    return Loss(name, sides.pop() if sides else "train", part, rank)


def is_accuracy(name: str) -> bool:
    """Whether a field is a score of which more is better."""
    return bool(_ACCURACIES & _words(name))


def is_epoch(name: str) -> bool:
    """Whether a field counts epochs."""
    return _counts(name, _EPOCHS)


def is_step(name: str) -> bool:
    """Whether a field counts steps."""
    return _counts(name, _STEPS)


def is_run(name: str) -> bool:
    """Whether a field tells repeats of one training apart."""
    words = _words(name)
    return bool(words & _RUNS) and words <= _RUNS | {"id", "name", "idx", "index", "number"}


def is_part(name: str) -> bool:
    """Whether a field tells different trainings apart."""
    words = _words(name)
    return bool(words & _PARTS) and words <= _PARTS | {"id", "name"}


def has_side(name: str) -> bool:
    """Whether a name says on which rows something was measured."""
    return bool(set(_SIDES) & _words(name))


def wanted(names: Iterable[str], asked: Iterable[str | None]) -> list[str]:
    """The fields to read: losses, what counts, what tells runs apart, and those that the user named."""
    named = set(asked)
    tests = (loss_of, is_epoch, is_step, is_run, is_part)
    return [name for name in names if name in named or any(test(name) for test in tests)]


def choose(values: Mapping[str, int], rows: Rows, source: str, *, like: frozenset[str] | None = None) -> Loss | None:
    """The field that holds the loss on some rows.

    Args:
        values: of each field, how many values it has.
        rows: which rows.
        source: the log, for messages.
        like: the words of the loss that it should match, as of the other curve; plain ones go first without.

    Returns:
        The loss, or None if no field is one.

    Raises:
        InputError: several fields may be it.
    """
    found = [loss for name in values if (loss := loss_of(name)) and loss.rows == rows and values[name]]
    if any(values[loss.name] > 1 for loss in found):
        found = [loss for loss in found if values[loss.name] > 1]
    for part in (like, frozenset[str]()):
        if part is not None and any(loss.part == part for loss in found):
            found = [loss for loss in found if loss.part == part]
            break
    best = [loss for loss in found if loss.rank == min(other.rank for other in found)]
    if len(best) > 1:
        option = "train" if rows == "train" else "validation"
        listed = ", ".join(repr(loss.name) for loss in best[:_SHOWN])
        raise InputError(
            f"{source}: each of {listed} may be the {option} loss: choose with --{option} NAME ({option}= in Python)"
        )
    return best[0] if best else None


def check_named(name: str | None, option: str, names: Iterable[str], source: str) -> None:
    """Raise InputError if the user named a field that the log hasn't."""
    every = list(names)
    if name is not None and name not in every:
        near = nearest(name, every)
        raise InputError(
            f"{source} has no field {name!r} for --{option}: "
            + (f"did you mean {near!r}?" if near else f"its fields are {shown(every)}")
        )


def shown(names: Iterable[str]) -> str:
    """Names for a message, the first dozen."""
    every = [name if len(name) <= 40 else name[:39] + "…" for name in names]
    return ", ".join(every[:_SHOWN]) + (", ..." if len(every) > _SHOWN else "")


def _counts(name: str, units: set[str]) -> bool:
    words = _words(name)
    return bool(words & units) and words <= units | _BESIDE


def _words(name: str) -> set[str]:
    """The words of a name in small letters: `val/loss`, `valLoss`, `val-loss` and `valloss` are alike."""
    found = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    words = set()
    for word in found:
        side = word.removesuffix("loss")
        words |= {side, "loss"} if side in _SIDES and side != word else {word}
    if {"cross", "entropy"} <= words:
        words = words - {"cross", "entropy"} | {"crossentropy"}
    if {"held", "out"} <= words:
        words = words - {"held", "out"} | {"heldout"}
    return words
