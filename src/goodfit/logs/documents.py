"""One JSON document: Keras' history, Hugging Face's trainer_state.json, or a list of objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from goodfit.errors import InputError
from goodfit.logs.collecting import Collector
from goodfit.logs.json_lines import flattened, numbers, to_frame
from goodfit.logs.log import Asked, Fields
from goodfit.logs.names import is_epoch, loss_of
from goodfit.logs.opening import opened, text_of

SUMMARY = "train_runtime"
"""Hugging Face's last entry holds this, and under the name train_loss the mean over all epochs."""


def read_document(path: Path, asked: Asked) -> Fields:
    """Read a JSON document that holds lists of losses, or a list of objects.

    Raises:
        InputError: no whole JSON, or nothing in it that is a log.
    """
    with opened(path) as file:
        content = file.read().removeprefix(b"\xef\xbb\xbf")
    try:
        document = json.loads(text_of(content, path))
    except RecursionError:
        raise InputError(f"{path} is nested too deeply for a log: give one object an epoch") from None
    except ValueError as error:
        raise InputError(f"{path} is not whole JSON ({error}): write or copy it anew") from None
    kind, frame = _rows(document, path)
    collector = Collector(asked)
    kept = numbers(frame, collector.wanted(frame.columns), str(path))
    collector.add(kept)
    return Fields(str(path), kind, collector.frame(), collector.names)


def _rows(document: Any, path: Path) -> tuple[str, pl.DataFrame]:
    if isinstance(document, dict):
        if isinstance(document.get("log_history"), list):
            entries = _objects(document["log_history"], path)
            return "Hugging Face trainer state", to_frame(entry for entry in entries if SUMMARY not in entry)
        if (runs := _runs(document)) is not None:
            return "JSON of runs", runs
        lists = _lists(document)
        if lists:
            return "Keras history", _columns(lists, path)
        inner = [value for value in document.values() if isinstance(value, list) and value]
        if len(inner) == 1 and isinstance(inner[0][0], dict):
            return "JSON", to_frame(_objects(inner[0], path))
        return "JSON", to_frame([document])
    if isinstance(document, list):
        return "JSON", to_frame(_objects(document, path))
    raise InputError(f"{path} holds one JSON value and no log: give lists of losses, or an object an epoch")


def _objects(entries: list[Any], path: Path) -> list[Mapping[str, Any]]:
    for place, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise InputError(f"{path}: entry {place} of its list is not an object: give one an epoch")
    return entries


def _lists(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The lists of plain values, by name; of `{"history": {...}}` those within."""
    flat = flattened(document)
    lists = {name: values for name, values in flat.items() if isinstance(values, list) and _plain(values)}
    inner = {name.removeprefix("history/"): values for name, values in lists.items()}
    return inner if len(inner) == len(lists) else lists


def _plain(values: list[Any]) -> bool:
    return bool(values) and not any(isinstance(value, dict | list) for value in values)


def _columns(lists: Mapping[str, list[Any]], path: Path) -> pl.DataFrame:
    """Lists side by side, an epoch a row; they count from 1 unless one of them counts."""
    read = {name: values for name, values in lists.items() if loss_of(name) or is_epoch(name)} or dict(lists)
    lengths = {len(values) for values in read.values()}
    if len(lengths) > 1:
        told = ", ".join(f"{name!r} {len(values)}" for name, values in list(read.items())[:6])
        raise InputError(f"{path} has lists of different lengths ({told}): give each loss one value an epoch")
    rows = lengths.pop()
    same = {name: values for name, values in lists.items() if len(values) == rows}
    frame = to_frame(dict(zip(same, values, strict=True)) for values in zip(*same.values(), strict=True))
    if any(is_epoch(name) for name in frame.columns):
        return frame
    return frame.with_columns(epoch=pl.int_range(1, rows + 1).cast(pl.String))


def _runs(document: Mapping[str, Any]) -> pl.DataFrame | None:
    """Several histories by the names of their runs; None if the document isn't that."""
    histories = {name: _lists(value) for name, value in document.items() if isinstance(value, dict)}
    if len(histories) < 2 or len(histories) < len(document):
        return None
    frames = []
    for name, lists in histories.items():
        losses = {loss.rows for key in lists if (loss := loss_of(key))}
        if not {"train", "validation"} <= losses or len({len(values) for values in lists.values()}) > 1:
            return None
        frames.append(_columns(lists, Path(name)).with_columns(run=pl.lit(name)))
    return pl.concat(frames, how="diagonal")
