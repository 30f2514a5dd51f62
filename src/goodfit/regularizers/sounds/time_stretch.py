"""Random changes of a sound's speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.regularizers.sounds.either_way import either_way
from goodfit.rng import Draw
from goodfit.sounds.mel import SILENCE, to_inputs
from goodfit.sounds.spectrograms import stretch_frames


@dataclass(frozen=True)
class TimeStretch(OnInputs):
    r"""Make each sound slower or faster at its pitch: its length times $(1 + \text{share})^u$, u uniform in [-1, 1].

    Frames are taken from other places, linearly between two of them, from the clip's start on. What then lies beyond
    the clip's end is lost; after a sound made shorter comes silence.

    Args:
        share: how much longer the slowest is, in [0, 3]: 0 changes nothing; at 3 sounds last between a quarter and
            four times as long.

    Raises:
        InputError: share is outside the range or not a number.

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> sounds = torch.full((1, 5, 1, 4, 40), -2.0)
        >>> sounds[..., 20] = 1.0
        >>> TimeStretch(0.5).inputs(sounds, draw, Form("sound", (1, 4, 40)))[..., 0, :].argmax(-1).flatten().tolist()
        [22, 13, 28, 18, 18]

    Source:
        Schlüter and Grill, "Exploring data augmentation for improved singing voice detection with neural networks",
        ISMIR 2015, who stretch spectrograms likewise.

    Note:
        Slower by a factor and faster by the same factor are equally likely.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"sound"})

    share: Dose = dose(0.1, neutral=0.0, high=3.0, usual=(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The rows at other speeds."""
        way = either_way(rows, draw)
        factor = (way * torch.as_tensor(column(self.share, way)).log1p()).exp()
        return stretch_frames(rows, factor, silence=to_inputs(SILENCE))
