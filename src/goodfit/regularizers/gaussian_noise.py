"""Gaussian noise on the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from goodfit.regularizers.form import Form
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


@dataclass(frozen=True)
class GaussianNoise(OnInputs):
    r"""Gaussian noise on the inputs of training batches: $\tilde x = x + \sigma z$ with z standard normal.

    For small σ it is L2 regularization of the gradient with respect to the inputs. Inputs are standardized, so σ is in
    standard deviations of a column; the noise is drawn anew at each step.

    Args:
        std: σ in [0, inf): 0 adds nothing; far above 1 the inputs drown.

    Raises:
        InputError: std is negative or not a number.

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> noisy = GaussianNoise(0.5).inputs(torch.zeros(1, 1000, 4), draw, Form())
        >>> round(noisy.std().item(), 2)
        0.5

    Source:
        Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 1995.
    """

    stream: ClassVar[int] = 0  # the compiled engine's
    std: Dose = dose(0.1, neutral=0.0, open="high", usual=(0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The rows with noise."""
        noise = draw.normal(rows[0].numel()).view(rows.shape).to(rows.dtype)
        return rows + column(self.std, rows) * noise
