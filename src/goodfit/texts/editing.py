"""Words of a text deleted or swapped, in any language that writes blanks between words."""

from __future__ import annotations

import re

import numpy as np

# a run of non-blanks with a letter or digit in it: marks before the word, the word, marks after it
_WORD = re.compile(r"(?<!\S)([^\w\s]*+)(\w(?:\S*\w)?)([^\w\s]*)(?!\S)")


def delete_words(text: str, share: float, random: np.random.Generator) -> str:
    """Delete words; at least one stays.

    Marks after a deleted word move to the word before it if that has none, marks before it to the word after it;
    brackets and quotation marks on both sides go with it.

    Args:
        text: any text.
        share: probability in [0, 1] that a word is deleted: at 0 the text is returned as it is, at 1 one word stays.
        random: one of its numbers is used for each word; none at share 0.

    Example:
        >>> delete_words("I liked it, really.", 0.3, np.random.default_rng(1))
        'I liked, really.'
    """
    words = list(_WORD.finditer(text)) if share > 0.0 else []
    if len(words) < 2:
        return text
    chances = random.random(len(words))
    gone = chances < share
    gone[np.argmax(chances)] &= not gone.all()
    return _without(text, [word for word, away in zip(words, gone.tolist(), strict=True) if away])


def swap_words(text: str, share: float, random: np.random.Generator) -> str:
    """Let words change places with others; blanks and the marks around words stay where they are.

    Args:
        text: any text.
        share: probability in [0, 1] that a word changes places with another one drawn at random: at 0 the text is
            returned as it is, at 1 the words are shuffled.
        random: two of its numbers are used for each word; none at share 0.

    Example:
        >>> swap_words("I liked it, really.", 0.3, np.random.default_rng(5))
        'I it liked, really.'
    """
    words = list(_WORD.finditer(text)) if share > 0.0 else []
    if len(words) < 2:
        return text
    order = [word[2] for word in words]
    for place, (chance, which) in enumerate(random.random((len(words), 2)).tolist()):
        if chance < share:
            other = int(which * (len(words) - 1))
            other += other >= place
            order[place], order[other] = order[other], order[place]
    parts, done = [], 0
    for word, new in zip(words, order, strict=True):
        parts += [text[done : word.start(2)], new]
        done = word.end(2)
    return "".join([*parts, text[done:]])


def _without(text: str, words: list[re.Match[str]]) -> str:
    """The text without these words, in order of their places."""
    parts: list[str] = []
    done, last, glued = 0, "", False  # the last character that stands; whether the next blanks fall away
    for word in words:
        kept = text[done : word.start()].lstrip() if glued else text[done : word.start()]
        stands = kept.rstrip()
        last = stands[-1:] or last
        before, after = word[1], word[3]
        if before and not after:
            parts += [kept, before]
            last, glued = before[-1], True
        elif not last or "\n" in kept[len(stands) :]:
            parts.append(kept)
            glued = True
        else:
            parts.append(_closed(stands, last, "" if before else after))
            last, glued = parts[-1][-1:] or last, glued and not kept
        done = word.end()
    return "".join([*parts, text[done:].lstrip() if glued else text[done:]])


def _closed(stands: str, last: str, marks: str) -> str:
    """What stands, with the marks of a word that went: if it has none, or a full stop instead of a comma."""
    if last.isalnum():
        return stands + marks
    ends = stands[-1:] in {",", ";", ":"} and stands[-2:-1].isalnum() and marks[:1] in {".", "!", "?", "…"}
    return stands[:-1] + marks if ends else stands
