"""What a row of inputs is: a line of a table, a picture, a sound, a text; and what suits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["table", "image", "sound", "text"]
EVERY: frozenset[Kind] = frozenset({"table", "image", "sound", "text"})


@dataclass(frozen=True)
class Form:
    """What the inputs of a row are.

    Args:
        kind: what a row was before it became numbers.
        shape: of a row's inputs: `(D,)`, or `(C, H, W)` of a picture, or `(1, F, T)` of a spectrogram, mel bands by
            frames; `()` stands for `(D,)`.
        columns: `(D,)` which of the table's columns each input comes from; empty where there are none.
    """

    kind: Kind = "table"
    shape: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
