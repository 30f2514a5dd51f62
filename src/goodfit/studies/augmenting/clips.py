"""Variants of sounds: what techniques do to spectrograms in training, done to waves, so that it can be heard."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from goodfit.data.sounds import LONGEST, read_wave, write_wave
from goodfit.data.table import counted
from goodfit.regularizers import Gain, PitchShift, Recipe, Regularizer, TimeShift, TimeStretch, WhiteNoise
from goodfit.regularizers.sounds.either_way import either_way
from goodfit.regularizers.sounds.white_noise import REACH
from goodfit.rng import Draw, Purpose, Streams, derive
from goodfit.sounds import RATE, add_noise, gain, pitch_shift, shift, time_stretch

Change = Callable[[Any, Tensor, Draw], tuple[Tensor, str]]


@dataclass(frozen=True, eq=False)
class Clip:
    """A sound.

    Args:
        samples: `(samples,)` at `RATE`.
        drawn: what was done to it, such as "+1.7 semitones".
    """

    samples: Tensor
    drawn: tuple[str, ...] = ()


def read_clips(paths: Sequence[Path]) -> tuple[list[Clip], tuple[str, ...]]:
    """Read sounds, those longer than `LONGEST` seconds cut as in training, and a note where one was.

    Raises:
        InputError: as `read_wave`.
    """
    most = round(LONGEST * RATE)
    waves = [read_wave(path, most + 1) for path in paths]
    cut = sum(len(wave) > most for wave in waves)
    note = f"{counted(cut, 'clip')} {'was' if cut == 1 else 'were'} cut to {LONGEST:.1f} s, as in training"
    return [Clip(wave[:most]) for wave in waves], (note,) * bool(cut)


def vary_clips(clips: Sequence[Clip], recipe: Recipe, *, count: int, seed: int) -> list[list[Clip]]:
    """Variants of sounds, `count` each; a variant is a function of the sound, its place, the recipe, seed and number.

    Args:
        clips: the sounds.
        recipe: techniques that have a counterpart for waves; they act in its order.
        count: variants of each.
        seed: of everything random.
    """
    return [
        [_variant(clip, recipe, derive(seed, place, number)) for number in range(count)]
        for place, clip in enumerate(clips)
    ]


def wave_bytes(samples: Tensor) -> bytes:
    """Samples as the content of a WAV file of 16 bits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.wav")
        write_wave(path, samples)
        return path.read_bytes()


def _variant(clip: Clip, recipe: Recipe, seed: int) -> Clip:
    streams, samples, drawn = Streams.of([seed]), clip.samples, []
    for part in recipe:
        draw = streams.at(Purpose.NOISE, place=part.stream)
        samples, said = CHANGES[type(part)](part, samples, draw)
        drawn.append(said)
    return Clip(samples, tuple(drawn))


def _way(draw: Draw) -> float:
    """How far a sound goes, in (-1, 1): what the first row of a batch would draw."""
    return either_way(torch.empty(1, 1), draw).item()


def _shift_pitch(part: PitchShift, samples: Tensor, draw: Draw) -> tuple[Tensor, str]:
    semitones = _way(draw) * float(part.semitones)
    return pitch_shift(samples, semitones), f"{semitones:+.1f} semitones"


def _stretch(part: TimeStretch, samples: Tensor, draw: Draw) -> tuple[Tensor, str]:
    factor = math.exp(_way(draw) * math.log1p(float(part.share)))
    return time_stretch(samples, factor), f"{factor:.2f} times as long"


def _move(part: TimeShift, samples: Tensor, draw: Draw) -> tuple[Tensor, str]:
    by = round(_way(draw) * float(part.share) * len(samples))
    return shift(samples, by), f"{1000 * abs(by) / RATE:.0f} ms {'earlier' if by < 0 else 'later'}"


def _amplify(part: Gain, samples: Tensor, draw: Draw) -> tuple[Tensor, str]:
    decibels = _way(draw) * float(part.decibels)
    return gain(samples, decibels), f"{decibels:+.1f} dB"


def _add_noise(part: WhiteNoise, samples: Tensor, draw: Draw) -> tuple[Tensor, str]:
    normal = draw.normal(len(samples) + 1)[0]
    ratio = float(part.snr) + REACH * torch.special.ndtr(normal[-1]).item()
    return add_noise(samples, ratio, normal[:-1]), f"{ratio:.0f} dB signal to noise"


CHANGES: dict[type[Regularizer], Change] = {
    PitchShift: _shift_pitch,
    TimeStretch: _stretch,
    TimeShift: _move,
    Gain: _amplify,
    WhiteNoise: _add_noise,
}
