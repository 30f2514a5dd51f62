"""Augmented pictures, sounds and texts as the strips and passages of a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from goodfit.data.images import Pixels, png_bytes
from goodfit.report.contact import Passage, Shot, Strip
from goodfit.sounds import RATE, SILENCE, log_mel
from goodfit.studies.augmenting.clips import Clip, wave_bytes
from goodfit.studies.augmenting.rewriting import beginning, compare_texts

MOST_SHOWN = 12
"""Variants of an example that a sheet shows; files have them all."""
SMALL, LARGE, SHARPEST = 112, 144, 256
"""Pixels of a picture's longer side: about those that a small one is scaled up to, those that a larger one is shown at,
and those that the sheet holds of it, for screens with finer ones."""
WIDTH, HEIGHT = 240, 112
"""Pixels of the longest sound's spectrogram."""
SCALE = ((20, 23, 26), (0, 60, 110), (0, 114, 178), (86, 180, 233), (255, 240, 200))
"""Colours from silence to the loudest, evenly: each lighter than the one before."""


def picture_strip(name: str, picture: Pixels, variants: Sequence[Pixels], files: Sequence[str]) -> Strip:
    """A picture `(C, H, W)` beside its first variants.

    Args:
        name: of the picture.
        picture: the original.
        variants: of the same height and width.
        files: of the variants.
    """
    shown = [
        _picture(variant, f"variant {place} of {name}", str(place), file)
        for place, (variant, file) in enumerate(zip(variants, files, strict=True), start=1)
    ]
    return Strip(name, _picture(picture, f"{name}, the original", "original"), shown[:MOST_SHOWN])


def sound_strips(
    names: Sequence[str], clips: Sequence[Clip], variants: Sequence[Sequence[Clip]], files: Sequence[Sequence[str]]
) -> list[Strip]:
    """Sounds beside their first variants, with spectrograms on one scale of time and of loudness.

    Args:
        names: of the sounds.
        clips: the originals.
        variants: of each.
        files: of the variants of each.
    """
    groups = [[clip, *own[:MOST_SHOWN]] for clip, own in zip(clips, variants, strict=True)]
    levels = [[log_mel(clip.samples[None])[0].numpy() for clip in group] for group in groups]
    loudest = max(float(own.max()) for group in levels for own in group)
    longest = max(own.shape[1] for group in levels for own in group)
    strips = []
    for name, group, heard, written in zip(names, groups, levels, files, strict=True):
        shots = []
        for place, (clip, own) in enumerate(zip(group, heard, strict=True)):
            size = max(1, round(WIDTH * own.shape[1] / longest)), HEIGHT
            shots.append(_sound(name, clip, place, heat(own, loudest), size, ["", *written][place]))
        strips.append(Strip(name, shots[0], shots[1:]))
    return strips


def heat(levels: NDArray[np.float32], loudest: float) -> Pixels:
    """Levels `(bands, frames)` in dB as a picture `(3, bands, frames)`: low pitches below, the loudest the lightest."""
    place = np.clip((levels - SILENCE) / max(loudest - SILENCE, 1.0), 0.0, 1.0)[::-1]
    steps = np.linspace(0.0, 1.0, len(SCALE))
    colours = [np.interp(place, steps, [colour[channel] for colour in SCALE]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(colours)), np.uint8)


def passage(name: str, text: str, variants: Sequence[str]) -> Passage:
    """A text beside its first variants; a remark says where one is as the text, or as another."""
    shown = variants[:MOST_SHOWN]
    remarks = [_remark(text, shown, place) for place in range(len(shown))]
    pieces = [compare_texts(text, variant) for variant in shown]
    return Passage(name, beginning(text), list(zip(pieces, remarks, strict=True)))


def _remark(text: str, variants: Sequence[str], place: int) -> str:
    if variants[place] == text:
        return "unchanged"
    first = variants.index(variants[place])
    return f"as variant {first + 1}" if first < place else ""


def _sound(name: str, clip: Clip, place: int, picture: Pixels, size: tuple[int, int], file: str) -> Shot:
    """An original, whose place is 0, or a variant."""
    said = clip.drawn if place else (f"{len(clip.samples) / RATE:.2f} s",)
    alt = f"variant {place} of {name}: " if place else f"{name}, the original: "
    told = ", ".join(words.replace(" ", "\u00a0") for words in said)
    label = str(place) if place else "original"
    return Shot(png_bytes(picture), size, alt + ", ".join(said), label, file, told, wave_bytes(clip.samples))


def _picture(pixels: Pixels, alt: str, caption: str, file: str = "") -> Shot:
    height, width = pixels.shape[1:]
    longer = max(height, width)
    factor = max(1, round(SMALL / longer)) if longer <= LARGE else LARGE / longer
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return Shot(png_bytes(_at_most(pixels, SHARPEST)), size, alt, caption, file)


def _at_most(pixels: Pixels, side: int) -> Pixels:
    """A picture made smaller where its longer side is above `side`."""
    factor = side / max(pixels.shape[1:])
    if factor >= 1.0:
        return pixels
    height, width = (max(1, round(length * factor)) for length in pixels.shape[1:])
    rows = torch.from_numpy(pixels.astype(np.float32))[None]
    small = torch.nn.functional.interpolate(rows, (height, width), mode="bilinear", antialias=True)[0]
    return np.asarray(small.round().clamp(0, 255).numpy(), np.uint8)
