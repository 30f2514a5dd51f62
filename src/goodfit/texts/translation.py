"""Paraphrases of texts: translated to another language and back, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from goodfit.texts.apertium import Apertium, installed_pairs
from goodfit.texts.marian import downloaded
from goodfit.texts.phrase_book import PhraseBook

AT_ONCE = 5_000
"""Texts translated before they are kept: an interruption loses no more."""


class Engine(Protocol):
    """A translator from English to another language and back."""

    @property
    def name(self) -> str:
        """What its paraphrases are kept under."""
        ...

    def round_trip(self, texts: Sequence[str]) -> list[str]:
        """Each text there and back; what it can't translate stays as it is."""
        ...


def engines() -> list[Engine]:
    """The translators that this machine has, the fastest first; empty if it has none."""
    return [*(Apertium(pair) for pair in installed_pairs()), *downloaded()]


def paraphrase(texts: Sequence[str], engine: Engine, book: PhraseBook) -> list[str]:
    """Each text as it comes back from another language, from the book where it was made before.

    Args:
        texts: any texts; equal ones are translated once.
        engine: the translator.
        book: where paraphrases are kept.

    Raises:
        InputError: the translator can't work.
    """
    different = list(dict.fromkeys(texts))
    known = book.known(engine.name, different)
    missing = [text for text in different if text not in known]
    for start in range(0, len(missing), AT_ONCE):
        portion = missing[start : start + AT_ONCE]
        made = dict(zip(portion, engine.round_trip(portion), strict=True))
        book.keep(engine.name, made)
        known |= made
    return [known[text] for text in texts]
