"""From a problem to what its runs see: encoded rows, a view for each set of training rows and each way to enlarge it.

The rows of the tensors are the problem's own, then k variants of each, then synthetic rows, class by class. Views
differ in what these hold, not in what they are: a number's row, its target and its weight are the same in all. Where
rows differ in weight, synthetic ones come set of training rows by set, class by class in each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from goodfit.data.encoder import Encoder, fit_encoder
from goodfit.data.schema import Schema
from goodfit.data.shelf import Shelf
from goodfit.data.target import TargetScale, fit_target_scale
from goodfit.data.words import MOST_TERMS, fit_vocabulary
from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Form
from goodfit.regularizers.places import Adds
from goodfit.studies.enlarging import Added, add_rows, offline, prior_shift, rewritten, versions
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.training import Data, Run
from goodfit.training.workers import workers

MOST_CELLS_OF_TEXTS = 400_000_000
LEAST_TERMS = 256
MOST_CELLS_AT_ONCE = 100_000_000
"""Of tables that are encoded side by side, each from a copy of its training rows."""
T = TypeVar("T")
S = TypeVar("S")
ACTS_ON = {"table": "tables", "image": "pictures", "sound": "sounds", "text": "texts"}


@dataclass(frozen=True, eq=False)
class View:
    """One encoding of the rows.

    Args:
        place: of the set of training rows that it was learned from.
        way: how these were enlarged: the parts of a recipe that act before training.
        encoder: what was learned from them.
        scale: of the target in regression.
        added: synthetic rows made of them.
        numbers: `(s,)` where these stand.
        variants: for each variant of a text the texts of all rows.
    """

    place: int
    way: Recipe
    encoder: Encoder
    scale: TargetScale
    added: Added | None
    numbers: Ints
    variants: Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A problem as its runs see it.

    Args:
        problem: whose rows the runs' numbers mean.
        data: inputs as tensors.
        views: in the order of the tensors.
        trains: the sets of training rows.
    """

    problem: Problem
    data: Data
    views: tuple[View, ...]
    trains: tuple[Ints, ...]

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """One a view, fitted on its training rows."""
        return tuple(view.encoder for view in self.views)

    @property
    def scales(self) -> tuple[TargetScale, ...]:
        """Of the target in regression, one a view; else none."""
        return tuple(view.scale for view in self.views) if self.problem.task == "regression" else ()

    def run(
        self, recipe: Recipe, place: int, validation: Ints, *, seed: int, learning_rate: float, part: Ints | None = None
    ) -> Run:
        """The training of a recipe on a set of training rows, or on part of it.

        Args:
            recipe: its rows are enlarged as it says.
            place: of the set of training rows.
            validation: rows to watch.
            seed: of the run.
            learning_rate: of the run.
            part: some of the training rows; of synthetic rows those stay that come from these alone. None for all.
        """
        way = offline(recipe)
        number = next(i for i, view in enumerate(self.views) if view.way == way and view.place in (place, EVERY))
        view, train = self.views[number], self.trains[place] if part is None else part
        added = view.numbers[view.added.within(train)] if view.added else view.numbers
        return Run(
            recipe,
            seed,
            train,
            validation,
            number,
            learning_rate,
            added,
            self._variants(train, len(view.variants)),
            self._shift(train, added),
        )

    def _variants(self, train: Ints, copies: int) -> Ints:
        return self.problem.rows + train[:, None] * copies + np.arange(copies)

    def _shift(self, train: Ints, added: Ints) -> NDArray[np.float32] | None:
        if not len(added):
            return None
        count, weights = len(self.problem.classes), self.data.weights.numpy().astype(np.float64)
        before = _weight_by_class(self.problem.target[train], weights[train], count)
        targets = self.data.targets[0, added].numpy()
        codes = targets[:, 0].astype(np.int64) if self.problem.task == "binary" else targets.argmax(1)
        after = before + _weight_by_class(codes, weights[added], count)
        return prior_shift(before, after, self.problem.task)


EVERY = -1
"""The place of a view that serves all sets of training rows: from pictures, sounds and what a sentence encoder says
nothing is learned, nor from classes or from numbers that aren't standardized."""


def prepare(
    problem: Problem,
    trains: Sequence[Ints],
    recipes: Sequence[Recipe] = (),
    *,
    standardize: bool = True,
    schema: Schema | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Prepared:
    """Encode a problem once for each set of training rows; nothing is learned from other rows.

    Args:
        problem: the rows.
        trains: sets of training rows.
        recipes: those that will be trained: what they do before training is done here.
        standardize: whether numbers and the target of regression are brought to mean 0 and deviation 1.
        schema: the columns' structure, if it is known already, or if numbers are to have pieces.
        seed: of synthetic rows and of variants.
        threads: that encode at most; None for as many as torch uses.

    Raises:
        InputError: a technique doesn't suit these rows, or can't be applied to them.
    """
    schema = schema or Schema.of(problem.table)
    check_suits(recipes, schema.form, problem)
    ways = list(dict.fromkeys([offline(recipe) for recipe in recipes] or [Recipe()]))
    words = schema.form.kind == "text" and not schema.fields[0].reader
    plain = schema.form.kind != "table" and not words and not (problem.task == "regression" and standardize)
    places = [EVERY] if plain else list(range(len(trains)))
    sources = [np.arange(problem.rows)] if plain else trains
    learned = np.unique(np.concatenate(trains)) if schema.form.kind == "text" else np.empty(0, np.int64)

    def fitted(rows: Ints) -> Encoder:
        return fit_encoder(problem.table, schema, rows, problem.weights, standardize=standardize)

    encoders, views = _each(fitted, sources, problem, threads), []
    for way in ways:
        variants = rewritten(problem, learned, way, seed) if len(learned) else []
        for place, rows, encoder in zip(places, sources, encoders, strict=True):
            scale = _scale(problem, rows, standardize)
            added = add_rows(problem, rows, way, seed) if place != EVERY else None
            views.append(View(place, way, encoder, scale, added, np.empty(0, np.int64), variants))
    if words:
        views = _with_words(problem, trains, views)
    return _assembled(problem, trains, views, threads)


def _each(do: Callable[[T], S], items: Sequence[T], problem: Problem, threads: int | None) -> list[S]:
    """What is done to each item, side by side where these are tables and memory holds what each of them needs."""
    cells = problem.rows * max(1, len(problem.table.columns))
    most = MOST_CELLS_AT_ONCE // max(1, cells) if problem.kind == "table" and problem.table.shelf is None else 1
    count = min(threads or torch.get_num_threads(), most, len(items))
    if count < 2:
        return [do(item) for item in items]
    with workers(count) as pool:
        return list(pool.map(do, items))


def check_suits(recipes: Sequence[Recipe], form: Form, problem: Problem) -> None:
    """Raise InputError where a technique doesn't suit rows of this form, or this task."""
    for part in (part for recipe in recipes for part in recipe):
        if form.kind not in part.suits:
            wanted = " and ".join(ACTS_ON[kind] for kind in ACTS_ON if kind in part.suits)
            raise InputError(f"{part.name} acts on {wanted}, not on {ACTS_ON[form.kind]}: leave it out of the recipe")
        if problem.task == "regression" and isinstance(part, Adds):
            raise InputError(f"{part.name} evens classes, and the target is numbers: leave it out of the recipe")


def _scale(problem: Problem, rows: Ints, standardize: bool) -> TargetScale:
    if problem.task != "regression" or not standardize:
        return TargetScale(0.0, 1.0)
    return fit_target_scale(problem.target, rows, problem.weights)


def _with_words(problem: Problem, trains: Sequence[Ints], views: Sequence[View]) -> list[View]:
    """The views with vocabularies of their own training texts, all of one width."""
    rows = problem.rows * (1 + max(len(view.variants) for view in views))
    most = int(np.clip(MOST_CELLS_OF_TEXTS // (rows * len(views)), LEAST_TERMS, MOST_TERMS))
    found = [fit_vocabulary(versions(problem, trains[view.place], view.variants), most) for view in views]
    width = max(len(words.terms) for words in found)
    if not width:
        raise InputError("there is no word in the training texts: give texts with words")
    schema = views[0].encoder.schema.with_shape((width,))
    return [
        replace(view, encoder=replace(view.encoder, schema=schema, vocabulary=words))
        for view, words in zip(views, found, strict=True)
    ]


def _assembled(problem: Problem, trains: Sequence[Ints], views: Sequence[View], threads: int | None) -> Prepared:
    """The tensors of all views."""
    copies, count = max(len(view.variants) for view in views), len(problem.classes)
    # rows of unequal weights: what a synthetic one weighs hangs on the training rows, so each set of these has its own
    sources = [np.arange(problem.rows)] if np.ptp(problem.weights) == 0 else trains
    sorts = [_sorts(view, count, len(sources)) for view in views]
    places = np.max([np.bincount(own, minlength=len(sources) * count) for own in sorts], 0)
    numbered = [_numbered(*pair, problem.rows * (1 + copies), places) for pair in zip(views, sorts, strict=True)]
    total = problem.rows * (1 + copies) + int(places.sum())
    form = views[0].encoder.schema.form
    inputs = _zeros((len(views), total, len(views[0].encoder.schema.input_names)), problem.table.shelf)
    _each(lambda place: _fill(inputs[place], numbered[place], problem), range(len(numbered)), problem, threads)
    made = np.arange(len(places)).repeat(places)
    target = np.concatenate([problem.target, problem.target.repeat(copies), made % max(count, 1)])
    weights = np.concatenate([problem.weights, problem.weights.repeat(copies), _mean_weights(problem, sources)[made]])
    targets = _targets(target, problem, [view.scale for view in views]).expand(len(views), -1, -1)
    data = Data(inputs, targets, torch.from_numpy(weights).float(), problem.task, form)
    return Prepared(problem, data, tuple(numbered), tuple(trains))


def _zeros(shape: tuple[int, ...], shelf: Shelf | None) -> torch.Tensor:
    return torch.zeros(shape) if shelf is None else torch.from_numpy(shelf.empty(shape, np.float32))


def _sorts(view: View, classes: int, sources: int) -> Ints:
    """What each synthetic row of a view is: its class, after those of the sets of training rows before its own."""
    codes = view.added.codes if view.added is not None else np.empty(0, np.int64)
    return np.asarray(codes + classes * (view.place if sources > 1 else 0))


def _numbered(view: View, sorts: Ints, start: int, places: Ints) -> View:
    """Give a view's synthetic rows their numbers: the first places of their sort."""
    order = np.argsort(sorts, kind="stable")
    rank = np.empty(len(sorts), np.int64)
    rank[order] = np.arange(len(sorts)) - np.searchsorted(sorts[order], sorts[order])
    return replace(view, numbers=start + (np.cumsum(places) - places)[sorts] + rank)


def _fill(inputs: torch.Tensor, view: View, problem: Problem) -> None:
    """Write a view's rows, their variants and its synthetic rows."""
    rows = problem.rows
    view.encoder.transform(problem.table, out=inputs[:rows].numpy())
    copies = len(view.variants)
    for copy, texts in enumerate(view.variants):
        described = torch.from_numpy(view.encoder.describe(texts))
        inputs[rows + copy : rows * (1 + copies) : copies, : described.shape[1]] = described
    if view.added is not None:
        inputs[torch.from_numpy(view.numbers)] = torch.from_numpy(view.encoder.transform(view.added.table))


def _mean_weights(problem: Problem, sources: Sequence[Ints]) -> Floats:
    """`(S C,)` mean weight of the rows of each class in each of S sets of rows: what a synthetic one weighs."""
    count = len(problem.classes)
    if not count:
        return np.empty(0)
    sums = [_weight_by_class(problem.target[rows], problem.weights[rows], count) for rows in sources]
    counts = [np.bincount(problem.target[rows], minlength=count) for rows in sources]
    return np.concatenate(sums) / np.maximum(np.concatenate(counts), 1)


def _weight_by_class(codes: Ints, weights: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(codes, weights, minlength=count), dtype=np.float64)


def _targets(target: NDArray[np.generic], problem: Problem, scales: Sequence[TargetScale]) -> torch.Tensor:
    """Targets `(V, n, K)` or `(1, n, K)`: standardized numbers, the second of two classes, or indicators."""
    if problem.task == "regression":
        views = np.stack([scale.forward(target.astype(np.float64)) for scale in scales])
        return torch.from_numpy(views[..., None]).float()
    codes = torch.from_numpy(target.astype(np.int64))
    if problem.task == "binary":
        return codes[None, :, None].float()
    return torch.nn.functional.one_hot(codes, len(problem.classes))[None].float()
