"""A log -> its diagnosis: what the curves show, which weights to keep, and what no log can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from goodfit.diagnosis.log.findings import Finding, LogTurn, find
from goodfit.diagnosis.log.noise import window_means, window_of
from goodfit.diagnosis.log.questions import ask, unanswered, worst
from goodfit.diagnosis.verdict import Diagnosis, Verdict
from goodfit.logs import Log, is_accuracy

MOST_POINTS = 400
"""Of a curve; longer ones are averaged, neighbours together."""

UNKNOWN = (
    "whether a regularizer would lower the validation loss",
    "whether the training loss was measured with dropout on, on augmented rows or during the epoch",
    "whether validation rows are like those to come, or leak from the training rows",
    "how many rows there were, and whether labels are wrong",
)


@dataclass(frozen=True)
class Keep:
    """Whose weights to keep.

    Args:
        epoch: in the log's own count; the last one unless validation turns beyond noise or a loss was lost.
        loss: its validation loss.
        since: the first epoch from which on the validation loss differs from the lowest by noise alone.
    """

    epoch: float
    loss: float
    since: float


@dataclass(frozen=True, repr=False, eq=False)
class LogDiagnosis(Diagnosis):
    """All verdicts on a training log, and what they rest on.

    Args:
        verdicts: each with its outcome.
        source: the log.
        kind: its format.
        unit: what it is counted in: "epoch", "step" or "evaluation".
        turn: where validation is lowest and how far it rises from there; None with too few points.
        keep: whose weights to keep; None without a validation loss.
        curves: `part`, `run`, the unit, `train_loss`, `validation_loss`, at most 400 points a run.
        unknown: what the log can't tell.
        notes: what was done to the rows, and doubts.
    """

    source: str
    kind: str
    unit: str
    turn: LogTurn | None
    keep: Keep | None
    curves: pl.DataFrame
    unknown: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "source": self.source,
            "kind": self.kind,
            "unit": self.unit,
            "fired": list(self.fired),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "turn": asdict(self.turn) if self.turn else None,
            "keep": asdict(self.keep) if self.keep else None,
            "unknown": list(self.unknown),
            "notes": list(self.notes),
            "curves": self.curves.to_dict(as_series=False),
        }


def diagnose_curves(log: Log) -> LogDiagnosis:
    """Ask a log every question."""
    curves, notes = _shortened(log)
    findings = find(curves, log.unit) if curves.height else []
    validated = curves["validation_loss"].count() > 0
    verdicts = ask(findings) if validated else unanswered(_why_not(log), findings)
    lost = curves.filter(pl.col("validation_loss").is_not_nan().not_() | pl.col("train_loss").is_infinite()).height
    if lost and not any(finding.lost for finding in findings):
        notes.append(f"points without a finite loss are left out: {lost}")
    if len(findings) > 1:
        notes.append(f"{len(findings)} different trainings are judged one by one")
    return LogDiagnosis(
        verdicts,
        log.source,
        log.kind,
        log.unit,
        worst(findings),
        _keep(verdicts, findings),
        curves,
        UNKNOWN,
        (*log.notes, *notes),
    )


def _why_not(log: Log) -> str:
    """Why a log without a validation loss tells nothing."""
    if log.train is None and any(is_accuracy(name) for name in log.names):
        return "the log holds accuracies and no loss: accuracy can stay while the loss already rises"
    listed = ", ".join(log.names[:8]) + (", ..." if len(log.names) > 8 else "")
    return f"the log has no validation loss (its fields are {listed}); if one is, name it with --validation"


def _keep(verdicts: Sequence[Verdict], findings: Sequence[Finding]) -> Keep | None:
    """The turn of the training that turns most, or the last epoch."""
    told = [finding for finding in findings if len(finding.at)]
    if not told:
        return None
    turn = worst(told)
    finding = next((finding for finding in told if finding.turn is turn), told[0])
    losses, at = finding.validation, finding.at
    if turn is None:
        place = int(losses.argmin())
        return Keep(float(at[place]), float(losses[place]), float(at[place]))
    window = window_of(len(losses))
    means = window_means(losses, window)
    close = np.flatnonzero(means <= means.min() + turn.visible)
    moved = turn.beyond_noise or bool(finding.lost)
    place = int(np.searchsorted(at, turn.epoch)) if moved else len(at) - 1
    since = min(int(close[0]) + window // 2, place)
    return Keep(float(at[place]), float(losses[place]), float(at[since]))


def _shortened(log: Log) -> tuple[pl.DataFrame, list[str]]:
    """Curves of at most `MOST_POINTS` points with a validation loss, and a note if some were longer."""
    curves = log.curves
    key = "validation_loss" if curves["validation_loss"].count() else "train_loss"
    told = pl.col(key).is_not_null()
    counts = curves.group_by("part", "run").agg(told.sum().alias("points"))
    longest = int(counts["points"].max() or 0)  # type: ignore[arg-type]
    if longest <= MOST_POINTS:
        return curves, []
    together = -(-longest // MOST_POINTS)
    place = (told.cum_sum().over("part", "run") - 1).clip(0) // together
    short = (
        curves.with_columns(block=place)
        .group_by("part", "run", "block", maintain_order=True)
        .agg(pl.col(log.unit).last(), *(_mean(name) for name in ("train_loss", "validation_loss")))
        .drop("block")
    )
    return short, [f"neighbouring {log.unit}s are averaged, so that a curve has at most {MOST_POINTS} points"]


def _mean(name: str) -> pl.Expr:
    """The mean of the finite values; not a number if the last isn't one."""
    values = pl.col(name).drop_nulls()
    finite = values.filter(values.is_finite())
    return (
        pl.when(values.len() == 0)
        .then(None)
        .when(values.last().is_finite())
        .then(finite.mean())
        .otherwise(values.last())
        .alias(name)
    )
