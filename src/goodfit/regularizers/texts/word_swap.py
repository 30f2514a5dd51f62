"""Words that change places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from goodfit.regularizers.form import Kind
from goodfit.regularizers.places import Rewrites
from goodfit.regularizers.recipe import dose
from goodfit.regularizers.texts.seeding import generators
from goodfit.texts.editing import swap_words


@dataclass(frozen=True)
class WordSwap(Rewrites):
    r"""Each word of a text changes places with another one of it, drawn at random, with probability share.

    All words stay, so a network that sees single words alone sees no difference; one that sees pairs of words does. A
    word is what stands between blanks; punctuation stays in its place.

    Args:
        share: probability in [0, 1]: 0 leaves a text as it is, 1 shuffles its words; usually 0.05 to 0.2.

    Raises:
        InputError: share is outside [0, 1].

    Example:
        >>> WordSwap(1.0).rewrite(["A house by the sea."], [0])
        ['house by A sea the.']

    Source:
        Wei and Zou, "EDA: easy data augmentation techniques for boosting performance on text classification tasks",
        EMNLP 2019.
    """

    suits: ClassVar[frozenset[Kind]] = frozenset({"text"})
    share: float = dose(0.1, neutral=0.0, high=1.0, usual=(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0))

    def rewrite(self, texts: Sequence[str], seeds: Sequence[int]) -> list[str]:
        """Each text with words in other places."""
        randoms = generators(seeds, self.name)
        return [swap_words(text, self.share, random) for text, random in zip(texts, randoms, strict=True)]
