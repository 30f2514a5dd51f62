"""Random numbers for texts: a stream for each seed and technique."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np

from goodfit.rng import derive


def generators(seeds: Sequence[int], technique: str) -> Iterator[np.random.Generator]:
    """A generator for each seed; two techniques with one seed draw different numbers.

    Example:
        >>> a, b = (next(generators([7], name)).random() for name in ("synonyms", "word_swap"))
        >>> a == b
        False
    """
    own = crc32(technique.encode())
    return (np.random.default_rng(derive(seed, own)) for seed in seeds)
