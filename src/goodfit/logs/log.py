"""A training log as read: its loss curves, one for each run."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Asked:
    """The fields that the user named; None to find them by their usual names.

    Args:
        train: the training loss.
        validation: the validation loss.
    """

    train: str | None = None
    validation: str | None = None


@dataclass(frozen=True)
class Fields:
    """What a reader found, in the order of the log: a column a field, long stretches of training rows averaged.

    Args:
        source: the file or folder, as messages name it.
        kind: the format, such as "CSV".
        frame: loss fields, epoch and step as numbers; fields that tell runs apart as text. A loss `x` that was averaged
            has a column `counted(x)`, the rows that went into it.
        names: every field that the log has.
        notes: what was done to the rows.
    """

    source: str
    kind: str
    frame: pl.DataFrame
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Log:
    """The loss curves of a training log.

    Args:
        source: the file or folder.
        kind: the format, such as "CSV".
        unit: what the curves are counted in: "epoch", "step" or "evaluation".
        curves: a row a point, in order: `part`, `run`, the unit's column, `train_loss`, `validation_loss`; null where
            nothing was measured. Runs of one part differ by chance alone, parts differ in what was trained.
        train: the field of the training loss; None if there is none.
        validation: the field of the validation loss; None if there is none.
        names: every field of the log.
        notes: what was done to the rows, and doubts.
    """

    source: str
    kind: str
    unit: str
    curves: pl.DataFrame
    train: str | None
    validation: str | None
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def counted(name: str) -> str:
    """The name of the column that holds how many rows were averaged; no log has such a field."""
    return f"{name}\0rows"


def is_counted(name: str) -> bool:
    """Whether a column is one of those."""
    return name.endswith("\0rows")
