"""Pixels as files have them, 0 to 255, and as networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MIDDLE, SPREAD = 0.5, 0.25
FULL_RANGE = 1.0 / SPREAD
"""From black to white in the unit of the inputs."""


def to_inputs(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    r"""Pixels as a network takes them, $(p / 255 - 0.5) / 0.25$: black is -2, white is 2, whatever the data.

    Example:
        >>> to_inputs(np.array([0, 255], np.uint8)).tolist()
        [-2.0, 2.0]
    """
    return ((pixels / np.float32(255.0) - np.float32(MIDDLE)) / np.float32(SPREAD)).astype(np.float32)


def to_pixels(inputs: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The nearest pixels to inputs of a network; what is darker than black is black, likewise white.

    Example:
        >>> to_pixels(np.array([-3.0, -2.0, 0.0, 2.0])).tolist()
        [0, 0, 128, 255]
    """
    return np.rint(np.clip((inputs * SPREAD + MIDDLE) * 255.0, 0.0, 255.0)).astype(np.uint8)
