"""What changes a sound: waves `(samples,)` or `(n, samples)`, full scale from -1 to 1, to waves of the same kind.

At its neutral value each function returns the very same samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn.functional import max_pool1d, pad

from goodfit.errors import InputError
from goodfit.rng import Draw
from goodfit.sounds.mel import RATE

Waves = Tensor | npt.NDArray[Any]

_SPAN = 0.064
"""Seconds under the vocoder's window: long enough to tell a voice's harmonics apart."""


def time_stretch(waves: Waves, factor: float, rate: int = RATE) -> Tensor:
    """Make longer or shorter at the same pitch, by a phase vocoder.

    Args:
        waves: `(samples,)` or `(n, samples)`.
        factor: how many times as long, above 0: 1 changes nothing.
        rate: samples a second.

    Returns:
        round(samples · factor) samples a wave, at least 1.

    Raises:
        InputError: the factor is not above 0.

    Example:
        >>> time_stretch(torch.sin(0.2 * torch.arange(8000)), 1.5).shape
        torch.Size([12000])

    Source:
        Flanagan and Golden, "Phase vocoder", Bell System Technical Journal 1966; Laroche and Dolson, "Improved phase
        vocoder time-scale modification of audio", IEEE Transactions on Speech and Audio Processing 1999.
    """
    waves = _floats(waves)
    if not 0.0 < factor < math.inf:
        raise InputError(f"factor is {factor!r}; give a number above 0, such as 1.1 for a tenth longer")
    if factor == 1.0:
        return waves
    length = max(1, round(waves.shape[-1] * factor))
    size = 2 ** round(math.log2(_SPAN * rate))
    hop = size // 4
    window = torch.hann_window(size, device=waves.device)
    spectrum = torch.stft(waves, size, hop, window=window, pad_mode="constant", return_complex=True)
    times = torch.arange(length // hop + 2, device=waves.device) / factor
    return torch.istft(_at_times(spectrum, times), size, hop, window=window, length=length)


def pitch_shift(waves: Waves, semitones: float, rate: int = RATE) -> Tensor:
    """Make higher or lower at the same length: stretched in time, then played faster.

    Args:
        waves: `(samples,)` or `(n, samples)`.
        semitones: up where positive, 12 to an octave: 0 changes nothing.
        rate: samples a second.

    Raises:
        InputError: semitones are not a finite number.

    Example:
        >>> higher = pitch_shift(torch.sin(2 * torch.pi * 440 / RATE * torch.arange(RATE)), 12.0)
        >>> higher.shape, torch.fft.rfft(higher).abs().argmax().item()
        (torch.Size([16000]), 880)
    """
    waves = _floats(waves)
    if not math.isfinite(semitones):
        raise InputError(f"semitones is {semitones!r}; give a number, such as 2 for a whole tone up")
    if semitones == 0.0:
        return waves
    ratio = 2.0 ** (semitones / 12.0)
    return _faster(time_stretch(waves, ratio, rate), ratio, waves.shape[-1])


def add_noise(waves: Waves, snr: float, noise: Draw | Tensor) -> Tensor:
    """Add noise of so many dB less power than the wave has in the mean.

    A silent wave stays silent. Nothing is clipped: what is louder than full scale is so.

    Args:
        waves: `(samples,)` or `(n, samples)`.
        snr: signal-to-noise ratio in dB: inf adds nothing, at 0 the noise is as strong as the wave.
        noise: of the waves' shape, at any level; or the draw of one member a wave, for white noise.

    Raises:
        InputError: the ratio is not a number, or infinitely much noise.

    Example:
        >>> add_noise(torch.ones(3), 20.0, torch.tensor([1.0, -1.0, 1.0]))
        tensor([1.1000, 0.9000, 1.1000])
    """
    waves = _floats(waves)
    if math.isnan(snr) or snr == -math.inf:
        raise InputError(f"snr is {snr!r}; give a ratio in dB, such as 20, or inf for no noise")
    if snr == math.inf:
        return waves
    added = noise.normal(waves.shape[-1]).view(waves.shape) if isinstance(noise, Draw) else noise
    power, own = (w.square().mean(-1, keepdim=True) for w in (waves, added))
    scale = torch.where(own > 0.0, power / own, 0.0).sqrt() * math.pow(10.0, -snr / 20.0)
    return waves + scale * added


def shift(waves: Waves, samples: int) -> Tensor:
    """Move in time, later where positive; what leaves is lost, and silence comes in.

    Example:
        >>> shift(torch.tensor([1.0, 2.0, 3.0]), 1), shift(torch.tensor([1.0, 2.0, 3.0]), -2)
        (tensor([0., 1., 2.]), tensor([3., 0., 0.]))
    """
    waves = _floats(waves)
    by = max(-waves.shape[-1], min(samples, waves.shape[-1]))
    return pad(waves, (by, -by)) if by else waves


def gain(waves: Waves, decibels: float) -> Tensor:
    """Make louder or quieter; what would exceed full scale is clipped to it. At 0 dB nothing changes.

    Example:
        >>> gain(torch.tensor([0.01, -0.5]), 20.0)
        tensor([ 0.1000, -1.0000])
    """
    waves = _floats(waves)
    return (waves * 10.0 ** (decibels / 20.0)).clamp(-1.0, 1.0) if decibels else waves


def _floats(waves: Waves) -> Tensor:
    return torch.as_tensor(waves, dtype=torch.float32)


def _at_times(spectrum: Tensor, times: Tensor) -> Tensor:
    """A spectrum `(..., bins, frames)` at fractional frames: magnitudes between two frames, phases that run on.

    The phase of a peak goes from frame to frame as it did at that time in the original; the bins about it keep their
    phases relative to it, else they would cancel each other.
    """
    spectrum = pad(spectrum, (0, 2))
    low = times.floor().long().clamp(max=spectrum.shape[-1] - 2)
    size, phase = spectrum.abs(), spectrum.angle()
    sizes = torch.lerp(size[..., low], size[..., low + 1], (times - low).clamp(max=1.0))
    peaks, own = _nearest_peaks(sizes), phase[..., low].double()
    turns = pad(_turns(phase)[..., low[:-1]], (1, 0)).double()
    steps = (turns - own).gather(-2, peaks) + own
    run = [own[..., 0]]
    for step, peak in list(zip(steps.unbind(-1), peaks.unbind(-1), strict=True))[1:]:
        run.append(run[-1].gather(-1, peak) + step)
    return torch.polar(sizes, torch.stack(run, -1).remainder(2.0 * math.pi).float())


def _turns(phase: Tensor) -> Tensor:
    """By how much the phase of each bin turns from a frame to the next: the turn nearest to the bin's own frequency's.

    Windows overlap by three quarters, so that bin k's own frequency turns it by k quarters of a circle.
    """
    own = torch.arange(phase.shape[-2], device=phase.device)[:, None] % 4 * (math.pi / 2.0)
    off = phase.diff(dim=-1) - own
    return off - 2.0 * math.pi * (off / (2.0 * math.pi)).round() + own


def _nearest_peaks(sizes: Tensor) -> Tensor:
    """For each bin the number of the nearest one, along dimension -2, that is the largest of five about it."""
    frames_first = sizes.mT.flatten(0, -3) if sizes.dim() > 2 else sizes.mT
    largest = max_pool1d(frames_first, 5, stride=1, padding=2).view(sizes.mT.shape).mT
    bins = torch.arange(sizes.shape[-2], device=sizes.device)[:, None]
    far = 2 * sizes.shape[-2]
    peak = sizes == largest
    below = torch.where(peak, bins, -far).cummax(-2).values
    above = torch.where(peak, bins, far).flip(-2).cummin(-2).values.flip(-2)
    return torch.where(bins - below <= above - bins, below, above)


def _faster(waves: Tensor, ratio: float, length: int) -> Tensor:
    """Play at another speed: band-limited resampling, by leaving out or adding the Fourier transform's highest bins."""
    size = next_fast_len(waves.shape[-1] + 256, real=True)  # silence at the end, since the transform is periodic
    target = max(1, round(size / ratio))
    spectrum = torch.fft.rfft(waves, size)[..., : target // 2 + 1]
    played = torch.fft.irfft(spectrum, target) * (target / size)
    return pad(played, (0, max(0, length - target)))[..., :length]
