"""goodfit diagnose of a training log: verdicts from its loss curves alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from goodfit.api import diagnose_log
from goodfit.commands.plot import plot
from goodfit.commands.terminal import print_json, print_wrapped, say
from goodfit.commands.verdicts import check_names, exit_status, print_verdicts
from goodfit.diagnosis.log import LogDiagnosis
from goodfit.report.wording import number

STYLES = {"issue": "red", "tip": "yellow", "good": "green"}
WIDTH = 80
FIRED = 1
"""The exit status if a verdict of --fail-on fired."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        source: the log, a file or a folder.
        train: the field of the training loss; None to find it.
        validation: the field of the validation loss; None to find it.
        fail_on: verdicts that make the exit status 1.
        json: whether to print JSON.
    """

    source: Path
    train: str | None
    validation: str | None
    fail_on: tuple[str, ...]
    json: bool


def run(request: Request) -> int:
    """Read the log, print what it tells, and return the exit status.

    A verdict of --fail-on that could not be asked, or that the log leaves open, doesn't fail: it is said on standard
    error.

    Raises:
        InputError: a verdict by an unknown name, or what is there can't be read as a log.
    """
    check_names(request.fail_on)
    diagnosis = diagnose_log(request.source, train=request.train, validation=request.validation)
    if request.json:
        print_json(diagnosis.to_dict() | {"headline": headline(diagnosis)})
    else:
        _show(diagnosis)
    return exit_status(diagnosis, request.fail_on)


def headline(diagnosis: LogDiagnosis) -> str:
    """The diagnosis in one sentence."""
    turn, fired = diagnosis.turn, diagnosis.fired
    if "diverged" in fired:
        at = _plain(diagnosis["diverged"].evidence["first at"])
        return f"It diverged: the loss was lost at {diagnosis.unit} {at}."
    if "overfitting" in fired and turn:
        return (
            f"It overfits: the validation loss turns at {diagnosis.unit} {_plain(turn.epoch)} and rises by "
            f"{number(turn.rise.value)} (95 % interval {number(turn.rise.low)} to {number(turn.rise.high)})."
        )
    if "underfitting" in fired:
        return "It underfits: both losses still fall at the end."
    if "stopped_wrong" in fired:
        ended = diagnosis["stopped_wrong"].evidence["it ended"]
        when = "validation still fell" if ended == "too early" else "long after validation was lowest"
        return f"Training ended {ended}: {when}."
    if "validation_too_small" in fired:
        return "It can't be told: the validation curve is too noisy."
    if "good_fit" in fired:
        return "No sign of overfitting: the validation loss came to rest and did not turn beyond its noise."
    undecided = [verdict for verdict in diagnosis.verdicts if verdict.name == "overfitting" and verdict.reason]
    return f"It can't be told: {undecided[0].reason}." if undecided else "No sign of overfitting."


def _show(diagnosis: LogDiagnosis) -> None:
    print_wrapped(headline(diagnosis), style="bold")
    for line in _plot(diagnosis):
        say(line)
    print_verdicts(diagnosis.verdicts, reasons=False)
    say()
    for line in (*_keep(diagnosis), *(f"note: {note}" for note in diagnosis.notes)):
        print_wrapped(line)
    say("a log can't tell:")
    for line in diagnosis.unknown:
        print_wrapped(f"- {line}", indent="  ")


def _keep(diagnosis: LogDiagnosis) -> list[str]:
    keep = diagnosis.keep
    if keep is None:
        return []
    within = f"; from {_plain(keep.since)} on it differs by noise alone" if keep.since < keep.epoch else ""
    return [f"keep: {diagnosis.unit} {_plain(keep.epoch)}, validation loss {number(keep.loss)}{within}"]


def _plot(diagnosis: LogDiagnosis) -> list[str]:
    """The mean curves of the training whose turn is told, or of the first."""
    turn, unit = diagnosis.turn, diagnosis.unit
    curves = diagnosis.curves
    if curves["validation_loss"].count() < 2:
        return []
    part = turn.part if turn else curves["part"][0]
    means = (
        curves.filter((pl.col("part") == part) & pl.col(unit).is_finite())
        .group_by(unit)
        .agg(pl.col(name).filter(pl.col(name).is_finite()).mean() for name in ("train_loss", "validation_loss"))
        .sort(unit)
    )
    train, validation = (means[name].fill_null(np.nan).to_numpy() for name in ("train_loss", "validation_loss"))
    if means.height < 2 or not np.isfinite(validation).any():
        return []
    marked = turn.epoch if turn and turn.beyond_noise else None
    return ["", *plot(means[unit].to_numpy(), train if np.isfinite(train).any() else None, validation, marked, unit)]


def _plain(value: float | str) -> str:
    """A place in the log, without needless decimals."""
    return f"{value:,.10g}" if isinstance(value, float | int) else str(value)
