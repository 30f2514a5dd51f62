"""Blocks of a log's rows -> few rows: stretches without a validation loss become their mean."""

from __future__ import annotations

import polars as pl

from goodfit.logs.log import Asked, counted, is_counted
from goodfit.logs.names import is_epoch, is_part, is_run, is_step, loss_of, wanted

MOST_ROWS = 1 << 20
"""Held at once; beyond, neighbours are averaged."""


class Collector:
    """Takes a log's blocks in order and holds on to what the curves need.

    Training losses of a run's epoch, or between two validations, are averaged as they come. Where the validations alone
    are more than a million, neighbours are averaged too: memory doesn't grow with the log.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._blocks: list[pl.DataFrame] = []
        self._names: dict[str, None] = {}
        self._together = 1

    @property
    def names(self) -> tuple[str, ...]:
        """Every field seen."""
        return tuple(self._names)

    def wanted(self, names: list[str]) -> list[str]:
        """Those of the fields that are worth reading; all are remembered."""
        self._names.update(dict.fromkeys(names))
        return wanted(names, (self._asked.train, self._asked.validation))

    def add(self, frame: pl.DataFrame) -> None:
        """Take a block: wanted fields only, as numbers, but those that tell runs apart as text."""
        if not (frame.height and frame.width):
            return
        self._blocks.append(self._joined(self._averaged(frame), self._together))
        if sum(block.height for block in self._blocks) > MOST_ROWS:
            self._together *= 2
            self._blocks = [self._joined(self.frame(), 2)]

    def frame(self) -> pl.DataFrame:
        """All that was held, in order; a field that a block hasn't is null there."""
        return pl.concat(self._blocks, how="diagonal_relaxed") if self._blocks else pl.DataFrame()

    def _averaged(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Stretches of one epoch without a validation loss as one row."""
        losses = self._losses(frame)
        held_out = [name for name in losses if self._side(name) != "train"]
        trained = [name for name in losses if name not in held_out]
        counts = [pl.col(name).is_not_null().cast(pl.UInt32).alias(counted(name)) for name in trained]
        validated = pl.any_horizontal(pl.col(held_out).is_not_null()) if held_out else pl.lit(False)
        new = [column.ne_missing(column.shift()) for column in _apart(frame)]
        starts = pl.any_horizontal(validated, validated.shift(fill_value=False), *new)
        return _grouped(frame.with_columns(*counts), starts, trained)

    def _joined(self, frame: pl.DataFrame, together: int) -> pl.DataFrame:
        """Neighbours averaged, as many as said, but for those of different runs, or in falling order."""
        if together == 1:
            return frame
        numbers = [name for name in frame.columns if is_epoch(name) or is_step(name)]
        falls = [pl.col(name) < pl.col(name).shift() for name in numbers]
        other = [
            pl.col(name).ne_missing(pl.col(name).shift()) for name in frame.columns if is_run(name) or is_part(name)
        ]
        starts = pl.any_horizontal(pl.int_range(pl.len()) % together == 0, *falls, *other)
        return _grouped(frame, starts.fill_null(False), self._losses(frame))

    def _losses(self, frame: pl.DataFrame) -> list[str]:
        named = (self._asked.train, self._asked.validation)
        return [name for name in frame.columns if not is_counted(name) and (name in named or loss_of(name))]

    def _side(self, name: str) -> str:
        if name in (self._asked.train, self._asked.validation):
            return "train" if name == self._asked.train else "validation"
        loss = loss_of(name)
        return loss.rows if loss else "train"


def _apart(frame: pl.DataFrame) -> list[pl.Expr]:
    """What differs between rows that must not be averaged."""
    return [pl.col(name) for name in frame.columns if is_run(name) or is_part(name)] + [
        pl.col(name).floor() for name in frame.columns if is_epoch(name)
    ]


def _grouped(frame: pl.DataFrame, starts: pl.Expr, averaged: list[str]) -> pl.DataFrame:
    """Rows from one start to the next as one: means, sums of the counts, and the last of what else there is."""
    marked = frame.with_columns(starts.cast(pl.UInt32).cum_sum().alias("\0stretch"))
    if marked["\0stretch"].n_unique() == frame.height:
        return frame
    counts = [name for name in frame.columns if is_counted(name)]
    others = [name for name in frame.columns if name not in averaged and name not in counts]
    return (
        marked.group_by("\0stretch", maintain_order=True)
        .agg(
            *(pl.col(name).drop_nulls().last() for name in others),
            *(_mean(name) for name in averaged),
            *(pl.col(name).sum() for name in counts),
        )
        .drop("\0stretch")
    )


def _mean(name: str) -> pl.Expr:
    """The mean of the finite values; not a number if the last value isn't one: from there training was lost."""
    values = pl.col(name).drop_nulls()
    kept = values.filter(values.is_finite())
    return pl.when(values.last().is_finite()).then(kept.mean()).otherwise(values.last()).alias(name)
