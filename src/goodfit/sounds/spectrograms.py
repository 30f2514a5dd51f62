"""What a change of a wave does to its log-mel spectrogram, without the wave.

Levels `(..., F, T)` are those of F bands, low to high, and T frames; the bands span the frequencies of `mel`, however
many they are. An amount is a number or broadcasts over the leading dimensions, and leaves levels alone, bit for bit,
where it is neutral. Levels may be in dB or any unit that is linear in it, such as a network's inputs; then `silence` is
that of the unit. `add_white_noise` alone needs dB.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from goodfit.sounds.mel import RATE, SILENCE, WINDOW, band_edges, from_mel, mel_centres, mel_step, to_mel

Amount = float | Tensor

_PER_DECIBEL = math.log(10.0) / 10.0
_COHERENCE = 35.0 / 18.0 * RATE / WINDOW
"""How far apart, in Hz, the bins of noise under a Hann window are independent: the integral of their correlation."""


def warp_bands(levels: Tensor, semitones: Amount, *, silence: float = SILENCE) -> Tensor:
    """Shift the pitch: a band at frequency f takes its level from f / 2^(s/12), linearly between two bands.

    Below the first band its level goes on; above the last one all is silent.

    Args:
        levels: `(..., F, T)`.
        semitones: s, up where positive.
        silence: the level that is silent.
    """
    up = _amount(semitones, levels)
    centres = mel_centres(levels.shape[-2], levels.device).to(levels.dtype)[:, None]
    places = (to_mel(from_mel(centres) * (-up / 12.0).exp2()) - centres[0]) / mel_step(len(centres))
    return torch.where(up == 0.0, levels, _between(levels, places.clamp(min=0.0), -2, silence))


def stretch_frames(levels: Tensor, factor: Amount, *, silence: float = SILENCE) -> Tensor:
    """Stretch the time from the clip's start: frames take their levels from earlier ones where the factor is above 1.

    What then lies beyond the end is lost; where the factor is below 1, silence follows.

    Args:
        levels: `(..., F, T)`.
        factor: how many times as long, above 0; 1 changes nothing.
        silence: the level that is silent.
    """
    longer = _amount(factor, levels)
    frames = torch.arange(levels.shape[-1], dtype=levels.dtype, device=levels.device)
    places = (frames + 0.5) / longer - 0.5
    return torch.where(longer == 1.0, levels, _between(levels, places.clamp(min=0.0), -1, silence))


def shift_frames(levels: Tensor, frames: Amount, *, silence: float = SILENCE) -> Tensor:
    """Move in time, later where positive; what leaves is lost, and silence comes in.

    Args:
        levels: `(..., F, T)`.
        frames: by how many frames; between whole numbers the levels are linear.
        silence: the level that is silent.
    """
    later = _amount(frames, levels)
    places = torch.arange(levels.shape[-1], dtype=levels.dtype, device=levels.device) - later
    return torch.where(later == 0.0, levels, _between(levels, places, -1, silence))


def change_level(levels: Tensor, by: Amount, *, silence: float = SILENCE) -> Tensor:
    """Make louder or quieter; what is silent stays silent, and nothing falls below silence.

    Args:
        levels: `(..., F, T)`.
        by: louder by so much, in the levels' unit.
        silence: the level that is silent.
    """
    louder = _amount(by, levels)
    return torch.where((levels <= silence) | (louder == 0.0), levels, (levels + louder).clamp(min=silence))


def add_white_noise(levels: Tensor, snr: Amount, normal: Tensor) -> Tensor:
    r"""Add the power of white noise, so that the clip's mean power is $10^{snr/10}$ times that of the noise.

    The noise of a band is as strong as the band is wide, and fluctuates from frame to frame as a chi-squared variable
    of 2k degrees of freedom over its mean, with k the number of independent bins in the band. Bands and frames
    fluctuate independently. A silent clip has no power, hence gets no noise.

    Args:
        levels: `(..., F, T)` in dB.
        snr: signal-to-noise ratio in dB; inf adds nothing (levels then differ by rounding at most).
        normal: `(..., F, T)` standard normal numbers.

    Source:
        Wilson and Hilferty, "The distribution of chi-square", PNAS 1931: the cube root of such a variable is near
        normal.
    """
    power = torch.where(levels > SILENCE, levels * _PER_DECIBEL, -math.inf)
    mean = power.logsumexp((-2, -1), keepdim=True) - math.log(levels.shape[-1])
    share, k = _noise_of_bands(levels)
    root = (normal / (3.0 * k.sqrt()) + (1.0 - 1.0 / (9.0 * k))).clamp(min=1e-3)
    noise = mean - _amount(snr, levels) * _PER_DECIBEL + share.log() + 3.0 * root.log()
    return (torch.logaddexp(power, noise) / _PER_DECIBEL).clamp(min=SILENCE)


def _noise_of_bands(levels: Tensor) -> tuple[Tensor, Tensor]:
    """What share of white noise each band holds, and in how many independent bins, `(F, 1)` both.

    A band of triangular weights is effectively 3/4 of its width wide. Its ends share a bin: 1 more, which keeps the
    spread of the noise in dB within 0.3 dB of that measured, whatever the band.
    """
    edges = band_edges(levels.shape[-2], levels.device).to(levels.dtype)[:, None]
    half = (edges[2:] - edges[:-2]) / 2.0
    return half / half.sum(), 1.0 + 1.5 * half / _COHERENCE


def _amount(amount: Amount, levels: Tensor) -> Tensor:
    """An amount that broadcasts over bands and frames."""
    over = torch.as_tensor(amount, dtype=levels.dtype, device=levels.device)[..., None, None]
    return over[(None,) * (levels.dim() - over.dim())]


def _between(levels: Tensor, places: Tensor, dim: int, silence: float) -> Tensor:
    """Levels at fractional places along a dimension, linear between two of them; before and after them is silence."""
    last = levels.shape[dim]
    padded = pad(levels, (1, 1) if dim == -1 else (0, 0, 1, 1), value=silence)
    places = (places + 1.0).clamp(0.0, last + 1.0)
    low = places.floor().clamp(max=last)
    index = low.long()
    first, second = (torch.take_along_dim(padded, i, dim) for i in (index, index + 1))
    return torch.lerp(first, second, places - low)
