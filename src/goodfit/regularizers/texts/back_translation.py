"""Texts translated to another language and back."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.regularizers.form import Kind
from goodfit.regularizers.places import Rewrites
from goodfit.regularizers.recipe import dose
from goodfit.regularizers.texts.seeding import generators
from goodfit.texts.phrase_book import PhraseBook
from goodfit.texts.translation import engines, paraphrase

NONE_FOUND = (
    "back_translation finds no translator: install one (Debian: apt-get install apertium apertium-eng-spa, or "
    "pip install 'goodfit[marian]' and a pair of models)"
)


@dataclass(frozen=True)
class BackTranslation(Rewrites):
    r"""With probability share, an English text stands as what comes back when it is translated and translated back.

    The other language is drawn at random for each text from those that this machine can translate: by Apertium to
    Spanish, Catalan and Esperanto, by Marian models that were downloaded once. Paraphrases are kept in the user's cache
    (the folder GOODFIT_CACHE if it is set), so each is made once. Machines with different translators draw differently.

    Args:
        share: probability in [0, 1]: 0 leaves a text as it is, 1 replaces it always.
        optional: whether a machine without a translator leaves texts as they are, with a warning; else it is an error.

    Raises:
        InputError: share is outside [0, 1]; there is no translator and it isn't optional.

    Example:
        >>> BackTranslation(0.0).rewrite(["A house by the sea."], [0])
        ['A house by the sea.']

    Source:
        Sennrich, Haddow and Birch, "Improving neural machine translation models with monolingual data", ACL 2016;
        Edunov and others, "Understanding back-translation at scale", EMNLP 2018.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"text"})
    share: float = dose(0.5, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0))
    optional: bool = False

    def rewrite(self, texts: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Each text or its paraphrase."""
        found = engines() if self.share > 0.0 else []
        if self.share > 0.0 and not found:
            if not self.optional:
                raise InputError(f"{NONE_FOUND}, or write optional=true to go on without")
            warnings.warn(f"{NONE_FOUND}; the texts stay as they are", DoubtfulRecipe, stacklevel=2)
        if not found:
            return list(texts)
        written, book = list(texts), PhraseBook.of_user()
        languages = [_language(random, self.share, len(found)) for random in generators(seeds, self.name)]
        for place, engine in enumerate(found):
            own = [text for text, language in enumerate(languages) if language == place]
            anew = paraphrase([texts[text] for text in own], engine, book)
            for text, paraphrased in zip(own, anew, strict=True):
                written[text] = paraphrased
        return written


def _language(random: np.random.Generator, share: float, count: int) -> int | None:
    """Which of so many languages a text goes through, or None where it stays."""
    chance, which = random.random(2).tolist()
    return int(which * count) if chance < share else None
