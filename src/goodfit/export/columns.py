"""The columns of a table as inputs of a graph, and what all encoders need of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from goodfit.data.encoder import Encoder
from goodfit.data.schema import Field
from goodfit.export.dates import calendar
from goodfit.export.graph import DOUBLE, LONG, ML, TEXT, Graph


class Columns:
    """One input `(N, 1)` a column, made when it is first asked for: text for a category, else a double.

    A text of a known level has its place among them as its code, then comes one code for all other texts, then one for
    a missing value, which is the empty text unless that is a level itself.

    Args:
        graph: where they are inputs.
        levels: all levels that an encoder knows, by column.
    """

    def __init__(self, graph: Graph, levels: Mapping[str, Sequence[str]]) -> None:
        self.graph = graph
        self._levels = levels
        self._made: dict[tuple[str, str], str] = {}

    def levels(self, field: Field) -> Sequence[str]:
        """The known levels of a category, in the order of their codes."""
        return self._levels[field.name]

    def number(self, field: Field) -> str:
        """The column's values, NaN where missing."""
        return self.graph.input(field.name, (1,), DOUBLE)

    def code(self, field: Field) -> str:
        """The code of each text."""
        return self._once("code", field, self._code)

    def missing(self, field: Field) -> str:
        """Where a value is missing, as a boolean."""
        return self._once("missing", field, self._missing)

    def calendar(self, field: Field) -> str:
        """What a date gives beside elapsed time."""
        return self._once("calendar", field, self._calendar)

    def _once(self, what: str, field: Field, make: Callable[[Field], str]) -> str:
        key = (what, field.name)
        if key not in self._made:
            self._made[key] = make(field)
        return self._made[key]

    def _code(self, field: Field) -> str:
        known = self.levels(field)
        codes = {level: code for code, level in enumerate(known)}
        codes.setdefault("", len(known) + 1)
        text = self.graph.input(field.name, (1,), TEXT)
        attributes = {
            "keys_strings": list(codes),
            "values_int64s": list(codes.values()),
            "default_int64": len(known),
        }
        return self.graph.apply("LabelEncoder", text, attributes=attributes, domain=ML)

    def _missing(self, field: Field) -> str:
        if field.kind == "category":
            return self.graph.apply("Equal", self.code(field), np.array(len(self.levels(field)) + 1, LONG))
        return self.graph.apply("IsNaN", self.number(field))

    def _calendar(self, field: Field) -> str:
        return calendar(self.graph, self.number(field), self.missing(field), clock=field.clock)


def known_levels(encoders: Sequence[Encoder]) -> dict[str, list[str]]:
    """All levels that an encoder has an input or a frequency for, by column, in order."""
    found: dict[str, set[str]] = {}
    for encoder in encoders:
        for field in encoder.schema.fields:
            if field.kind == "category":
                own = {*encoder.seen[field.name], *encoder.frequent.get(field.name, {})}
                found.setdefault(field.name, set()).update(own)
    return {name: sorted(levels) for name, levels in found.items()}
