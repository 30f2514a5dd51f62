"""The runs of a learning curve: what is trained at each point, and the losses that come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from goodfit.data.schema import Schema
from goodfit.errors import InputError
from goodfit.extrapolation import extrapolate
from goodfit.studies.learning import LearningCurve
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.samples import Sample, Trained, part_of, repeated_folds, train_samples
from goodfit.studies.scoring import FOLDS, check_folds, loss_name, mean_losses, watching
from goodfit.studies.subject import Subject
from goodfit.studies.usual import usual_batch_size

SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
WIDTHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
DEPTHS = (0, 1, 2, 3, 4)
USUAL_WIDTH = 128
FACTOR = 2.0
"""The held-out loss is foreseen for so many times the rows."""

Losses = tuple[Floats, Floats]
Score = Callable[[Sample], tuple[float, float]]


@dataclass(frozen=True)
class Folding:
    """How often the rows are partitioned into folds, and the seed of the partitions and of the networks."""

    repeats: int
    seed: int

    def samples(self, problem: Problem) -> list[Sample]:
        """A sample a fold and repeat; InputError where rows are too few."""
        check_folds(problem)
        return repeated_folds(problem, FOLDS, self.repeats, seed=self.seed)


def over_epochs(problem: Problem, subject: Subject, folding: Folding, epochs: Sequence[int] | None) -> LearningCurve:
    """Both losses after each epoch (or some); a network that stopped early keeps its last loss."""
    samples = folding.samples(problem)
    trained = train_samples(problem, subject, [subject.recipe], samples)
    chosen = np.arange(1, subject.settings.max_epochs + 1) if epochs is None else np.unique(epochs)
    reached = chosen[: 1 + np.searchsorted(chosen, max(result.epochs for result in trained.results[0]))]
    training, held_out = (_by_epoch(trained, kind, reached) for kind in ("train", "validation"))
    return _curve("epochs", problem, samples, reached.astype(np.float64), (training, held_out), own=len(reached) - 1)


def over_rows(
    problem: Problem, subject: Subject, folding: Folding, shares: Sequence[float] | None, *, scaled: bool
) -> LearningCurve:
    """Both losses with part of the training rows, each part within the next, for the same held-out rows.

    Args:
        problem: the rows.
        subject: the network.
        folding: repeats and seed.
        shares: of the training rows, in (0, 1]; None for the usual ones.
        scaled: whether the batch size goes by the rows, as an estimator's does to which none is given.
    """
    samples, schema = folding.samples(problem), Schema.of(problem.table)
    given = sorted(SHARES if shares is None else set(shares))
    columns: list[Losses] = []
    for share in given:
        parts = [part_of(problem, sample, share) for sample in samples]
        batch = usual_batch_size(round(share * problem.rows)) if scaled else subject.settings.batch_size
        own = replace(subject, settings=replace(subject.settings, batch_size=batch))
        columns.append(_trained(problem, own, parts, schema))
    return _by_rows(problem, samples, given, columns)


def over_rows_of(problem: Problem, score: Score, folding: Folding, shares: Sequence[float] | None) -> LearningCurve:
    """The same for any learner: `score` gives the losses on training and on held-out rows of a sample."""
    samples = folding.samples(problem)
    given = sorted(SHARES if shares is None else set(shares))
    columns: list[Losses] = []
    for share in given:
        found = np.array([score(part_of(problem, sample, share)) for sample in samples])
        columns.append((found[:, 0], found[:, 1]))
    return _by_rows(problem, samples, given, columns)


def over_width(problem: Problem, subject: Subject, folding: Folding, factors: Sequence[float] | None) -> LearningCurve:
    """Both losses with every hidden layer so many times as wide."""
    hidden = subject.settings.hidden
    if not hidden:
        raise InputError("over is 'width', but the network has no hidden layer; give hidden, or take over='depth'")
    widths = {
        tuple(max(1, round(factor * units)) for units in hidden) for factor in (WIDTHS if factors is None else factors)
    } | {hidden}
    shapes = sorted(widths)
    return _by_shape("width", problem, subject, folding, shapes, [float(shape[0]) for shape in shapes])


def over_depth(problem: Problem, subject: Subject, folding: Folding, depths: Sequence[int] | None) -> LearningCurve:
    """Both losses with so many hidden layers: the network's first ones, its last repeated where there are more."""
    hidden = subject.settings.hidden
    own = hidden or (USUAL_WIDTH,)
    counts = sorted({*(DEPTHS if depths is None else depths), len(hidden)})
    shapes = [tuple(own[min(layer, len(own) - 1)] for layer in range(count)) for count in counts]
    return _by_shape("depth", problem, subject, folding, shapes, [float(count) for count in counts])


def _by_shape(
    over: Literal["width", "depth"],
    problem: Problem,
    subject: Subject,
    folding: Folding,
    shapes: Sequence[tuple[int, ...]],
    at: Sequence[float],
) -> LearningCurve:
    samples, schema = folding.samples(problem), Schema.of(problem.table)
    columns = [
        _trained(problem, replace(subject, settings=replace(subject.settings, hidden=shape)), samples, schema)
        for shape in shapes
    ]
    training, held_out = (np.stack([column[i] for column in columns], 1) for i in (0, 1))
    own = list(shapes).index(tuple(subject.settings.hidden))
    return _curve(over, problem, samples, np.array(at), (training, held_out), own=own)


def _by_rows(
    problem: Problem, samples: Sequence[Sample], shares: Sequence[float], columns: Sequence[Losses]
) -> LearningCurve:
    training, held_out = (np.stack([column[i] for column in columns], 1) for i in (0, 1))
    full = float(np.mean([len(sample.train) for sample in samples]))
    rows = np.array([max(1, round(share * full)) for share in shares], dtype=np.float64)
    curve = _curve("rows", problem, samples, rows, (training, held_out), own=len(rows) - 1)
    law = extrapolate(rows, held_out, factor=FACTOR, test_share=curve.test_share)
    return replace(curve, extrapolation=law)


def _curve(
    over: Literal["epochs", "rows", "width", "depth"],
    problem: Problem,
    samples: Sequence[Sample],
    at: Floats,
    losses: Losses,
    *,
    own: int,
) -> LearningCurve:
    share = len(samples[0].held_out) / len(samples[0].train)
    return LearningCurve(over, at, *losses, own, loss_name(problem), share)


def _trained(problem: Problem, subject: Subject, samples: Sequence[Sample], schema: Schema) -> Losses:
    """The losses `(S,)` on rows learned from and on rows held out."""
    taught = watching(problem, samples, [subject.recipe], subject.plan.validation)
    trained = train_samples(problem, subject, [subject.recipe], taught, schema)
    return (
        mean_losses(trained, 0, [sample.train for sample in taught]),
        mean_losses(trained, 0, [sample.held_out for sample in samples]),
    )


def _by_epoch(trained: Trained, kind: Literal["train", "validation"], epochs: Ints) -> Floats:
    """A loss `(S, E)` in the target's own unit: the last one where a network stopped, nan where it diverged."""
    rows = []
    for place, result in enumerate(trained.results[0]):
        values = result.history.train if kind == "train" else result.history.validation
        scale = trained.prepared.scales[place].scale ** 2 if trained.prepared.scales else 1.0
        own = scale * values[np.minimum(epochs, len(values)) - 1] if len(values) else np.full(len(epochs), np.nan)
        if result.failed:
            own = np.where(epochs < len(values), own, np.nan)
        rows.append(own)
    return np.stack(rows)
