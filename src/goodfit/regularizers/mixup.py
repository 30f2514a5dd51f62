"""Rows mixed with others, and their targets alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import betaincinv
from torch import Tensor

from goodfit.regularizers.form import Form
from goodfit.regularizers.places import Mixes
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw

_SMALLEST, _LARGEST = 1e-100, 1e15  # beyond them a share is 1, or 0.5, to all digits of a float32


def beta_shares(chance: npt.NDArray[np.float64], alpha: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quantiles of Beta(alpha, alpha), mirrored so that they are 0.5 or more; 1 where alpha is 0.

    Args:
        chance: `(M, B)` which quantiles, in (0, 1).
        alpha: `(M, 1)` or what broadcasts, in [0, inf].
    """
    bounded = np.clip(alpha, _SMALLEST, _LARGEST)
    share = betaincinv(bounded, bounded, chance)
    return np.where(alpha == 0.0, 1.0, np.maximum(share, 1.0 - share))


def mix_rows(rows: Tensor, others: Tensor, share: Tensor) -> Tensor:
    """`share` `(M, B)` of the rows `(M, B, ...)` and the rest of the others; rows bit for bit where it is 1."""
    own = share.view(*share.shape, *([1] * (rows.dim() - 2)))
    return torch.where(own < 1.0, own * rows + (1.0 - own) * others, rows)


@dataclass(frozen=True)
class Mixup(Mixes):
    r"""Each row of a training batch is mixed with another one, and its target alike.

    $\tilde x = \lambda x + (1 - \lambda) x'$ and $\tilde y = \lambda y + (1 - \lambda) y'$. Each row's $\lambda$ is
    drawn from Beta(α, α) and mirrored so that it is at least 0.5: a row stays mostly itself.

    Args:
        alpha: α in [0, inf): 0 mixes nothing; at 1 all shares from a half to 1 are as likely; far above 1 all rows are
            half and half; usually 0.1 to 0.4.

    Raises:
        InputError: alpha is negative or not a number.

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> mixed, share = Mixup(1.0).mix(torch.ones(1, 1000, 4), torch.zeros(1, 1000, 4), draw, Form())
        >>> torch.equal(mixed[..., 0], share), round(share.min().item(), 1), round(share.max().item(), 1)
        (True, 0.5, 1.0)

    Note:
        The paper draws one λ a batch and doesn't mirror it; by the mirror image a row and its partner change places,
        which changes nothing on average over pairs.

    Source:
        Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
    """

    alpha: Dose = dose(0.2, neutral=0.0, open="high", usual=(0.05, 0.1, 0.2, 0.4, 1.0, 2.0, 8.0, 100.0))

    def mix(self, rows: Tensor, others: Tensor, draw: Draw, form: Form) -> tuple[Tensor, Tensor]:
        """The rows mixed with the others, and the share of each that is still its own."""
        chance = draw.uniform(rows.shape[1]).double().cpu().numpy()
        alpha = torch.as_tensor(self.alpha, dtype=torch.float64).cpu().numpy().reshape(-1, 1)
        share = torch.from_numpy(beta_shares(chance, alpha)).to(rows.device, rows.dtype)
        return mix_rows(rows, others, share), share
