"""A text cut into sentences that a translator takes one by one, and joined again as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

LONGEST_TEXT = 20_000
"""Characters; a longer text is passed through as it is."""
LONGEST_PIECE = 1_500

# ends of sentences and of lines, and what isn't to be translated: addresses, mentions, tags
_BETWEEN = re.compile(
    r"((?<=[!?…])\s+|(?<=\.)(?<!\b[A-Z]\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)(?<!\bDr\.)\s+(?![a-z])|(?<!\s)(?=\s*\n)\s+"
    r"|(?<!\S)(?:[^\s@]*+@|#|https?://|www\.)\S+)"
)
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_WORDS = re.compile(r"[A-Za-z]{2}")
_MARKS = re.compile(r"(?<!\w)[*@#](?=\w)")


def translated(texts: Sequence[str], translate: Callable[[list[str]], list[str | None]]) -> list[str]:
    """Translate texts by their sentences; what is between these, and those that can't be translated, stay.

    Args:
        texts: any texts.
        translate: takes different sentences, each one line without control characters; gives as many, None where it
            can't. It isn't called where there is nothing to translate.
    """
    cut = [_BETWEEN.split(text) if len(text) <= LONGEST_TEXT else [text] for text in texts]
    plain = {piece: _plain(piece) for pieces in cut for piece in pieces[::2]}
    wanted = list(dict.fromkeys(sentence for sentence in plain.values() if sentence))
    known = dict(zip(wanted, translate(wanted), strict=True)) if wanted else {}
    return ["".join(_anew(piece, known.get(plain.get(piece, ""))) for piece in pieces) for pieces in cut]


def without_marks(translation: str, source: str) -> str:
    """A translation without doubled blanks and without the marks that a translator puts before unknown words."""
    marks = {mark for mark in "*@#" if mark not in source}
    bare = _MARKS.sub(lambda found: "" if found[0] in marks else found[0], translation)
    return " ".join(bare.split())


def _plain(piece: str) -> str:
    """A sentence in one line, or nothing where there is nothing to translate."""
    sentence = _BLANKS.sub(" ", piece).strip()
    fits = len(sentence) <= LONGEST_PIECE and _WORDS.search(sentence) is not None
    return sentence if fits and not any("\ud800" <= character <= "\udfff" for character in sentence) else ""


def _anew(piece: str, translation: str | None) -> str:
    """The piece, translated, between the blanks that it stood between."""
    if not translation:
        return piece
    start = len(piece) - len(piece.lstrip())
    return piece[:start] + translation + piece[len(piece.rstrip()) :]
