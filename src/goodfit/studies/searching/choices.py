"""What a search may choose: doses within ranges, and the shape of the networks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from goodfit.regularizers import Recipe
from goodfit.regularizers.ranges import Space
from goodfit.training import Settings


@dataclass(frozen=True, order=True)
class Shape:
    """What all networks of a batch share.

    Args:
        hidden: units of each hidden layer.
        pieces: inputs at most that a number's piecewise-linear encoding adds to it; 0 for none.
        batch_size: most rows of a batch.
    """

    hidden: tuple[int, ...]
    pieces: int
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
        batch_sizes: the batch sizes to choose from.
        learning_rate: the lowest and the highest, on a scale of ratios.
        base: what is left of the settings: optimizer, schedule, channels and the longest training.
    """

    space: Space
    hidden: tuple[tuple[int, ...], ...]
    pieces: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    learning_rate: tuple[float, float]
    base: Settings
