"""Variants of pictures: the techniques of training, applied at each picture's own size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from goodfit.data.images import Pixels, read_images
from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.form import Form
from goodfit.regularizers.images.scale import to_inputs, to_pixels
from goodfit.regularizers.places import Mixes, OnInputs
from goodfit.rng import Purpose, Streams, derive

LONGEST_SIDE = 512
"""Pixels: a picture with a longer one is made smaller."""
_OWN, _PARTNER = 0, 1  # steps of random numbers


def read_pictures(paths: Sequence[Path]) -> list[Pixels]:
    """Read pictures, each `(C, H, W)` at its own size up to `LONGEST_SIDE`; C is 1 where it has no colours.

    Raises:
        InputError: as `read_images`.
    """
    return [_read_own(path) for path in paths]


def vary_pictures(
    paths: Sequence[Path], pictures: Sequence[Pixels], recipe: Recipe, *, count: int, seed: int
) -> list[list[Pixels]]:
    """Variants of pictures, `count` each; a variant is a function of the pictures, the recipe, the seed and its number.

    Args:
        paths: where the pictures come from: a partner to mix with is read anew, brought to the size of the other.
        pictures: as `read_pictures` gives them.
        recipe: techniques that act on pictures; those that mix do so last, as in training.
        count: variants of each.
        seed: of everything random.

    Raises:
        InputError: a technique mixes, and there is one picture only.
    """
    mixing = [part for part in recipe if isinstance(part, Mixes)]
    if mixing and len(pictures) < 2:
        raise InputError(f"{mixing[0].name} mixes a picture with another one: give two pictures or more")
    varied = []
    for place, picture in enumerate(pictures):
        own, partners = picture, picture[None][:0]
        if mixing:
            channels = max(len(other) for other in pictures)
            own = np.repeat(picture, channels // len(picture), axis=0)
            partners = read_images([*paths[:place], *paths[place + 1 :]], shape=own.shape).values
        seeds = [derive(seed, place, number) for number in range(count)]
        varied.append([_variant(own, partners, recipe, each) for each in seeds])
    return varied


def _variant(picture: Pixels, partners: Pixels, recipe: Recipe, seed: int) -> Pixels:
    streams, form = Streams.of([seed]), Form("image", picture.shape)
    rows = _changed(picture, recipe, streams, _OWN)
    for part in (part for part in recipe if isinstance(part, Mixes)):
        chance = streams.at(Purpose.PARTNERS, place=part.stream).uniform(1).item()
        other = _changed(partners[int(chance * len(partners))], recipe, streams, _PARTNER)
        rows, _ = part.mix(rows, other, streams.at(Purpose.MIXING, place=part.stream), form)
    return to_pixels(rows[0, 0].numpy())


def _changed(picture: Pixels, recipe: Recipe, streams: Streams, step: int) -> Tensor:
    """A picture as a batch of one row, `(1, 1, C, H, W)`, after all that acts on single rows."""
    rows, form = torch.from_numpy(to_inputs(picture))[None, None], Form("image", picture.shape)
    for part in (part for part in recipe if isinstance(part, OnInputs)):
        rows = part.inputs(rows, streams.at(Purpose.NOISE, place=part.stream, step=step), form)
    return rows


def _read_own(path: Path) -> Pixels:
    read_images([path])  # refuses what is no picture
    height, width = _size(path)
    factor = min(1.0, LONGEST_SIDE / max(height, width))
    shape = (3, max(1, round(height * factor)), max(1, round(width * factor)))
    pixels: Pixels = read_images([path], shape=shape).values[0]
    return pixels[:1] if (pixels == pixels[:1]).all() else pixels


def _size(path: Path) -> tuple[int, int]:
    """Height and width of a picture as it is to be seen."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata
        with Image.open(path) as image:
            try:
                width, height = ImageOps.exif_transpose(image).size
            except Exception:  # broken EXIF data: as it lies
                width, height = image.size
    return height, width
