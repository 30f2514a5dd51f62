"""A run folder of goodfit's own: the losses of every network by epoch."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from goodfit.columnar import read_columnar
from goodfit.logs.collecting import Collector
from goodfit.logs.json_lines import numbers
from goodfit.logs.log import Asked, Fields
from goodfit.logs.opening import opened

HISTORY = "history.parquet"
_RARE = 1 << 22


def read_parquet(path: Path, asked: Asked) -> Fields:
    """Read a Parquet file of losses, such as a run's history.

    Raises:
        InputError: not a whole Parquet file, or a loss that is no number.
    """
    with opened(path) as file:
        content = file.read()
    frame = read_columnar(content, str(path), "parquet")
    collector = Collector(asked)
    plain = [name for name in frame.columns if frame[name].dtype.is_numeric() or frame[name].dtype == pl.String]
    names = collector.wanted(plain)
    kind = "goodfit run" if {"recipe", "member"} <= set(frame.columns) else "Parquet"
    for block in frame.select(names).iter_slices(_RARE):
        collector.add(numbers(block, names, str(path)))
    return Fields(str(path), kind, collector.frame(), collector.names)
