"""A blend: models of several recipes and shapes, whose predictions are averaged and then tempered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goodfit.data.encoder import Encoder
from goodfit.data.table import Table
from goodfit.decision import Decision
from goodfit.metrics import Task
from goodfit.model import Floats, Model, in_parts
from goodfit.networks import Layout
from goodfit.regularizers import Recipe
from goodfit.tempering import tempered


@dataclass(frozen=True, eq=False)
class Blend:
    """Models of one target, averaged.

    Args:
        models: one or more, the weightiest first.
        counts: how often each was picked: its weight in the mean is its share of all picks.
        temperature: of the probabilities, above 0; 1 leaves them, above 1 makes them less sure.
        decision: from which probability on a row is taken for the rarer of two classes; None for the likelier class.
    """

    models: tuple[Model, ...]
    counts: tuple[int, ...]
    temperature: float = 1.0
    decision: Decision | None = None

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.models[0].task

    @property
    def target(self) -> str:
        """The name of the predicted column, "" if it has none."""
        return self.models[0].target

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the training table's columns, used or not."""
        return self.models[0].columns

    @property
    def classes(self) -> NDArray[Any]:
        """The classes `(C,)` in the order of their probabilities; empty for regression."""
        return self.models[0].classes

    @property
    def recipe(self) -> Recipe:
        """Of the weightiest model."""
        return self.models[0].recipe

    @property
    def layout(self) -> Layout:
        """Of the weightiest model."""
        return self.models[0].layout

    @property
    def medium(self) -> str | None:
        """Whether a row is an image, a sound or a text; None for a table's line."""
        return self.models[0].medium

    @property
    def members(self) -> tuple[int, ...]:
        """Of each network the place of its model."""
        return tuple(place for place, model in enumerate(self.models) for _ in model.members)

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """Those of the weightiest model."""
        return self.models[0].encoders

    @cached_property
    def distinct_encoders(self) -> tuple[Encoder, ...]:
        """Every encoder once: models of as many pieces share those of their folds."""
        every: Mapping[int, Encoder] = {id(e): e for model in self.models for e in model.encoders}
        return tuple(every.values())

    def predict(self, table: Table) -> Floats:
        """Class probabilities `(n, C)`, or in regression the numbers `(n, 1)`.

        Raises:
            InputError: the table lacks a column or has one of another type.
        """
        return in_parts(self.models[0].encoders[0].schema.check(table), self._predict)

    def _predict(self, table: Table) -> Floats:
        total: Any = 0.0
        for encoder in self.distinct_encoders:
            encoded = encoder.transform(table, np.float64)
            for model, count in zip(self.models, self.counts, strict=True):
                for view in [v for v, own in enumerate(model.encoders) if own is encoder]:
                    networks = model.predict_encoded(encoded, view)
                    total = total + networks.sum(0) * (count / (sum(self.counts) * len(model.members)))
        values = np.asarray(total, dtype=np.float64)
        return values if self.task == "regression" else tempered(values, self.temperature)

    def layers(self, member: int) -> tuple[list[Floats], list[Floats]]:
        """Weights `(D, H)` and biases `(H,)` of a network, a layer each."""
        place = self.members[member]
        return self.models[place].layers(member - self.members.index(place))


AnyModel = Model | Blend
"""What predicts."""
