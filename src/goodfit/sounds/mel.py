"""Waves -> log-mel spectrograms: how loud each band of frequencies is, frame by frame.

A spectrogram is `(bands, frames)` in dB relative to a sine of full scale. Frame t stands for the `HOP` samples from
t · HOP on and is measured under a window about their middle. Bands are triangles, even on the mel scale, that add up to
1 between the centres of the first and the last band: so the powers of all bands add up to the power of the sound.

Source:
    The mel scale is O'Shaughnessy's, "Speech communication: human and machine", 1987, which HTK took: f in Hz is
    2595 log10(1 + f / 700) mel. Triangles have height 1, as HTK's do, not area 1, as Slaney's.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

RATE = 16_000
"""Samples a second."""
WINDOW = 512
"""Samples under a Hann window: 32 ms."""
N_FFT = 1024
"""The window with silence around it, so that the narrowest bands hold more than one bin."""
HOP = 256
"""Samples from frame to frame: 16 ms."""
BANDS = 64
LOWEST, HIGHEST = 50.0, 8000.0
"""Where the first band begins and the last one ends, in Hz."""
SILENCE = -80.0
"""The least level, in dB: what is quieter counts as silent."""

MIDDLE, SPREAD = -40.0, 20.0
"""The level that is 0 to a network, and the decibels that are 1."""

Levels = TypeVar("Levels", float, Tensor)


def to_mel(hertz: Tensor) -> Tensor:
    """Frequencies on the mel scale.

    Example:
        >>> to_mel(torch.tensor([0.0, 1000.0])).round().tolist()
        [0.0, 1000.0]
    """
    return 2595.0 * (1.0 + hertz / 700.0).log10()


def from_mel(mel: Tensor) -> Tensor:
    """Frequencies in Hz from the mel scale.

    Example:
        >>> from_mel(to_mel(torch.tensor([440.0]))).round().tolist()
        [440.0]
    """
    return (mel * (math.log(10.0) / 2595.0)).expm1() * 700.0


def mel_step(bands: int = BANDS) -> float:
    """How far the middles of neighbouring bands are apart, in mel."""
    return 2595.0 * math.log10((700.0 + HIGHEST) / (700.0 + LOWEST)) / (bands + 1)


def mel_centres(bands: int = BANDS, device: torch.device | str | None = None) -> Tensor:
    """The middle of each band in mel, `(bands,)` float64, from low to high: even steps."""
    places = torch.arange(1, bands + 1, dtype=torch.float64, device=device)
    return places * mel_step(bands) + to_mel(torch.tensor(LOWEST, dtype=torch.float64, device=device))


def band_frequencies(bands: int = BANDS, device: torch.device | str | None = None) -> Tensor:
    """The middle of each band in Hz, `(bands,)` float64, from low to high.

    Example:
        >>> band_frequencies(3).round().tolist()
        [684.0, 1854.0, 4014.0]
    """
    return from_mel(mel_centres(bands, device))


def band_edges(bands: int = BANDS, device: torch.device | str | None = None) -> Tensor:
    """Where bands begin, have their middle, and end, in Hz: band b from the b-th to its second next, `(bands + 2,)`."""
    ends = torch.tensor([LOWEST, HIGHEST], dtype=torch.float64, device=device)
    return torch.cat([ends[:1], band_frequencies(bands, device), ends[1:]])


def band_filters(bands: int = BANDS) -> Tensor:
    """What share of each bin of the Fourier transform a band takes, `(bands, N_FFT // 2 + 1)` float32."""
    edges = band_edges(bands)[:, None]
    bins = torch.arange(N_FFT // 2 + 1, dtype=torch.float64) * (RATE / N_FFT)
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rise, fall).clamp(min=0.0).float()


def log_mel(waves: Tensor) -> Tensor:
    """The log-mel spectrogram of each wave.

    Args:
        waves: `(n, samples)` float32 at `RATE`, full scale from -1 to 1; beyond its ends a wave is silent.

    Returns:
        `(n, BANDS, frames)` float32 in dB, `SILENCE` and above; frames are samples / `HOP`, rounded up.

    Example:
        >>> sine = torch.sin(2 * torch.pi * 1000 / RATE * torch.arange(RATE))
        >>> levels = log_mel(sine[None])[0]
        >>> levels.shape, round(band_frequencies()[levels[:, 30].argmax()].item())
        (torch.Size([64, 63]), 1019)
    """
    window = torch.hann_window(WINDOW, device=waves.device)
    around = (N_FFT - HOP) // 2
    padded = pad(waves.float(), (around, around + -waves.shape[-1] % HOP))
    spectrum = torch.stft(padded, N_FFT, HOP, WINDOW, window, center=False, return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    # a sine of full scale has power 1 in all its bins together
    power = power * (4.0 / (N_FFT * window.square().sum()))
    return 10.0 * (band_filters().to(power.device) @ power).clamp(min=10.0 ** (SILENCE / 10.0)).log10()


def to_inputs(decibels: Levels) -> Levels:
    """Levels in dB as a network's inputs: -40 dB becomes 0, and 20 dB are a unit.

    Example:
        >>> to_inputs(SILENCE)
        -2.0
    """
    return (decibels - MIDDLE) / SPREAD


def to_decibels(inputs: Levels) -> Levels:
    """A network's inputs as levels in dB.

    Example:
        >>> to_decibels(torch.tensor([-2.0, 2.0])).tolist()
        [-80.0, 0.0]
    """
    return inputs * SPREAD + MIDDLE
