"""Makes the thesaurus that goodfit ships with from the database of WordNet 3.0.

    python tools/make_thesaurus.py FOLDER src/goodfit/texts/thesaurus.txt.xz

FOLDER holds data.noun, index.noun and so on, cntlist.rev and noun.exc and so on (Debian: package wordnet-base, folder
/usr/share/wordnet). The same database gives the same file, byte for byte.

A word has several meanings and a text doesn't say which it has, so a synonym is taken only where it most likely keeps
the meaning: the senses that both words share make up most of what either word means in texts, counted in the texts that
WordNet's authors marked by hand. Each inflected form is an entry of its own, because "works" and "work" mean different
things in different shares, and because a synonym stands in the form of the word that it replaces.

Lines of the file: a form, a colon, its synonyms in the same form, from the most likely on, separated by blanks.
Frequent words whose synonyms the counts don't tell are written by hand (`wordlists/supplement.txt`), and pairs
that read wrong were struck out (`wordlists/pairs.txt`).
"""

from __future__ import annotations

import argparse
import lzma
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inflection import UNCHANGED, Irregular, forms, plain, readings
from wordlists import lines, word_list

LEAST_OF_WORD = 0.4
"""The least share of what a word means that the senses shared with a synonym may have."""
LEAST_OF_SYNONYM = 0.3
"""The least share of what the synonym means."""
LEAST_OF_PART = 0.7
"""The least share of a form's meanings that belong to the part of speech of the synonym."""
LEAST_SEEN, LEAST_RELATIVE = 2, 0.02
"""How often the marked texts have a synonym, at least: so many times, and so many for each time of the word."""
MOST_SYNONYMS = 4
PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
PART_OF_KEY = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
USED = {
    **{"n": 0.7, "n s": 0.3, "v": 0.4, "v s": 0.1, "v ed": 0.35, "v ing": 0.15},
    **{"a": 0.94, "a er": 0.03, "a est": 0.03, "r": 1.0},
}
"""How often a word stands in each of its forms, roughly."""
UNSEEN = 0.5
"""What a first sense counts that no marked text has; the second counts half of it, and so on."""
MARKED = ("slang", "ethnic_slur", "disparagement", "obscenity", "vulgarism", "archaism")
"""Usages whose words are no synonyms."""
STOP, NEVER = word_list("stop"), word_list("never")
PAIRS = frozenset(tuple(sorted(pair.split(":"))) for pair in word_list("pairs"))


@dataclass(frozen=True)
class Meaning:
    """A sense in which a form may be meant: a set of synonyms and the form's kind; and how often it is."""

    synset: str
    kind: str
    lemma: str
    mass: float


@dataclass(frozen=True)
class WordNet:
    """What is read from the database.

    senses: by (part of speech, word) the synsets from the first sense on. counts: by (part, word, number of the sense)
    how often the marked texts have it. members: by synset its plain words. frames: by (synset, word) the sentences that
    a verb fits into. irregular: see `inflection`.
    """

    senses: dict[tuple[str, str], list[str]]
    counts: dict[tuple[str, str, int], int]
    members: dict[str, list[str]]
    frames: dict[tuple[str, str], frozenset[int]]
    irregular: Irregular

    def seen(self, part: str, word: str) -> int:
        """How often the marked texts have a word as this part of speech."""
        return sum(self.counts.get((part, word, n), 0) for n in range(1, len(self.senses[part, word]) + 1))


def records(path: Path) -> Iterator[list[str]]:
    """The words of each line but the licence's, which start with blanks."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("  "):
            yield line.partition(" | ")[0].split()


def read_wordnet(folder: Path) -> WordNet:
    """Read all that a thesaurus needs."""
    senses: dict[tuple[str, str], list[str]] = {}
    irregular: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in PARTS}
    for part, name in PARTS.items():
        for word, _, count, *rest in records(folder / f"index.{name}"):
            senses[part, word] = [part + offset for offset in rest[-int(count) :]]
        for form, *words in records(folder / f"{name}.exc"):
            for word in words:
                irregular[part][word] += [form] if plain(form) and form != word else []
    counts = {}
    for key, number, count in records(folder / "cntlist.rev"):
        word, _, sense = key.partition("%")
        counts[PART_OF_KEY[sense[0]], word, int(number)] = int(count)
    marked = {synset for name in MARKED for synset in senses.get(("n", name), ())}
    members: dict[str, list[str]] = {}
    frames: dict[tuple[str, str], frozenset[int]] = {}
    for part, name in PARTS.items():
        for fields in records(folder / f"data.{name}"):
            read_synset(part, fields, marked, members, frames)
    return WordNet(senses, counts, members, frames, irregular)


def read_synset(
    part: str,
    fields: list[str],
    marked: set[str],
    members: dict[str, list[str]],
    frames: dict[tuple[str, str], frozenset[int]],
) -> None:
    """Take the plain words of a line of data.* that no usage marks; the sentence frames too if they are verbs."""
    synset, count = part + fields[0], int(fields[3], 16)
    words = fields[4 : 4 + 2 * count : 2]
    rest = fields[4 + 2 * count :]
    pointers = [rest[1 + 4 * i : 5 + 4 * i] for i in range(int(rest[0]))]
    bad = {int(where[:2], 16) for symbol, target, kind, where in pointers if symbol == ";u" and kind + target in marked}
    kept = [word for i, word in enumerate(words, 1) if plain(word) and not bad & {0, i}]
    members[synset] = kept
    after = rest[1 + 4 * len(pointers) :]
    fitting: dict[str, set[int]] = defaultdict(set)
    for i in range(int(after[0]) if after else 0):
        _, frame, which = after[1 + 3 * i : 4 + 3 * i]
        for word in words if which == "00" else [words[int(which, 16) - 1]]:
            fitting[word].add(int(frame))
    frames.update({(synset, word): frozenset(fitting[word]) for word in kept if part == "v"})


def meanings_of_forms(wordnet: WordNet) -> dict[str, list[Meaning]]:
    """Every form of every plain word with all that it may mean."""
    found: dict[str, list[Meaning]] = defaultdict(list)
    for (part, word), synsets in sorted(wordnet.senses.items()):
        if not plain(word):
            continue
        for form, kind in readings(word, part, wordnet.irregular):
            for number, synset in enumerate(synsets, 1):
                seen = wordnet.counts.get((part, word, number), 0) + UNSEEN / number
                found[form].append(Meaning(synset, kind, word, seen * USED[kind]))
    return found


def candidates(meaning: Meaning, wordnet: WordNet) -> Iterator[str]:
    """The other words of a sense in the same form, if texts use them and they fit into the same sentences."""
    part = meaning.synset[0]
    if meaning.kind == "v" and meaning.lemma in UNCHANGED:
        return  # it may be the past
    own = wordnet.frames.get((meaning.synset, meaning.lemma), frozenset())
    least = max(LEAST_SEEN, LEAST_RELATIVE * wordnet.seen(part, meaning.lemma))
    for word in wordnet.members[meaning.synset]:
        fits = own <= wordnet.frames.get((meaning.synset, word), frozenset())
        struck = word in NEVER or tuple(sorted((word, meaning.lemma))) in PAIRS or is_short_for(meaning.lemma, word)
        if word == meaning.lemma or struck or not fits or wordnet.seen(part, word) < least:
            continue
        if meaning.kind == "n" and word.endswith("s") and not meaning.lemma.endswith("s"):
            continue  # trousers for a garment
        form = forms(word, part, wordnet.irregular).get(meaning.kind, "")
        if form and form not in STOP | NEVER:
            yield form


def is_short_for(word: str, other: str) -> bool:
    """Whether one of two words may be an abbreviation, or one is the other with -ing."""
    short, long = sorted((word, other), key=len)
    letters = iter(long)
    letters_left_out = len(short) <= 3 and short[0] == long[0] and all(letter in letters for letter in short)
    cut_off = len(short) <= 4 and long.startswith(short)
    vowelless = not set(short) & set("aeiouy")
    return letters_left_out or cut_off or vowelless or (long.endswith("ing") and long.startswith(short.rstrip("e")))


def synonyms_of(form: str, meanings: dict[str, list[Meaning]], wordnet: WordNet) -> list[str]:
    """The synonyms of a form that most likely keep its meaning, from the most likely on."""
    shared: dict[tuple[str, str], float] = defaultdict(float)
    parts: dict[str, float] = defaultdict(float)
    for meaning in meanings[form]:
        parts[meaning.kind[0]] += meaning.mass
        for other in set(candidates(meaning, wordnet)) - {form}:
            shared[meaning.kind[0], other] += meaning.mass
    whole = sum(parts.values())
    own = {(meaning.synset, meaning.kind) for meaning in meanings[form]}
    scores: Counter[str] = Counter()
    for (part, other), mass in shared.items():
        back = sum(m.mass for m in meanings[other] if (m.synset, m.kind) in own) / sum(m.mass for m in meanings[other])
        if parts[part] >= LEAST_OF_PART * whole and mass >= LEAST_OF_WORD * whole and back >= LEAST_OF_SYNONYM:
            scores[other] = mass / whole * back
    return sorted(scores, key=lambda other: (-scores[other], other))[:MOST_SYNONYMS]


def supplement() -> dict[str, list[str]]:
    """The entries written by hand."""
    written = (line.partition(":") for line in lines("supplement"))
    return {form: others.split() for form, _, others in written}


def entries(wordnet: WordNet) -> Iterator[str]:
    """The thesaurus's lines in alphabetical order."""
    meanings, written = meanings_of_forms(wordnet), supplement()
    for form in sorted({*meanings, *written}):
        if form in STOP or not plain(form) or len(form) < 3:
            continue
        synonyms = written.get(form) or synonyms_of(form, meanings, wordnet)
        if synonyms:
            yield f"{form}:{' '.join(synonyms)}\n"


def main() -> None:
    """Read the folder, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with WordNet's files")
    parser.add_argument("out", type=Path, help="the thesaurus, compressed by xz")
    arguments = parser.parse_args()
    text = "".join(entries(read_wordnet(arguments.folder)))
    arguments.out.write_bytes(lzma.compress(text.encode(), preset=9))
    print(f"{text.count(chr(10))} entries, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
