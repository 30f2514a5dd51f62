"""Fields -> curves: which field is which loss, and the losses by epoch, or from validation to validation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from goodfit.errors import InputError
from goodfit.logs.log import Asked, Fields, Log, counted, is_counted
from goodfit.logs.names import (
    Loss,
    check_named,
    choose,
    is_accuracy,
    is_epoch,
    is_part,
    is_run,
    is_step,
    loss_of,
    shown,
)
from goodfit.logs.ordering import settle

OFTEN = 0.1
"""Of the validations: where more of them share their epoch with another, they are counted by step."""

COUNTABLE, HUGE = 1e15, 1e100
"""An epoch or step beyond is none, and a loss beyond is infinite."""


@dataclass(frozen=True)
class _Unit:
    """What the curves are counted in, and whether training losses are averaged by it or between validations."""

    name: str
    by_epoch: bool = False


def align(fields: Fields, asked: Asked) -> Log:
    """The curves of a log.

    Raises:
        InputError: no loss, or several fields that may be it.
    """
    train, validation, notes = _losses(fields, asked)
    if train is None and validation is None:
        empty = {"part": pl.String, "run": pl.String, "epoch": pl.Float64}
        empty |= {"train_loss": pl.Float64, "validation_loss": pl.Float64}
        return Log(fields.source, fields.kind, "epoch", pl.DataFrame(schema=empty), None, None, fields.names)
    rows = _rows(fields.frame, train, validation)
    unit = _unit(rows)
    curves = []
    for (part, run), group in rows.group_by(["part", "run"], maintain_order=True):
        curve, note = _curve(group, unit)
        if note:
            notes[note] = None
        curves.append(curve.with_columns(part=pl.lit(part), run=pl.lit(run) + pl.col("run")))
    columns = ["part", "run", unit.name, "train_loss", "validation_loss"]
    frame = pl.concat(curves).rename({"at": unit.name}).select(columns)
    return Log(fields.source, fields.kind, unit.name, frame, train, validation, fields.names, (*fields.notes, *notes))


def _losses(fields: Fields, asked: Asked) -> tuple[str | None, str | None, dict[str, None]]:
    """The fields of the training and the validation loss, and what to note about them."""
    for option, name in (("train", asked.train), ("validation", asked.validation)):
        check_named(name, option, fields.names, fields.source)
    if asked.train is not None and asked.train == asked.validation:
        raise InputError(f"{asked.train!r} was named for both losses: name two fields")
    _check_filled(fields, asked)
    values = {name: _values(fields.frame, name) for name in fields.frame.columns if not is_counted(name)}
    free = {name: count for name, count in values.items() if name not in (asked.train, asked.validation)}
    held_out: Loss | None = None
    if asked.validation is None:
        like = loss_of(asked.train).part if asked.train and loss_of(asked.train) else None  # type: ignore[union-attr]
        found = (choose(free, rows, fields.source, like=like) for rows in ("validation", "test"))
        held_out = next((loss for loss in found if loss), None)
    named = loss_of(asked.validation) if asked.validation else held_out
    trained = None if asked.train else choose(free, "train", fields.source, like=named.part if named else None)
    train = asked.train or (trained.name if trained else None)
    validation = asked.validation or (held_out.name if held_out else None)
    if train is None and validation is None and not any(is_accuracy(name) for name in fields.names):
        raise InputError(
            f"{fields.source} has no loss by a name that is known (its fields are {shown(fields.names)}): "
            "name them with --train NAME and --validation NAME, or give --target COL if it is a table"
        )
    return train, validation, _doubts(trained, held_out)


def _check_filled(fields: Fields, asked: Asked) -> None:
    for name in (asked.train, asked.validation):
        if name is not None and not _values(fields.frame, name):
            raise InputError(f"{fields.source} has no number in {name!r}: name a field with a loss")


def _values(frame: pl.DataFrame, name: str) -> int:
    if name not in frame.columns:
        return 0
    rows = counted(name)
    return int((frame[rows].sum() if rows in frame.columns else frame[name].count()) or 0)


def _doubts(train: Loss | None, validation: Loss | None) -> dict[str, None]:
    notes: dict[str, None] = {}
    if validation and validation.rows == "test":
        notes[f"no validation loss: {validation.name!r} is taken for it, and is no test any more"] = None
    if train and validation and train.part != validation.part:
        notes[f"{train.name!r} and {validation.name!r} may not be the same loss"] = None
    return notes


def _rows(frame: pl.DataFrame, train: str | None, validation: str | None) -> pl.DataFrame:
    """The rows under names of our own."""
    none = pl.lit(None, pl.Float64)
    counts = counted(train) if train else ""

    def first(test: object, names: list[str]) -> pl.Expr:
        found = [name for name in names if test(name) and frame[name].count()]  # type: ignore[operator]
        return pl.coalesce(pl.col(name) for name in found) if found else none

    def label(names: list[str]) -> pl.Expr:
        told = [name for name in names if frame[name].n_unique() > 1]
        texts = [pl.format("{}", pl.col(name).fill_null("")) for name in told]
        return pl.concat_str(texts, separator=" ") if texts else pl.lit("")

    losses = [name for name in (train, validation) if name]
    names = [name for name in frame.columns if name not in losses and not is_counted(name)]
    return (
        frame.select(
            label([name for name in names if is_part(name)]).alias("part"),
            label([name for name in names if is_run(name)]).alias("run"),
            first(is_epoch, names).alias("epoch"),
            first(is_step, names).alias("step"),
            (pl.col(train) if train else none).alias("train"),
            (pl.col(counts).fill_null(0) if counts in frame.columns else pl.lit(1)).alias("count"),
            (pl.col(validation) if validation else none).alias("validation"),
        )
        .with_columns(
            pl.when(pl.col(name).abs() < COUNTABLE).then(pl.col(name)).forward_fill().over("part", "run").alias(name)
            for name in ("epoch", "step")
        )
        .with_columns(
            pl.when(pl.col(name).is_finite() & (pl.col(name).abs() > HUGE))
            .then(math.inf)
            .otherwise(pl.col(name))
            .alias(name)
            for name in ("train", "validation")
        )
    )


def _unit(rows: pl.DataFrame) -> _Unit:
    """Epochs, where each has one validation at most; else steps; else the validations are counted."""
    asked = rows.filter(pl.col("validation").is_not_null())
    told = asked if asked.height else rows
    epochs, steps = told["epoch"], told["step"]
    if not epochs.null_count() and _whole(rows["epoch"].drop_nulls()):
        again = (pl.col("epoch").diff() == 0) & (pl.col("step").diff().fill_null(1) > 0)
        same = (pl.col(name) == pl.col(name).shift() for name in ("part", "run"))
        within = told.select(pl.all_horizontal(again, *same)).to_series()
        if not asked.height or within.sum() <= OFTEN * told.height:
            return _Unit("epoch", by_epoch=True)
    elif not epochs.null_count() and _whole(epochs) and not (epochs.diff() == 0).any():
        return _Unit("epoch")
    if not steps.null_count():
        return _Unit("step")
    return _Unit("epoch") if not epochs.null_count() and not (epochs.diff() == 0).any() else _Unit("evaluation")


def _whole(values: pl.Series) -> bool:
    return bool(len(values)) and bool((values == values.floor()).all())


def _curve(group: pl.DataFrame, unit: _Unit) -> tuple[pl.DataFrame, str]:
    """The curves of one run, or of several if the log starts anew, and what was done to the rows."""
    counts = unit.name == "evaluation"
    at = np.arange(group.height) if counts else group[unit.name].fill_null(-np.inf).to_numpy()
    order = settle(at.astype(np.float64), unit.name)
    several = order.run.max(initial=0) > 0
    rows = group[order.rows].with_columns(
        run=pl.Series([f"#{run + 1}" if several else "" for run in order.run], dtype=pl.String),
        at=pl.Series(at[order.rows], dtype=pl.Float64),
    )
    if unit.by_epoch:
        rows = rows.filter(pl.col("at").is_finite())
        found = rows.group_by("run", "at", maintain_order=True).agg(_mean(), pl.col("validation").drop_nulls().last())
    else:
        found = _between(rows)
    if counts:
        found = found.with_columns(at=pl.int_range(1, pl.len() + 1).over("run").cast(pl.Float64))
    return found.select(
        "run", "at", pl.col("train").alias("train_loss"), pl.col("validation").alias("validation_loss")
    ), order.note


def _between(rows: pl.DataFrame) -> pl.DataFrame:
    """A row a validation, with the mean of the training losses since the one before.

    Training rows at the same step as a validation belong to it wherever they stand; what comes after the last
    validation is left out, unless there is none at all.
    """
    if rows["validation"].count() == 0:
        return rows
    marked = rows.with_columns(pl.col("validation").is_not_null().cast(pl.Int64).alias("validated"))
    if rows["at"].is_sorted():
        marked = marked.sort("at", "validated", maintain_order=True)
    ends = pl.col("validated").shift(fill_value=0).cum_sum().over("run")
    return (
        marked.with_columns(stretch=ends)
        .group_by("run", "stretch", maintain_order=True)
        .agg(pl.col("at").last(), _mean(), pl.col("validation").last())
        .filter(pl.col("validation").is_not_null())
        .group_by("run", "at", maintain_order=True)
        .agg(pl.col("train").drop_nulls().last(), pl.col("validation").last())
    )


def _mean() -> pl.Expr:
    """The mean of training losses, each by the rows that it stands for; not a number if the last isn't one."""
    told = pl.col("train").is_not_null() & (pl.col("count") > 0)
    values, counts = pl.col("train").filter(told), pl.col("count").filter(told).cast(pl.Float64)
    finite = values.is_finite()
    mean = (values * counts).filter(finite).sum() / counts.filter(finite).sum()
    found = pl.when(values.last().is_finite()).then(mean).otherwise(values.last())
    return pl.when(told.any()).then(found).otherwise(None).alias("train")
