"""White noise in sounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw
from goodfit.sounds.mel import to_decibels, to_inputs
from goodfit.sounds.spectrograms import add_white_noise

REACH = 20.0
"""How much better than the dose a row's ratio may be, in dB."""


@dataclass(frozen=True)
class WhiteNoise(OnInputs):
    r"""Add white noise to each sound, at a signal-to-noise ratio uniform in [snr, snr + 20] dB.

    The power of noise at that ratio to the clip's mean power is added to each band as the band is wide; it fluctuates
    from frame to frame as that of noise does. A silent clip stays silent.

    Args:
        snr: the worst ratio in dB, in [-20, inf]: inf adds nothing; at 0 noise may be as loud as the sound; at -20 a
            sound may drown in noise of a hundred times its power.

    Raises:
        InputError: snr is outside the range or not a number.

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> sounds = torch.full((1, 3, 1, 64, 50), -2.0)
        >>> sounds[..., 20, :] = 1.0
        >>> noisy = to_decibels(WhiteNoise(10.0).inputs(sounds, draw, Form("sound", (1, 64, 50))))
        >>> noisy[..., 60, :].mean(-1).round().flatten().tolist()
        [-56.0, -55.0, -52.0]

    Source:
        Yin and others, "Noisy training for deep neural networks in speech recognition", EURASIP Journal on Audio,
        Speech, and Music Processing 2015.

    Note:
        A higher ratio is less noise. The clip's mean power counts its silence too. Noise and sound add up in power;
        that they may cancel each other in a single frame is left out.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"sound"})

    snr: Dose = dose(20.0, neutral=torch.inf, low=-20.0, usual=(60.0, 50.0, 40.0, 30.0, 20.0, 10.0, 5.0, 0.0, -20.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The rows with noise."""
        members, batch, _, bands, frames = rows.shape
        normal = draw.normal(batch * (bands * frames + 1)).to(rows.dtype).view(members, batch, 1, -1)
        chance = torch.special.ndtr(normal[..., -1])
        ratio = column(self.snr, chance) + REACH * chance
        noisy = add_white_noise(to_decibels(rows), ratio, normal[..., :-1].view(members, batch, 1, bands, frames))
        return torch.where(ratio.isinf()[..., None, None], rows, to_inputs(noisy))
