"""Words of an English text -> synonyms of them; everything else of the text stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from goodfit.texts.articles import takes_an
from goodfit.texts.thesaurus import entries

# a run of non-blanks that is one word: no digits, no letters of other scripts, no marks of addresses and tags
_MARKS = r"[^\w\s@#/\\&$%+=<>|~^]*+"
_WORD = re.compile(rf"(?<!\S)({_MARKS})([A-Za-z]++)((?:['’]s(?![A-Za-z]))?{_MARKS})(?!\S)")
_ENDS_SENTENCE = re.compile(r"(?<!\b[A-Z])\.|[!?:;…\n]")
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "st", "sen", "gov", "gen", "rev", "vs"})
_SHORTEST_SHOUT = 5
"""Shorter words in capitals amid others are mostly abbreviations (AIDS)."""


@dataclass(frozen=True)
class _Place:
    """A word that has synonyms: where it starts, the word, its synonyms, and the article before it or "", and where."""

    start: int
    word: str
    choices: tuple[str, ...]
    article: str
    article_start: int


def substitute(text: str, share: float, random: np.random.Generator) -> str:
    """Replace words of an English text by synonyms.

    Letters' case, punctuation and blanks stay, and "a" or "an" follows the new word. Words that the thesaurus doesn't
    know stay: those of other languages, those that carry the grammar or negate, those without a close synonym. So do
    names (capital letters within a sentence), compounds with a hyphen, abbreviations, numbers, addresses, mentions and
    tags.

    Args:
        text: any text.
        share: probability in [0, 1] that a word which has synonyms is replaced: at 0 the text is returned as it is, at
            1 each of them is replaced.
        random: two of its numbers are used for each such word; none at share 0.

    Example:
        >>> substitute("An AMAZING movie, isn't it?", 1.0, np.random.default_rng(1))
        "An INCREDIBLE film, isn't it?"
    """
    places = list(_places(text)) if share > 0.0 else []
    if not places:
        return text
    parts, done = [], 0
    for place, (chance, which) in zip(places, random.random((len(places), 2)).tolist(), strict=True):
        if chance < share:
            new = place.choices[int(which * len(place.choices))]
            parts += [_up_to(text, done, place, new), _in_case_of(place.word, new)]
            done = place.start + len(place.word)
    return "".join([*parts, text[done:]])


def _places(text: str) -> Iterator[_Place]:
    """The words of a text that have synonyms, in order."""
    known, before, shouted = entries(), None, text.isupper()
    for match in _WORD.finditer(text):
        word = match[2]
        choices = known.get(word) or (() if word.islower() else known.get(word.lower(), ()))
        if choices and match[3][1:2] == "s":
            choices = tuple(choice for choice in choices if not choice.endswith("s"))
        if choices and (word.islower() or _means_the_thing(text, match, before, shouted)):
            start = match.start(2)
            adjoins = before is not None and text[before.end(2) : start].isspace()
            article = before[2] if before is not None and adjoins and before[2].lower() in {"a", "an"} else ""
            yield _Place(start, word, choices, article, before.start(2) if before is not None else 0)
        before = match


def _means_the_thing(text: str, match: re.Match[str], before: re.Match[str] | None, shouted: bool) -> bool:
    """Whether a word with capitals is no name: it starts a sentence, or it is shouted."""
    word = match[2]
    if word.isupper():
        return shouted or len(word) >= _SHORTEST_SHOUT
    if not word[1:].islower():
        return False
    if before is None:
        return not any(character.isalnum() for character in text[: match.start(2)])
    starts = _ENDS_SENTENCE.search(text, before.end(2), match.start(2))
    return starts is not None and before[2].lower() not in _TITLES


def _up_to(text: str, done: int, place: _Place, new: str) -> str:
    """The text from where it is done up to a word, with the article that its synonym takes."""
    old = takes_an(place.word.lower())
    if place.article.lower() != ("an" if old else "a") or takes_an(new) == old:
        return text[done : place.start]
    shouted = place.article == "AN" or (place.article == "A" and place.word.isupper())
    article = "a" if old else "an"
    if place.article[0] == "A":
        article = article.upper() if shouted else article.capitalize()
    blanks = text[place.article_start + len(place.article) : place.start]
    return text[done : place.article_start] + article + blanks


def _in_case_of(old: str, new: str) -> str:
    """A word in another's case: lower, Capitalized or UPPER."""
    if old.islower():
        return new
    return new.upper() if old.isupper() else new.capitalize()
