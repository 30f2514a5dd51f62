"""Column dropout: in training, columns of a row go missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from goodfit.regularizers.form import Form, Kind
from goodfit.regularizers.places import OnInputs, column
from goodfit.regularizers.recipe import Dose, dose
from goodfit.rng import Draw


def drop_columns(rows: Tensor, p: Dose, draw: Draw, columns: tuple[int, ...] = ()) -> Tensor:
    """Each column of a row becomes 0 with probability p, all its inputs together; the others stay as they are.

    Args:
        rows: `(M, B, ...)`, D inputs a row.
        p: probability in [0, 1], a float or `(M,)`.
        draw: the random numbers of this step.
        columns: `(D,)` the column that each input comes from, counted from 0; empty: each input is its own.
    """
    count = max(columns) + 1 if columns else rows[0, 0].numel()
    chance = draw.uniform(count * rows.shape[1]).view(-1, rows.shape[1], count)
    kept = chance >= column(p, chance)
    if columns:
        kept = kept[..., torch.tensor(columns, device=rows.device)]
    return torch.where(kept.view_as(rows), rows, 0.0)


@dataclass(frozen=True)
class ColumnDropout(OnInputs):
    r"""Column dropout: in training each column of a row becomes 0 with probability p, the others stay as they are.

    All inputs of a column go together: 0 is the training mean of a standardized number, and none of the levels of a
    category. The network learns not to lean on one column alone. Unlike in dropout what stays is not divided by 1 - p:
    the row is meant to look like one with missing values, and those that it has to score are not scaled either.

    Args:
        p: probability in [0, 1]: 0 drops nothing, 1 drops every column; usually 0.05 to 0.2.

    Raises:
        InputError: p is outside [0, 1].

    Example:
        >>> import torch
        >>> from goodfit.rng import Purpose, Streams
        >>> draw = Streams.of([0]).at(Purpose.NOISE)
        >>> rows = ColumnDropout(0.5).inputs(torch.ones(1, 100, 3), draw, Form(columns=(0, 0, 1)))
        >>> bool((rows[..., 0] == rows[..., 1]).all()), bool((rows[..., 0] == rows[..., 2]).all())
        (True, False)

    Note:
        A column's indicator of missing values becomes 0 with it. Numbers that are not standardized have another mean
        than 0: for them a dropped column is a value like any other.

    Source:
        Srivastava and others, "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014, of whole
        columns; Vincent and others, "Extracting and composing robust features with denoising autoencoders", ICML 2008,
        for masking without scaling.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"table"})

    p: Dose = dose(0.1, neutral=0.0, high=1.0, usual=(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9))

    def inputs(self, rows: Tensor, draw: Draw, form: Form) -> Tensor:
        """The rows, with columns missing."""
        return drop_columns(rows, self.p, draw, form.columns)
