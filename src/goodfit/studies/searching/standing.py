"""How far a search is, for who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from goodfit.training import Progress


@dataclass(frozen=True)
class Standing:
    """How far a search is.

    Args:
        left: seconds until all is done.
        best: the lowest held-out loss of a trial so far; infinite before there is one.
        trials: how many have ended.
        epoch: how far the batch under way is.
    """

    left: float
    best: float
    trials: int
    epoch: Progress


Watch = Callable[[Standing], None]
