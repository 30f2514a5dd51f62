"""The thesaurus that ships, and the tool that makes it."""

import lzma
import subprocess
import sys
from pathlib import Path

import pytest

from goodfit.texts import thesaurus
from goodfit.texts.thesaurus import entries, synonyms

TOOL = Path(__file__).parents[3] / "tools" / "make_thesaurus.py"


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("bought", "purchased"),
        ("movies", "films"),
        ("larger", "bigger"),
        ("beginning", "commencing"),
        ("children", "kids"),
        ("seems", "appears"),
        ("quickly", "rapidly"),
    ],
)
def test_a_synonym_has_the_form_of_its_word(word, other):
    assert other in synonyms(word)


@pytest.mark.parametrize(
    "word",
    ["not", "never", "without", "hardly", "none", "nothing", "the", "is", "had", "them", "good", "qwerty", "", "é"],
)
def test_words_that_negate_carry_grammar_or_have_no_close_synonym_have_none(word):
    assert synonyms(word) == ()


def test_each_entry_is_of_single_plain_words_that_differ():
    assert len(entries()) > 10_000
    for word, others in entries().items():
        assert 1 <= len(others) <= 4
        assert word not in others
        assert len(set(others)) == len(others)
        assert all(w.isascii() and w.isalpha() and w.islower() for w in (word, *others))


def test_forms_of_regular_words_keep_their_endings():
    """Among words that end in -ing hardly any synonym may end otherwise: morning is a noun, its kind isn't told."""
    pairs = [(word, other) for word, others in entries().items() for other in others if word.endswith("ing")]
    assert len(pairs) > 1000
    assert sum(other.endswith("ing") for _, other in pairs) / len(pairs) > 0.9


def test_it_is_small_and_its_licence_ships_beside_it():
    assert thesaurus.FILE.stat().st_size < 200_000
    licence = thesaurus.FILE.with_name("THESAURUS-LICENSE").read_text(encoding="utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in licence
    assert '"AS IS"' in licence


NOUNS = """\
00000001 06 n 03 wagon 0 cart 0 Prairie_Schooner 0 000 | a vehicle
00000002 06 n 02 inn 0 dive 0 001 ;u 00000009 n 0200 | a house
00000003 06 n 01 log 0 000 | of a ship
00000004 06 n 02 baker 0 bakery 0 000 | who bakes
00000009 10 n 01 slang 0 000 | words
"""
VERBS = """\
00000011 30 v 02 stroll 0 saunter 0 000 01 + 02 00 | walk
00000012 30 v 02 sell 0 vend 0 000 01 + 02 00 | for money
00000013 30 v 02 ponder 0 brood 0 000 02 + 02 00 + 08 01 | think
00000014 30 v 02 log 0 jot 0 000 01 + 02 00 | write
"""
INDICES = {
    "noun": ["wagon 1", "cart 1", "inn 2", "dive 2", "log 3", "baker 4", "bakery 4", "slang 9"],
    "verb": ["stroll 11", "saunter 11", "sell 12", "vend 12", "ponder 13", "brood 13", "log 14", "jot 14"],
}
COUNTS = {
    "n": ["wagon 10", "cart 10", "inn 10", "dive 10", "log 10", "baker 1000", "bakery 10"],
    "v": ["stroll 10", "saunter 10", "sell 10", "vend 10", "ponder 10", "brood 10", "log 10", "jot 10"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A thesaurus of a database of a few words."""
    folder = tmp_path_factory.mktemp("wordnet")
    for name in ("noun", "verb", "adj", "adv"):
        lines = (line.split() for line in INDICES.get(name, ()))
        index = "".join(f"{word} {name[0]} 1 0 1 1 {int(offset):08d}  \n" for word, offset in lines)
        (folder / f"index.{name}").write_text("  1 the licence\n" + index)
        (folder / f"data.{name}").write_text("  1 the licence\n" + {"noun": NOUNS, "verb": VERBS}.get(name, ""))
        (folder / f"{name}.exc").write_text("sold sell\n" if name == "verb" else "")
    parts = {"n": 1, "v": 2}
    counts = [(word.split(), parts[part]) for part, words in COUNTS.items() for word in words]
    (folder / "cntlist.rev").write_text("".join(f"{word}%{part}:06:00:: 1 {n}\n" for (word, n), part in counts))
    outs = [folder / "first.xz", folder / "second.xz"]
    for out in outs:
        subprocess.run([sys.executable, TOOL, folder, out], check=True, capture_output=True)
    first, second = (out.read_bytes() for out in outs)
    assert first == second
    return dict(line.split(":") for line in lzma.decompress(first).decode().splitlines())


def test_the_tool_inflects_by_rule(made):
    assert (made["wagon"], made["wagons"], made["strolled"], made["strolling"], made["strolls"]) == (
        "cart",
        "carts",
        "sauntered",
        "sauntering",
        "saunters",
    )


def test_the_tool_reads_irregular_forms_and_writes_none(made):
    assert made["sold"] == "vended"
    assert made["sells"] == "vends"
    assert "vended" not in made
    assert "selled" not in made


def test_the_tool_leaves_out_slang_names_and_what_fits_other_sentences(made):
    assert "inn" not in made
    assert not any("rairie" in word for word in made)
    assert made["brooded"] == "pondered"
    assert "pondered" not in made


def test_the_tool_leaves_out_words_that_may_be_another_part_of_speech_and_rare_ones(made):
    assert "log" not in made
    assert "jots" not in made
    assert made["bakery"] == "baker"
    assert "baker" not in made


def test_the_tool_takes_what_is_written_by_hand(made):
    assert made["photos"] == "pictures photographs"
