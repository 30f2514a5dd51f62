"""What trained networks predict for rows of the problem that they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch import Tensor

from goodfit.data.shelf import parts
from goodfit.model import PREDICTED, network_outputs
from goodfit.studies.preparing import Prepared
from goodfit.studies.problem import Floats, Ints
from goodfit.training import RunResult
from goodfit.training.losses import probabilities

Each = Callable[[RunResult, Ints, Floats], None]
"""Told of a network, rows `(r,)` and its predictions `(r, C)` for them, so many rows at a time."""


def held_out_predictions(
    prepared: Prepared,
    results: Sequence[RunResult],
    scored: Sequence[Ints] | None = None,
    *,
    each: Each | None = None,
) -> tuple[Ints, Floats]:
    """Predictions for rows by networks that held them out.

    Args:
        prepared: the problem and its views.
        results: the networks.
        scored: the rows that each network is asked about; None for those that it watched.
        each: told of every network's predictions as they come.

    Returns:
        The rows' numbers `(r,)` and predictions `(r, C)`: the mean over the networks that held a row out.
    """
    asked = scored or [result.run.validation for result in results]
    told = [(result, out) for result, out in zip(results, asked, strict=True) if not result.failed]
    different = {id(out): out for _, out in told}.values()
    held = np.unique(np.concatenate([np.empty(0, np.int64), *different]))
    total, count = np.zeros((len(held), max(len(prepared.problem.classes), 1))), np.zeros(len(held))
    for place, rows, values in predicted_in_parts(prepared, [r for r, _ in told], [out for _, out in told]):
        places = np.searchsorted(held, rows)
        total[places] += values
        count[places] += 1
        if each:
            each(told[place][0], rows, values)
    return held, total / count[:, None]


def predicted_in_parts(
    prepared: Prepared, results: Sequence[RunResult], asked: Sequence[Ints]
) -> Iterator[tuple[int, Ints, Floats]]:
    """Predictions of several networks, so many rows at a time; rows are read once for all that are asked about them.

    Args:
        prepared: the problem and its views.
        results: the networks.
        asked: the rows that each is asked about, one and the same array where they are the same.

    Yields:
        The place of a network, rows `(r,)`, and its predictions `(r, C)` for them: class probabilities or numbers.
    """
    together: dict[tuple[int, int], list[int]] = {}
    for place, (result, out) in enumerate(zip(results, asked, strict=True)):
        together.setdefault((result.run.view, id(out)), []).append(place)
    for (view, _), places in together.items():
        every, out = prepared.data.inputs[view], asked[places[0]]
        for part in parts(len(out), PREDICTED):
            rows = out[part]
            inputs = every[rows].double()
            for place in places:
                yield place, rows, _predicted(prepared, results[place], inputs)


def _predicted(prepared: Prepared, result: RunResult, inputs: Tensor) -> Floats:
    parameters, statistics = result.parameters[None], result.statistics[None]
    outputs = network_outputs(parameters, statistics, result.layout, result.run.recipe, inputs)
    values = probabilities(outputs, prepared.problem.task)[0].numpy()
    return prepared.scales[result.run.view].backward(values) if prepared.scales else np.asarray(values)


def predictions(prepared: Prepared, result: RunResult, rows: Ints) -> Floats:
    """A network's predictions `(r, C)` for rows of the problem: class probabilities or numbers."""
    return np.concatenate([values for _, _, values in predicted_in_parts(prepared, [result], [rows])])
