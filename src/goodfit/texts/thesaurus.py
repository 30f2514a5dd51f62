"""Synonyms of English words, each form of a word for itself, from a file that `tools/make_thesaurus.py` makes."""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("thesaurus.txt.xz")


def synonyms(word: str) -> tuple[str, ...]:
    """Words that mean nearly the same as a word in most texts, in the same form, from the most likely on.

    Args:
        word: a form in lower case, such as "bought".

    Returns:
        None for words whose meaning hangs on the sentence ("good", "plot"), for those that carry its grammar or negate,
        and for those that no other word comes near.

    Example:
        >>> synonyms("bought"), synonyms("movies"), synonyms("never")
        (('purchased',), ('films',), ())
    """
    return entries().get(word, ())


@cache
def entries() -> dict[str, tuple[str, ...]]:
    """The whole thesaurus, read once."""
    lines = lzma.decompress(FILE.read_bytes()).decode().splitlines()
    return {word: tuple(others.split()) for word, _, others in (line.partition(":") for line in lines)}
