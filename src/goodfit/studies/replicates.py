"""Networks trained on replicates of a training set, bootstrap samples or fresh draws, and what they predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from goodfit.data.encoder import Encoder
from goodfit.data.schema import Schema
from goodfit.data.splits import distinct, holdout
from goodfit.data.table import Table
from goodfit.data.target import TargetScale
from goodfit.model import network_outputs
from goodfit.rng import derive
from goodfit.studies.fitting import MOST_BYTES_OF_VIEWS
from goodfit.studies.preparing import prepare
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.rows import Rows
from goodfit.studies.samples import Sample, train_samples
from goodfit.studies.subject import Subject
from goodfit.training import Data, RunResult, train
from goodfit.training.losses import probabilities
from goodfit.training.workers import workers

MOST_BYTES_OF_PREDICTIONS = 1_000_000_000
"""Beyond this predictions are kept in single precision."""

_ORDER, _NETWORK, _HELD = 10, 11, 12  # streams of random numbers


@dataclass(frozen=True, eq=False)
class Replicate:
    """A training set.

    Args:
        rows: where it comes from.
        sample: which of them to learn from, and which early stopping watches.
    """

    rows: Rows
    sample: Sample


def bootstrap_replicates(rows: Rows, count: int, *, seed: int, watched: bool) -> list[Replicate]:
    """Rows drawn with replacement, as many as there are; out of bag are those that no drawn row is a copy of.

    Args:
        rows: n of them.
        count: of samples.
        seed: of the draw and of the networks.
        watched: whether the rows out of the bag are held out, for early stopping; else none are.
    """
    problem = rows.problem
    content = distinct(problem.table, problem.target, order="first").inverse
    replicates = []
    for number in range(count):
        drawn = np.random.default_rng(derive(seed, _ORDER, number)).integers(0, problem.rows, problem.rows)
        outside = np.flatnonzero(~np.isin(content, content[drawn])) if watched else drawn[:0]
        replicates.append(Replicate(rows, Sample(drawn, outside, derive(seed, _NETWORK, number))))
    return replicates


def fresh_replicates(draws: Sequence[Rows], *, seed: int, held: float) -> list[Replicate]:
    """A replicate a draw; a share of its rows, 0 or more, is held out for early stopping."""
    replicates = []
    for number, rows in enumerate(draws):
        kept, out = np.arange(rows.problem.rows), np.arange(0)
        if held:
            kept, out = holdout(rows.problem.strata, held, derive(seed, _HELD, number))
        replicates.append(Replicate(rows, Sample(kept, out, derive(seed, _NETWORK, number))))
    return replicates


def train_replicates(replicates: Sequence[Replicate], subject: Subject, test: Table) -> Floats:
    """Predictions `(R, n, C)` of a network a replicate for test rows; those of a network that diverged are nan.

    They train in one population, or in several one after the other where their encoded rows take more than a gigabyte.
    """
    first = replicates[0].rows.problem
    schema = Schema.of(first.table)
    test = schema.check(test)
    predicted = empty_predictions(len(replicates), test.rows, max(1, len(first.classes)))
    largest = max(replicate.rows.problem.rows for replicate in replicates)
    step = max(1, MOST_BYTES_OF_VIEWS // (4 * largest * max(1, len(schema.input_names))))
    for start in range(0, len(replicates), step):
        networks = _networks(replicates[start : start + step], subject, schema)

        def predict(place: int, part: Sequence[_Network] = networks, start: int = start) -> None:
            if not part[place].result.failed:
                predicted[start + place] = part[place].predicted(test, first)

        with workers(subject.execution.threads or torch.get_num_threads()) as pool:
            list(pool.map(predict, range(len(networks))))
    return predicted


def empty_predictions(replicates: int, rows: int, classes: int) -> Floats:
    """Room for predictions `(R, n, C)`, nan; of probabilities in single precision where there are very many."""
    shape = (replicates, rows, classes)
    many = classes > 1 and 8 * replicates * rows * classes > MOST_BYTES_OF_PREDICTIONS
    return np.full(shape, np.nan, dtype=np.float32 if many else np.float64)


@dataclass(frozen=True, eq=False)
class _Network:
    """A trained network with what encodes its rows and, in regression, its target."""

    result: RunResult
    encoder: Encoder
    scale: TargetScale | None

    def predicted(self, table: Table, problem: Problem) -> Floats:
        """Predictions `(n, C)` for the rows of a checked table."""
        result, inputs = self.result, torch.from_numpy(self.encoder.transform(table, np.float64))
        outputs = network_outputs(
            result.parameters[None], result.statistics[None], result.layout, result.run.recipe, inputs
        )
        values = probabilities(outputs, problem.task)[0].numpy()
        return values if self.scale is None else self.scale.backward(values)


def _networks(replicates: Sequence[Replicate], subject: Subject, schema: Schema) -> list[_Network]:
    samples = [replicate.sample for replicate in replicates]
    rows = replicates[0].rows
    if all(replicate.rows is rows for replicate in replicates):
        trained = train_samples(rows.problem, subject, [subject.recipe], samples, schema)
        results: Sequence[RunResult] = trained.results[0]
        views = [trained.prepared.views[result.run.view] for result in results]
        encoders = tuple(view.encoder for view in views)
        scales = tuple(view.scale for view in views) if trained.prepared.scales else ()
    else:
        results, encoders, scales = _trained_draws(replicates, subject, schema)
    return [
        _Network(result, encoder, scales[place] if scales else None)
        for place, (result, encoder) in enumerate(zip(results, encoders, strict=True))
    ]


def _trained_draws(
    replicates: Sequence[Replicate], subject: Subject, schema: Schema
) -> tuple[Sequence[RunResult], tuple[Encoder, ...], tuple[TargetScale, ...]]:
    """Train a network on each of several tables: a table is a view, so that none holds another's rows."""
    recipe, plan = subject.recipe, subject.plan
    parts = [
        prepare(r.rows.problem, [r.sample.train], [recipe], standardize=plan.standardize, schema=schema, seed=plan.seed)
        for r in replicates
    ]
    rows = max(part.data.inputs.shape[1] for part in parts)
    weights = torch.ones(rows)
    data = Data(
        _stacked([part.data.inputs for part in parts], rows),
        _stacked([part.data.targets for part in parts], rows),
        weights,
        parts[0].problem.task,
        parts[0].data.form,
    )
    own = [
        part.run(recipe, 0, r.sample.held_out, seed=r.sample.seed, learning_rate=plan.learning_rate)
        for part, r in zip(parts, replicates, strict=True)
    ]
    runs = [replace(run, view=view) for view, run in enumerate(own)]
    results = train(data, runs, subject.settings, execution=subject.execution, on_epoch=subject.on_epoch)
    return results, tuple(part.encoders[0] for part in parts), tuple(scale for part in parts for scale in part.scales)


def _stacked(views: Sequence[torch.Tensor], rows: int) -> torch.Tensor:
    """Views `(1, n, D)` of different sizes as one `(V, rows, D)`; what one lacks is 0 and used by no run."""
    wide = max(view.shape[2] for view in views)
    return torch.cat(
        [torch.nn.functional.pad(view, (0, wide - view.shape[2], 0, rows - view.shape[1])) for view in views]
    )
