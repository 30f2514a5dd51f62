"""How far each row of a batch goes."""

from __future__ import annotations

from torch import Tensor

from goodfit.rng import Draw


def either_way(rows: Tensor, draw: Draw) -> Tensor:
    """A number a row, uniform in (-1, 1), for rows `(M, B, 1, F, T)`: `(M, B, 1)`."""
    return (2.0 * draw.uniform(rows.shape[1]) - 1.0).to(rows.dtype)[..., None]
