"""Variants of texts, and what differs between a text and its variant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Rewrites
from goodfit.rng import derive

MOST_SHOWN = 400
"""Words, marks and blanks of a text that are compared and shown."""
_TOKEN = re.compile(r"\s{1,40}|\w{1,40}(?:['’]\w{1,20})?|[^\w\s]")
_MOST_READ = 50_000  # characters: more than those shown can have


@dataclass(frozen=True)
class Piece:
    """A stretch of a text or of its variant: what both have, what was taken out, or what was put in."""

    what: Literal["same", "deleted", "inserted"]
    text: str


def vary_texts(texts: Sequence[str], rows: Sequence[int], recipe: Recipe, *, count: int, seed: int) -> list[list[str]]:
    """Variants of texts, `count` each, functions of the text, its row, the recipe, the seed and the variant's number.

    Args:
        texts: `(n,)`.
        rows: `(n,)` a number each, by which random numbers are drawn.
        recipe: techniques that rewrite; they act in its order.
        count: variants of each.
        seed: of everything random.
    """
    written = [text for text in texts for _ in range(count)]
    for place, part in enumerate(part for part in recipe if isinstance(part, Rewrites)):
        written = part.rewrite(written, [derive(seed, number, place, row) for row in rows for number in range(count)])
    return [written[start : start + count] for start in range(0, len(written), count)]


def compare_texts(text: str, variant: str) -> list[Piece]:
    """What is the same in both, deleted and inserted, word by word; of long texts the beginning, and an ellipsis.

    Example:
        >>> [(piece.what, piece.text) for piece in compare_texts("a big house", "a large house")]
        [('same', 'a '), ('deleted', 'big'), ('inserted', 'large'), ('same', ' house')]
    """
    old, new = _words(text), _words(variant)
    long = len(old) > MOST_SHOWN
    # more words are compared than are shown, so that the last ones shown find their match
    matcher = SequenceMatcher(None, old[: 2 * MOST_SHOWN], new[: 2 * MOST_SHOWN], autojunk=False)
    pieces = []
    for what, i, j, k, m in matcher.get_opcodes():
        if long and i >= MOST_SHOWN:
            break
        end = min(j, MOST_SHOWN) if long else j
        if what == "equal":
            pieces.append(Piece("same", "".join(old[i:end])))
        else:
            changed = (Piece("deleted", "".join(old[i:end])), Piece("inserted", "".join(new[k:m])))
            pieces += [piece for piece in changed if piece.text]
    return [*pieces, Piece("same", "…")] if long else pieces


def beginning(text: str) -> str:
    """A text as it is shown: its beginning, and an ellipsis where it goes on.

    Example:
        >>> beginning("so good"), beginning("so good " * 1000)[-9:]
        ('so good', 'so good …')
    """
    words = _words(text)
    return "".join(words[:MOST_SHOWN]) + "…" * (len(words) > MOST_SHOWN)


def _words(text: str) -> list[str]:
    return _TOKEN.findall(text[:_MOST_READ])
