"""What recipes do to training rows before training: synthetic rows of a table, and texts written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from goodfit.data.media import texts_of
from goodfit.data.synthetic import interpolate, smote_points
from goodfit.data.table import Table
from goodfit.metrics import Task
from goodfit.regularizers import Recipe, dose_field
from goodfit.regularizers.places import Adds, Rewrites
from goodfit.regularizers.tables.smote import smote_shift
from goodfit.rng import derive
from goodfit.studies.problem import Floats, Ints, Problem

VARIANTS = 4
"""Variants of each training text: in a fifth of the epochs a text stands as itself."""


def offline(recipe: Recipe) -> Recipe:
    """The parts of a recipe that act before training, those at their neutral dose left out."""
    return Recipe(tuple(part for part in recipe if isinstance(part, Adds | Rewrites) and _acts(part)))


def _acts(part: Adds | Rewrites) -> bool:
    name, allowed = dose_field(type(part))
    return bool(getattr(part, name) != allowed.neutral)


@dataclass(frozen=True, eq=False)
class Added:
    """Synthetic rows that come from one set of training rows.

    Args:
        table: s rows.
        codes: `(s,)` their classes.
        parents: `(s, p)` numbers in the problem of all rows that each comes from.
    """

    table: Table
    codes: Ints
    parents: Ints

    def within(self, train: Ints) -> NDArray[np.bool_]:
        """Which of them come from these rows alone, `(s,)`."""
        return np.asarray(np.isin(self.parents, train).all(1))


def add_rows(problem: Problem, train: Ints, way: Recipe, seed: int) -> Added | None:
    """The synthetic rows that a way of enlarging makes of training rows; None if it makes none.

    Args:
        problem: whose rows.
        train: numbers of the training rows.
        way: the parts of a recipe that act before training.
        seed: of what is drawn.
    """
    part = way.get(Adds)
    if part is None:
        return None
    table, codes = problem.table.take(train), problem.target[train]
    names = [str(name) for name in problem.classes]
    plan = part.plan(smote_points(table, codes), codes, names, seed)
    rows = np.column_stack([plan.base, plan.other, plan.neighbors])
    return Added(interpolate(table, plan), plan.codes, train[rows])


def prior_shift(before: Floats, after: Floats, task: Task) -> NDArray[np.float32]:
    """What outputs trained on resampled rows are short of, `(K,)`: see `smote_shift`.

    Args:
        before: `(C,)` weight of each class among the real rows.
        after: `(C,)` likewise with the synthetic ones.
        task: two classes have one output, the second's.
    """
    shift = smote_shift(before, after)
    return np.asarray(shift[1:] - shift[:1] if task == "binary" else shift, dtype=np.float32)


def rewritten(problem: Problem, rows: Ints, way: Recipe, seed: int) -> list[list[str]]:
    """Variants of texts, `VARIANTS` lists of one text a row of the problem; no list where the way rewrites nothing.

    A variant is a function of the text, the way and the seed; texts of rows that aren't asked for stay as they are.
    """
    parts = [part for part in way if isinstance(part, Rewrites)]
    if not parts:
        return []
    texts = texts_of(problem.table.columns[0])
    variants = []
    for copy in range(VARIANTS):
        some = [texts[row] for row in rows.tolist()]
        for place, part in enumerate(parts):
            some = part.rewrite(some, [derive(seed, copy, place, _digest(texts[row])) for row in rows.tolist()])
        written = list(texts)
        for row, text in zip(rows.tolist(), some, strict=True):
            written[row] = text
        variants.append(written)
    return variants


def versions(problem: Problem, rows: Ints, variants: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each row's text with its variants."""
    texts = texts_of(problem.table.columns[0])
    return [[texts[row], *(copy[row] for copy in variants)] for row in rows.tolist()]


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
