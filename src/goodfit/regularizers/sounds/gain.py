"""Random changes of a sound's loudness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.regularizers.sounds.either_way import either_way
from goodfit.rng import Draw
from goodfit.sounds.mel import SILENCE, SPREAD, to_inputs
from goodfit.sounds.spectrograms import change_level


@dataclass(frozen=True)
class Gain(OnInputs):
    r"""Make each sound louder or quieter: g dB are added to its levels, g uniform in ±decibels.

    What is silent stays silent, and nothing falls below silence.

    Args:
        decibels: the farthest change in [0, 80]: 0 changes nothing; at 80 the loudest sounds can fall silent.

    Raises:
        InputError: decibels are outside the range or not a number.

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> sounds = torch.tensor([-2.0, 0.5]).view(1, 1, 1, 2, 1).expand(1, 3, 1, 2, 1)
        >>> louder = Gain(20.0).inputs(sounds, draw, Form("sound", (1, 2, 1)))
        >>> louder[0, :, 0, 0].flatten().tolist(), [round(v, 2) for v in louder[0, :, 0, 1].flatten().tolist()]
        ([-2.0, -2.0, -2.0], [0.73, -0.47, 1.35])

    Source:
        Schlüter and Grill, "Exploring data augmentation for improved singing voice detection with neural networks",
        ISMIR 2015, who change the loudness of spectrograms likewise.

    Note:
        Decibels of amplitude and of power are the same number: 20 dB are ten times the amplitude. A wave would be
        clipped where it exceeds full scale; a spectrogram isn't.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"sound"})

    decibels: Dose = dose(6.0, neutral=0.0, high=80.0, usual=(0.5, 1.0, 3.0, 6.0, 10.0, 20.0, 40.0, 80.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The rows, louder or quieter."""
        way = either_way(rows, draw)
        return change_level(rows, way * column(self.decibels, way) / SPREAD, silence=to_inputs(SILENCE))
