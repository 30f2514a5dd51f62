"""Dropout of inputs and hidden units."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from goodfit.regularizers.places import Drops
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def drop_units(hidden: Tensor, p: Dose, draw: Draw) -> Tensor:
    r"""Inverted dropout: each element becomes 0 with probability p and $a/(1-p)$ otherwise, so that $E[\tilde a] = a$.

    Args:
        hidden: activations `(M, ...)`.
        p: probability in [0, 1], a float or `(M,)`: 0 returns the activations, 1 returns zeros. Elements are drawn
            with p rounded to a multiple of 2^-16, two from each random word.
        draw: the random numbers of this step and layer.
    """
    cut, scale = (column.to(hidden.device)[:, None] for column in cut_and_scale(p))
    count = hidden[0].numel()
    # compared in place, half words become 0 or 1: a tenth of the time of torch.where
    kept = draw.bits((count + 1) // 2).view(torch.int16)[:, :count].ge_(cut)
    return hidden * kept.to(hidden.dtype).mul_(scale.to(hidden.dtype)).view(hidden.shape)


def cut_and_scale(p: Dose) -> tuple[Tensor, Tensor]:
    """Which half words drop their element, and what multiplies the others.

    Returns:
        `(M,)` int16: a half word below it drops; `(M,)` float64: 1/(1 - p), or 0 where all is dropped.
    """
    chance = torch.as_tensor(p, dtype=torch.float64).reshape(-1)
    cut = ((chance * 2.0**16).round() - 2.0**15).clamp(max=2.0**15 - 1).to(torch.int16)
    return cut, torch.where(chance < 1.0, 1.0 / (1.0 - chance), 0.0)


@dataclass(frozen=True)
class Dropout(Drops):
    r"""Dropout: in training an activation becomes 0 with probability p and $a/(1-p)$ otherwise; in inference it is off.

    The scaling keeps the expectation, so inference needs none. Hidden layers are dropped after their nonlinearity (and
    after batch norm); the output layer is never dropped.

    Args:
        p: probability for hidden units in [0, 1]: 0 drops nothing, 1 drops all; usually 0.3 to 0.5.
        input: probability for inputs in [0, 1], likewise; usually 0.1 to 0.2 where it is used.

    Raises:
        InputError: a probability is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.DROPOUT)
        >>> sorted(set(Dropout(0.5).drop(torch.ones(1, 4, 8), draw, layer=1).flatten().tolist()))
        [0.0, 2.0]

    Note:
        p is the probability of dropping, as in torch and Keras; the paper's p is the probability of keeping.

    Source:
        Srivastava and others, "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
    """

    p: Dose = dose(0.3, neutral=0.0, high=1.0, usual=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9))
    input: Dose = dose(0.0, neutral=0.0, high=1.0)

    def drop(self, hidden: Tensor, draw: Draw, *, layer: int) -> Tensor:
        """Drop units of a layer; layer 0 is the inputs."""
        p = self.p if layer else self.input
        # asking a GPU whether any p is above 0 would wait for all that it has still to do
        nothing = not (p.is_cuda or bool(p.any())) if isinstance(p, Tensor) else p == 0.0
        return hidden if nothing else drop_units(hidden, p, draw)
