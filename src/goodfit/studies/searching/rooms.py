"""The encodings that batches share: one for each number of pieces, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from goodfit.data.schema import Schema
from goodfit.data.words import MOST_TERMS
from goodfit.regularizers import Recipe
from goodfit.studies.enlarging import offline
from goodfit.studies.preparing import Prepared, prepare
from goodfit.studies.problem import Problem
from goodfit.studies.searching.batch import Splits


@dataclass
class Rooms:
    """A problem's encodings by how finely numbers are encoded.

    Args:
        problem: merged.
        splits: the folds.
        standardize: whether numbers are standardized.
        seed: of synthetic rows and of variants.
        metric: what trials are judged by, a key of `goodfit.metrics`; None is the held-out loss.
    """

    problem: Problem
    splits: Splits
    standardize: bool
    seed: int
    metric: str | None = None
    kept: dict[int, Prepared] = field(default_factory=dict)
    schemas: dict[int, Schema] = field(default_factory=dict)

    def of(self, pieces: int, recipes: Sequence[Recipe] = ()) -> Prepared:
        """The problem as runs of these recipes see it. Recipes that enlarge the rows get views of their own."""
        if any(offline(recipe).parts for recipe in recipes):
            return self._prepared(pieces, recipes)
        if pieces not in self.kept:
            self.kept[pieces] = self._prepared(pieces, ())
        return self.kept[pieces]

    @property
    def picture(self) -> tuple[int, ...]:
        """Channels, height and width of pictures and sounds; `()` of other rows."""
        form = self.schema(0).form
        return form.shape if form.kind in ("image", "sound") else ()

    def inputs(self, pieces: int) -> int:
        """How many inputs a row has; of texts as many as there may be terms."""
        if self.problem.kind == "text":
            return MOST_TERMS
        return len(self.schema(pieces).input_names)

    def schema(self, pieces: int) -> Schema:
        """The columns' structure with so many pieces of a number at most."""
        if pieces not in self.schemas:
            self.schemas[pieces] = Schema.of(self.problem.table, pieces)
        return self.schemas[pieces]

    def _prepared(self, pieces: int, recipes: Sequence[Recipe]) -> Prepared:
        return prepare(
            self.problem,
            [train for train, _ in self.splits],
            recipes,
            standardize=self.standardize,
            schema=self.schema(pieces),
            seed=self.seed,
        )
