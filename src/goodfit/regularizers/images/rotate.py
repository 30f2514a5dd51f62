"""Pictures rotated about their middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.images.warp import from_middle, row_numbers, sample, where_dosed
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """The pictures `(M, B, C, H, W)` rotated about their middle by so many degrees `(M, B)`, counter-clockwise.

    Values between pixels are bilinear; what comes in from outside has the value of the nearest edge.
    """
    angle = degrees.deg2rad()[..., None, None]
    cos, sin = angle.cos(), angle.sin()
    down, right = from_middle(images)
    height, width = images.shape[-2:]
    return sample(images, cos * down + sin * right + (height - 1) / 2, cos * right - sin * down + (width - 1) / 2)


@dataclass(frozen=True)
class Rotate(OnInputs):
    r"""Each picture of a training batch is rotated about its middle by an angle uniform in ±degrees.

    Args:
        degrees: the largest angle, in [0, 180] degrees: 0 rotates nothing, at 180 no direction is up; usually 5 to 30.

    Raises:
        InputError: degrees is outside [0, 180].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw, form = Streams.of([0]).at(Purpose.NOISE), Form("image", (1, 2, 2))
        >>> rotated = Rotate(15.0).inputs(torch.eye(2).view(1, 1, 1, 2, 2), draw, form)
        >>> round(rotated.sum().item(), 4), torch.equal(rotated[0, 0, 0], torch.eye(2))
        (2.0, False)

    Note:
        What comes in from outside has the value of the nearest edge: the background of a digit stays plain, and a
        photograph gets no black corners that a network could read the angle from.

    Source:
        Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual document
        analysis", ICDAR 2003.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"image"})

    degrees: Dose = dose(10.0, neutral=0.0, high=180.0, usual=(2.0, 5.0, 10.0, 15.0, 30.0, 45.0, 90.0, 180.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The pictures, each rotated by an angle of its own."""
        (place,) = row_numbers(draw, rows, 1)
        return where_dosed(self.degrees, rotate(rows, (2.0 * place - 1.0) * column(self.degrees, place)), rows)
