"""Sizes of memory as people write them."""

from __future__ import annotations

import re

from goodfit.errors import InputError

UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


def read_size(text: str) -> int:
    """Bytes of a size such as 500MB, 3GB, 1.5 GiB or 2000000.

    Raises:
        InputError: anything else, or nothing.

    Example:
        >>> read_size("1.5 GB")
        1500000000
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if not found or found[2] not in UNITS or not float(found[1]):
        raise InputError(f"--memory {text}: give a size above 0, such as 3GB or 500MB")
    return int(float(found[1]) * UNITS[found[2]])
