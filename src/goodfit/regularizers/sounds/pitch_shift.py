"""Random shifts of a sound's pitch."""

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
from goodfit.sounds.spectrograms import warp_bands


@dataclass(frozen=True)
class PitchShift(OnInputs):
    r"""Shift the pitch of each sound: frequency f takes its level from $f / 2^{s/12}$, s uniform in ±semitones.

    The spectrogram is warped, linearly between bands; time stays. Above what the sound holds comes silence.

    Args:
        semitones: the farthest shift in [0, 24], 12 to an octave: 0 changes nothing; at 24 sounds go up to two octaves
            up or down, and little but their rhythm is left.

    Raises:
        InputError: semitones are outside the range or not a number.

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> sounds = torch.full((1, 5, 1, 64, 10), -2.0)
        >>> sounds[..., 20, :] = 1.0
        >>> PitchShift(4.0).inputs(sounds, draw, Form("sound", (1, 64, 10)))[..., 0].argmax(-1).flatten().tolist()
        [21, 17, 23, 19, 19]

    Source:
        Schlüter and Grill, "Exploring data augmentation for improved singing voice detection with neural networks",
        ISMIR 2015, who shift the pitch of spectrograms likewise.

    Note:
        The dose is the farthest shift, not one that every sound gets. Formants move with the pitch, as they do where
        a recording is played faster.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"sound"})

    semitones: Dose = dose(2.0, neutral=0.0, high=24.0, usual=(0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 24.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The rows at other pitches."""
        way = either_way(rows, draw)
        return warp_bands(rows, way * column(self.semitones, way), silence=to_inputs(SILENCE))
