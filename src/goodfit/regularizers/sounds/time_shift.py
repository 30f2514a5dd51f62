"""Random shifts of a sound in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.regularizers.sounds.either_way import either_way
from goodfit.rng import Draw
from goodfit.sounds.mel import SILENCE, to_inputs
from goodfit.sounds.spectrograms import shift_frames


@dataclass(frozen=True)
class TimeShift(OnInputs):
    r"""Move each sound in its clip: by $u \cdot \text{share} \cdot T$ of its T frames, u uniform in [-1, 1].

    What leaves the clip is lost, and silence comes in. Between whole frames levels are linear.

    Args:
        share: the farthest shift as a share of the clip, in [0, 1]: 0 changes nothing; at 1 half of what clips hold
            is lost in the mean.

    Raises:
        InputError: share is outside the range or not a number.

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> sounds = torch.full((1, 5, 1, 4, 40), -2.0)
        >>> sounds[..., 20] = 1.0
        >>> TimeShift(0.2).inputs(sounds, draw, Form("sound", (1, 4, 40)))[..., 0, :].argmax(-1).flatten().tolist()
        [22, 12, 27, 18, 18]

    Source:
        Piczak, "Environmental sound classification with convolutional neural networks", MLSP 2015, who delays
        recordings at random.

    Note:
        Nothing comes in again at the other end, as it does where a shift is made by rolling.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"sound"})

    share: Dose = dose(0.1, neutral=0.0, high=1.0, usual=(0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The rows, moved."""
        way = either_way(rows, draw)
        return shift_frames(rows, way * column(self.share, way) * rows.shape[-1], silence=to_inputs(SILENCE))
