"""What a search may choose: doses within ranges, and the shape of the networks."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from goodfit.errors import DoubtfulRecipe
from goodfit.regularizers import Recipe
from goodfit.regularizers.ranges import Space
from goodfit.training import Settings


@dataclass(frozen=True, order=True)
class Shape:
    """What all networks of a batch share.

    Args:
        hidden: units of each hidden layer.
        pieces: inputs at most that a number's piecewise-linear encoding adds to it; 0 for none.
        cut: whether standardized numbers end at 3 deviations.
        batch_size: most rows of a batch.
    """

    hidden: tuple[int, ...]
    pieces: int
    cut: bool
    batch_size: int

    def settings(self, base: Settings, max_epochs: int) -> Settings:
        """A training's settings with this shape."""
        return replace(base, hidden=self.hidden, batch_size=self.batch_size, max_epochs=max_epochs)


@dataclass(frozen=True)
class Draft:
    """What a trial proposes: a recipe, a shape and a learning rate."""

    recipe: Recipe
    shape: Shape
    learning_rate: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        shape = asdict(self.shape) | {"hidden": list(self.shape.hidden)}
        return {"recipe": str(self.recipe), "learning_rate": self.learning_rate} | shape

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Draft:
        """A draft from its plain data; what is doubtful in its recipe was said when its space was made."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DoubtfulRecipe)
            recipe = Recipe.parse(state["recipe"])
        shape = Shape(tuple(state["hidden"]), state["pieces"], state["cut"], state["batch_size"])
        return Draft(recipe, shape, state["learning_rate"])


@dataclass(frozen=True)
class Proposal:
    """A trial to come: its number in the study, and what it proposes."""

    number: int
    draft: Draft


@dataclass(frozen=True)
class Choices:
    """What a search may choose.

    Args:
        space: the recipes.
        hidden: the layers to choose from.
        pieces: how finely numbers may be encoded.
        cuts: whether they may be cut off.
        batch_sizes: the batch sizes to choose from.
        learning_rate: the lowest and the highest, on a scale of ratios.
        base: what is left of the settings: optimizer, schedule, channels, scaling and the longest training.
    """

    space: Space
    hidden: tuple[tuple[int, ...], ...]
    pieces: tuple[int, ...]
    cuts: tuple[bool, ...]
    batch_sizes: tuple[int, ...]
    learning_rate: tuple[float, float]
    base: Settings
