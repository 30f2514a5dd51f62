"""What a date gives a network beside elapsed time, as ONNX says it: its place in the year, the week and the day."""

from __future__ import annotations

import numpy as np

from goodfit.data.schema import DAY
from goodfit.export.graph import DOUBLE, Graph

_FIRST = 719_162.0
"""Days from the first day of the year 1 to that of 1970."""
_FAR = 1e14
"""Seconds, some three million years: what lies further counts as this."""


def calendar(graph: Graph, seconds: str, missing: str, *, clock: bool) -> str:
    """`goodfit.data.encoder.calendar` as `(N, 4)`, with clock `(N, 6)`, of seconds `(N, 1)`; 0 where missing.

    The year's first day is the latest of three candidates that isn't later than the date: by its mean length the year
    is one off at most.
    """
    bounded = graph.apply("Min", graph.apply("Max", graph.apply("Where", missing, 0.0, seconds), -_FAR), _FAR)
    time = graph.apply("Div", bounded, DAY)
    days = graph.apply("Floor", time)
    turns = [graph.apply("Div", _day_of_year(graph, days), 365.25), _part_of_week(graph, days)]
    if clock:
        turns.append(graph.apply("Sub", time, days))
    angles = graph.apply("Mul", graph.join(turns), 2 * np.pi)
    waves = graph.join([graph.apply("Sin", angles), graph.apply("Cos", angles)])
    count = len(turns)
    places = np.arange(2 * count).reshape(2, count).T.ravel()
    present = graph.cast(graph.apply("Not", missing), DOUBLE)
    return graph.apply("Mul", graph.pick(waves, places, 2 * count), present)


def _day_of_year(graph: Graph, days: str) -> str:
    """Days `(N, 1)` since 1970 as days since the first of their year, in the Gregorian calendar of all times."""
    since = graph.apply("Add", days, _FIRST)
    guess = graph.apply("Floor", graph.apply("Div", since, 365.2425))
    years = graph.apply("Add", guess, np.array([[-1.0, 0.0, 1.0]]))
    leaps = [graph.apply("Floor", graph.apply("Div", years, length)) for length in (4.0, 100.0, 400.0)]
    starts = graph.apply("Add", graph.apply("Mul", years, 365.0), leaps[0])
    starts = graph.apply("Add", graph.apply("Sub", starts, leaps[1]), leaps[2])
    begun = graph.apply("LessOrEqual", starts, since)
    latest = graph.apply(
        "ReduceMax", graph.apply("Where", begun, starts, -np.finfo(np.float64).max), attributes={"axes": [1]}
    )
    return graph.apply("Sub", since, latest)


def _part_of_week(graph: Graph, days: str) -> str:
    """How much of the week from Monday on has gone at the beginning of days `(N, 1)` since 1970, a Thursday."""
    weeks = graph.apply("Div", graph.apply("Add", days, 3.0), 7.0)
    return graph.apply("Sub", weeks, graph.apply("Floor", weeks))
