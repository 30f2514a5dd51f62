"""Words replaced by synonyms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from goodfit.regularizers.form import Kind
from goodfit.regularizers.places import Rewrites
from goodfit.regularizers.recipe import dose
from goodfit.regularizers.texts.seeding import generators
from goodfit.texts.synonyms import substitute


@dataclass(frozen=True)
class Synonyms(Rewrites):
    r"""Each word of an English text that has synonyms gives way to one of them with probability share.

    Of its synonyms one is drawn. About one word in ten has some: those whose meaning hangs on the sentence don't, names
    and negations stay. Letters' case, punctuation and articles follow. The thesaurus is derived from WordNet.

    Args:
        share: probability in [0, 1]: 0 leaves a text as it is, 1 replaces each word that has synonyms.

    Raises:
        InputError: share is outside [0, 1].

    Example:
        >>> Synonyms(1.0).rewrite(["I bought a cheap car."], [0])
        ['I purchased an inexpensive auto.']

    Note:
        In Wei and Zou's paper alpha is the share of all words of a text that are replaced, here it is that of the words
        that have synonyms.

    Source:
        Zhang, Zhao and LeCun, "Character-level convolutional networks for text classification", NeurIPS 2015; Wei and
        Zou, "EDA: easy data augmentation techniques for boosting performance on text classification tasks", EMNLP 2019;
        Fellbaum (ed.), "WordNet: an electronic lexical database", MIT Press 1998.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"text"})
    share: float = dose(0.5, neutral=0.0, high=1.0, usual=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0))

    def rewrite(self, texts: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Each text with synonyms."""
        randoms = generators(seeds, self.name)
        return [substitute(text, self.share, random) for text, random in zip(texts, randoms, strict=True)]
