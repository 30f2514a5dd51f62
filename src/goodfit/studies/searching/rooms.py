"""The encodings that batches share: one for each number of pieces, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from goodfit.data.schema import Schema
from goodfit.data.words import MOST_TERMS
from goodfit.regularizers import Recipe
from goodfit.studies.enlarging import offline
from goodfit.studies.fitting import MOST_BYTES_OF_VIEWS
from goodfit.studies.preparing import Prepared, prepare
from goodfit.studies.problem import Problem
from goodfit.studies.searching.batch import Splits
from goodfit.studies.searching.choices import Shape
from goodfit.studies.searching.defaults import PIECES


@dataclass
class Rooms:
    """A problem's encodings by how finely numbers are encoded.

    Args:
        problem: merged.
        splits: the folds.
        standardize: whether numbers are standardized.
        seed: of synthetic rows and of variants.
        metric: what trials are judged by, a key of `goodfit.metrics`; None is the held-out loss.
        threads: that encode at most; None for as many as torch uses.
    """

    problem: Problem
    splits: Splits
    standardize: bool
    seed: int
    metric: str | None = None
    threads: int | None = None
    kept: dict[tuple[int, bool], Prepared] = field(default_factory=dict)
    schemas: dict[tuple[int, bool], Schema] = field(default_factory=dict)

    def of(self, shape: Shape, recipes: Sequence[Recipe] = ()) -> Prepared:
        """The problem as runs of these recipes see it. Recipes that enlarge the rows get views of their own."""
        if any(offline(recipe).parts for recipe in recipes):
            return self._prepared(shape, recipes)
        numbers = (shape.pieces, shape.cut)
        if numbers not in self.kept:
            made = self._prepared(shape, ())
            while self.kept and sum(map(_bytes, self.kept.values())) + _bytes(made) > MOST_BYTES_OF_VIEWS:
                del self.kept[next(iter(self.kept))]
            self.kept[numbers] = made
        return self.kept[numbers]

    @property
    def picture(self) -> tuple[int, ...]:
        """Channels, height and width of pictures and sounds; `()` of other rows."""
        form = self.schema(0, cut=False).form
        return form.shape if form.kind in ("image", "sound") else ()

    def inputs(self, shape: Shape) -> int:
        """How many inputs a row has; of texts as many as there may be terms."""
        if self.problem.kind == "text":
            return MOST_TERMS
        return len(self.schema(shape.pieces, cut=shape.cut).input_names)

    @cached_property
    def finest(self) -> Schema:
        """The columns' structure with as many pieces as any shape has."""
        return Schema.of(self.problem.table, max(PIECES))

    def schema(self, pieces: int, *, cut: bool) -> Schema:
        """The columns' structure with so many pieces of a number at most, cut off or not."""
        if (pieces, cut) not in self.schemas:
            self.schemas[pieces, cut] = self.finest.with_pieces(pieces, cut=cut)
        return self.schemas[pieces, cut]

    def _prepared(self, shape: Shape, recipes: Sequence[Recipe]) -> Prepared:
        return prepare(
            self.problem,
            [train for train, _ in self.splits],
            recipes,
            standardize=self.standardize,
            schema=self.schema(shape.pieces, cut=shape.cut),
            seed=self.seed,
            threads=self.threads,
        )


def _bytes(prepared: Prepared) -> int:
    return prepared.data.inputs.nbytes
