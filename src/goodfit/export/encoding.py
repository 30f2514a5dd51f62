"""What an encoder makes of a row, as ONNX says it: those of its inputs that a network hears."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goodfit.data.encoder import Encoder
from goodfit.data.schema import CUT, Field
from goodfit.data.table import LARGEST
from goodfit.export.columns import Columns
from goodfit.export.graph import DOUBLE, FLOAT, LONG
from goodfit.regularizers.images import scale as pixels
from goodfit.sounds import mel

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Placed = tuple[Field, int]

_MOST = float(np.finfo(np.float64).max)


class Encoded(NamedTuple):
    """A value `(N, d)`, double, and which of the encoder's D inputs each of its columns is, `(d,)`."""

    value: str
    inputs: Ints


def idle_inputs(encoder: Encoder) -> Mask:
    """Which inputs `(D,)` are 0 whatever the row: of levels that the training rows lack, say."""
    idle = np.zeros(len(encoder.schema.input_names), dtype=bool)
    for field, start in _placed(encoder):
        if field.kind == "category":
            own = encoder.seen[field.name]
            idle[start : start + len(field.levels)] = [level not in own for level in field.levels]
        learned = len(encoder.pieces[field.name].means) if field.name in encoder.pieces else 0
        idle[start + 1 + learned : start + 1 + field.pieces] = True
    idle[[place for _, place in _measured(encoder)]] = encoder.measures.scale == 0
    return idle


def encode(columns: Columns, encoder: Encoder, wanted: Mask) -> Encoded:
    """The wanted inputs of a table's encoder.

    Args:
        columns: of the table.
        encoder: what was learned.
        wanted: `(D,)`, one or more, none that is always 0 but the first.
    """
    parts = [part for part in _parts(columns, encoder, wanted) if len(part.inputs)]
    return Encoded(columns.graph.join([part.value for part in parts]), np.concatenate([part.inputs for part in parts]))


def to_scale(columns: Columns, picture: str, *, sound: bool) -> str:
    """Pixels from 0 to 255, or levels in dB, on a network's scale."""
    graph = columns.graph
    if sound:
        moved = graph.apply("Sub", picture, np.array(mel.MIDDLE, FLOAT))
        return graph.apply("Div", moved, np.array(mel.SPREAD, FLOAT))
    share = graph.apply("Div", picture, np.array(255.0, FLOAT))
    moved = graph.apply("Sub", share, np.array(pixels.MIDDLE, FLOAT))
    return graph.apply("Div", moved, np.array(pixels.SPREAD, FLOAT))


def _placed(encoder: Encoder) -> Iterator[Placed]:
    """Each column with its first input."""
    return zip(encoder.schema.fields, encoder.schema.starts, strict=False)


def _measured(encoder: Encoder) -> list[Placed]:
    """Columns with a measured input, and its place: the order of the encoder's measures."""
    return [
        (field, start + (len(field.levels) + 1 if field.kind == "category" else 0))
        for field, start in _placed(encoder)
        if field.measured
    ]


def _parts(columns: Columns, encoder: Encoder, wanted: Mask) -> Iterator[Encoded]:
    measured = _measured(encoder)
    chosen = np.array([i for i, (_, place) in enumerate(measured) if wanted[place]], dtype=np.int64)
    if len(chosen):
        yield _standardized(columns, encoder, chosen)
    for field, start in _placed(encoder):
        end = start + len(field.inputs)
        own = start + np.flatnonzero(wanted[start:end])
        if field.kind == "category":
            yield _one_hot(columns, encoder, (field, start), own[own <= start + len(field.levels)])
        if field.kind == "date":
            yield _calendar(columns, (field, start), own[(own > start) & (own < end - field.missing)])
        if field.name in encoder.pieces:
            yield _pieces(columns, encoder, (field, start), own[(own > start) & (own <= start + field.pieces)])
        if field.missing and wanted[end - 1]:
            yield Encoded(columns.graph.cast(columns.missing(field), DOUBLE), np.array([end - 1]))


def _standardized(columns: Columns, encoder: Encoder, chosen: Ints) -> Encoded:
    """`goodfit.data.measures.standardized` of measured inputs, cut where they are."""
    graph, measured = columns.graph, [_measured(encoder)[i] for i in chosen]
    center, scale, low, high, fill = (values[chosen][None] for values in encoder.measures)
    given = graph.join([_raw(columns, encoder, field) for field, _ in measured])
    given = graph.apply("Where", graph.apply("IsNaN", given), fill, given)
    given = _between(columns, given, np.array(-LARGEST), np.array(LARGEST))
    z = graph.apply("Div", graph.apply("Sub", given, center), np.where(scale == 0, 1.0, scale))
    z = _between(columns, z, np.array(-_MOST), np.array(_MOST))
    above = graph.apply("Max", graph.apply("Sub", z, high), 0.0)
    below = graph.apply("Max", graph.apply("Sub", low, z), 0.0)
    z = _between(columns, z, low, high)
    z = graph.apply("Add", z, graph.apply("Log", graph.apply("Add", above, 1.0)))
    z = graph.apply("Sub", z, graph.apply("Log", graph.apply("Add", below, 1.0)))
    cut = np.array([[field.cut for field, _ in measured]]) & (high != _MOST)
    if cut.any():
        limit = np.where(cut, CUT, _MOST)
        z = _between(columns, z, -limit, limit)
    return Encoded(z, np.array([place for _, place in measured]))


def _between(columns: Columns, value: str, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> str:
    return columns.graph.apply("Min", columns.graph.apply("Max", value, low), high)


def _raw(columns: Columns, encoder: Encoder, field: Field) -> str:
    """A column's own values, or how often a level occurred, as a logarithm; NaN where missing."""
    if field.kind != "category":
        return columns.number(field)
    counts = encoder.frequent[field.name]
    logs = [float(np.log(counts.get(level, 1))) for level in columns.levels(field)]
    return columns.graph.apply("Gather", np.array([*logs, 0.0, np.nan]), columns.code(field))


def _one_hot(columns: Columns, encoder: Encoder, placed: Placed, wanted: Ints) -> Encoded:
    """1 for the input of a category's level, or for that of all others."""
    if not len(wanted):
        return Encoded("", wanted)
    (field, start), graph = placed, columns.graph
    seen = encoder.seen[field.name]
    own = {level: start + place for place, level in enumerate(field.levels) if level in seen}
    other = start + len(field.levels)
    places = np.array([*(own.get(level, other) for level in columns.levels(field)), other, -1], dtype=LONG)
    place = graph.apply("Gather", places, columns.code(field))
    return Encoded(graph.cast(graph.apply("Equal", place, wanted[None]), DOUBLE), wanted)


def _calendar(columns: Columns, placed: Placed, wanted: Ints) -> Encoded:
    """Of a date's place in the year, the week and the day."""
    if not len(wanted):
        return Encoded("", wanted)
    field, start = placed
    parts = columns.graph.pick(columns.calendar(field), wanted - start - 1, 6 if field.clock else 4)
    return Encoded(parts, wanted)


def _pieces(columns: Columns, encoder: Encoder, placed: Placed, wanted: Ints) -> Encoded:
    """`goodfit.data.pieces.piecewise` less its means."""
    if not len(wanted):
        return Encoded("", wanted)
    (field, start), graph = placed, columns.graph
    learned = encoder.pieces[field.name]
    own = wanted - start - 1
    low, high, means = learned.edges[own][None], learned.edges[own + 1][None], learned.means[own][None]
    given = graph.apply("Where", columns.missing(field), 0.0, columns.number(field))
    come = graph.apply("Div", graph.apply("Sub", _between(columns, given, low, high), low), high - low)
    come = graph.apply("Sub", come, means)
    return Encoded(graph.apply("Where", columns.missing(field), 0.0, come), wanted)
