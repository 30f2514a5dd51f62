"""A trained model: encoders and networks, from a table to predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from goodfit.data.encoder import Encoder
from goodfit.data.shelf import parts
from goodfit.data.table import Table
from goodfit.data.target import TargetScale
from goodfit.decision import Decision
from goodfit.metrics import Task
from goodfit.networks import Layout, views
from goodfit.regularizers import Recipe, stack
from goodfit.training.evaluation import outputs_of
from goodfit.training.losses import probabilities

CHUNK, PICTURES = 2048, 64
PREDICTED = 128 * CHUNK
"""Rows that are encoded and predicted at a time."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Model:
    """Networks of one recipe whose predictions are averaged, each with the encoder of its own training rows.

    Args:
        task: what is predicted.
        target: the name of the predicted column, "" if it has none.
        columns: the names of the training table's columns, used or not.
        classes: `(C,)` the classes in the order of their probabilities; empty for regression.
        recipe: what the networks were regularized with.
        layout: where each parameter of a network lies.
        encoders: one a view of the rows.
        scales: of the target in regression, one a view; empty for classes.
        members: `(M,)` which view each network sees.
        parameters: `(M, P)` float32.
        statistics: `(M, R)` float32, of batch norm.
        decision: from which probability on a row is taken for the rarer of two classes; None for the likelier class.
    """

    task: Task
    target: str
    columns: tuple[str, ...]
    classes: NDArray[Any]
    recipe: Recipe
    layout: Layout
    encoders: tuple[Encoder, ...]
    scales: tuple[TargetScale, ...]
    members: tuple[int, ...]
    parameters: NDArray[np.float32]
    statistics: NDArray[np.float32]
    decision: Decision | None = None

    @property
    def medium(self) -> str | None:
        """Whether a row is an image, a sound or a text; None for a table's line."""
        kind = self.encoders[0].schema.form.kind
        return None if kind == "table" else kind

    def predict(self, table: Table) -> Floats:
        """Class probabilities `(n, C)`, or in regression the numbers `(n, 1)`: the mean over the networks.

        Raises:
            InputError: the table lacks a column or has one of another type.
        """
        return in_parts(self.encoders[0].schema.check(table), self._predict)

    def _predict(self, table: Table) -> Floats:
        total = sum(self.predict_view(table, view).sum(0) for view in sorted(set(self.members)))
        return np.asarray(total / len(self.members), dtype=np.float64)

    def predict_view(self, table: Table, view: int) -> Floats:
        """Predictions `(m, n, C)` of each network that sees a view, for a checked table."""
        return self.predict_encoded(self.encoders[view].transform(table, np.float64), view)

    def predict_encoded(self, encoded: Floats, view: int) -> Floats:
        """The same for rows `(n, D)` that the view's encoder has encoded."""
        inputs = torch.from_numpy(encoded)
        own = [m for m, seen in enumerate(self.members) if seen == view]
        predicted = network_outputs(self.parameters[own], self.statistics[own], self.layout, self.recipe, inputs)
        values = probabilities(predicted, self.task).numpy()
        return self.scales[view].backward(values) if self.task == "regression" else values

    def part(self, places: Sequence[int]) -> Model:
        """The model of some of its networks, by their places."""
        views = sorted({self.members[place] for place in places})
        return replace(
            self,
            encoders=tuple(self.encoders[view] for view in views),
            scales=tuple(self.scales[view] for view in views) if self.scales else (),
            members=tuple(views.index(self.members[place]) for place in places),
            parameters=self.parameters[list(places)],
            statistics=self.statistics[list(places)],
        )

    def layers(self, member: int) -> tuple[list[Floats], list[Floats]]:
        """Weights `(D, H)` and biases `(H,)` of a network, a layer each."""
        parts = views(torch.from_numpy(self.parameters[member : member + 1]), self.layout)
        return [w[0].numpy().copy() for w in parts.weights], [b[0, 0].numpy().copy() for b in parts.biases]


def in_parts(table: Table, predict: Callable[[Table], Floats]) -> Floats:
    """Predictions for a table's rows, so many at a time that their inputs fit into memory."""
    return np.concatenate([predict(table.part(rows)) for rows in parts(table.rows, PREDICTED)])


def network_outputs(
    parameters: NDArray[np.float32],
    statistics: NDArray[np.float32],
    layout: Layout,
    recipe: Recipe,
    inputs: torch.Tensor,
) -> torch.Tensor:
    """Outputs `(m, n, K)` of m networks of one recipe for the same rows `(n, D)`, double.

    They are computed in double precision, in which a row's prediction doesn't depend, to any digit that shows, on the
    rows beside it; convolutions, as by the runtimes of exported models, in single precision, in which a network
    with them takes a quarter of the time.
    """
    precision = torch.float32 if layout.channels else torch.float64
    weights, kept = (torch.from_numpy(values).to(precision) for values in (parameters, statistics))
    regularizers = stack([recipe] * len(parameters))
    with torch.inference_mode():
        parts = [
            outputs_of(weights, kept, layout, regularizers, rows.expand(len(weights), -1, -1))
            for rows in torch.split(inputs.to(precision), PICTURES if layout.channels else CHUNK)
        ]
        return torch.cat(parts, 1).double()
