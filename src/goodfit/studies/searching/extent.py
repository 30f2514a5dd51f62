"""How much of an ablation fits into the time that is left: fewer folds, then fewer epochs, then only its two ends."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_FOLDS = 2
FEWEST_EPOCHS = 4
"""Of an ablation that asks about each technique."""
ENDS = 2
"""Variants of one that doesn't: none of the techniques, and all."""
SHORTENED = 0.5
"""Of the winner's training, what an ablation's should last: folds are given up for that, epochs beyond it are not."""


@dataclass(frozen=True)
class Extent:
    """Of an ablation.

    Args:
        folds: networks a variant.
        epochs: that each trains.
        techniques: whether each technique is asked about; without, none of them is set beside all.
    """

    folds: int
    epochs: int
    techniques: bool


def extent(possible: float, *, variants: int, folds: int, epochs: int) -> Extent:
    """The largest ablation that there is time for.

    Args:
        possible: epochs of single networks that there is time for, 0 or more.
        variants: of an ablation that asks about each technique.
        folds: there are, 1 or more.
        epochs: that the winner trained, 1 or more.

    Example:
        >>> extent(8000, variants=16, folds=5, epochs=60)
        Extent(folds=5, epochs=60, techniques=True)
        >>> extent(1600, variants=16, folds=5, epochs=60)
        Extent(folds=3, epochs=33, techniques=True)
        >>> extent(20, variants=16, folds=5, epochs=60)
        Extent(folds=2, epochs=5, techniques=False)
    """
    whole = _spread(possible / variants, folds, epochs)
    if whole.epochs >= min(FEWEST_EPOCHS, epochs):
        return whole
    ends = _spread(possible / ENDS, folds, epochs)
    return Extent(ends.folds, max(ends.epochs, 1), techniques=False)


def _spread(possible: float, folds: int, epochs: int) -> Extent:
    """So many epochs of a variant, over its folds."""
    wanted = max(SHORTENED * epochs, FEWEST_EPOCHS)
    used = int(min(max(possible / wanted, FEWEST_FOLDS), folds))
    return Extent(used, int(min(possible / used, epochs)), techniques=True)
