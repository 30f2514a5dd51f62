"""Words deleted and swapped."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.texts.editing import delete_words, swap_words

chunks = st.sampled_from(
    ["a", "big", "movie,", "(really)", '"yes', 'no"', "end.", "😀", "--", "é!", "\n", "10/10", "日本"]
)
texts = st.text() | st.lists(chunks, max_size=15).map(" ".join)
EITHER = pytest.mark.parametrize("edit", [delete_words, swap_words])


def words_of(text: str) -> list[str]:
    """Each word between blanks, less the marks around it."""
    return [word for chunk in text.split() if (word := re.sub(r"^[^\w]+|[^\w]+$", "", chunk))]


def between(text: str) -> str:
    """The text with a w for each word."""
    return re.sub(r"(?<!\S)([^\w\s]*)\w(?:\S*\w)?([^\w\s]*)(?!\S)", r"\1w\2", text)


@EITHER
@given(text=texts, seed=st.integers(0, 9))
def test_share_0_changes_nothing(edit, text, seed):
    assert edit(text, 0.0, np.random.default_rng(seed)) == text


@given(text=texts, share=st.floats(0, 1), seed=st.integers(0, 9))
def test_what_a_deletion_leaves_are_words_in_their_order_and_at_least_one(text, share, seed):
    left = words_of(delete_words(text, share, np.random.default_rng(seed)))
    rest = iter(words_of(text))
    assert all(word in rest for word in left)
    assert left or not words_of(text)


@given(text=texts, share=st.floats(0, 1), seed=st.integers(0, 9))
def test_a_swap_keeps_all_words_and_all_between_them(text, share, seed):
    new = swap_words(text, share, np.random.default_rng(seed))
    assert Counter(words_of(new)) == Counter(words_of(text))
    assert between(new) == between(text)


@given(text=texts, seed=st.integers(0, 9))
def test_share_1_leaves_one_word(text, seed):
    assert len(words_of(delete_words(text, 1.0, np.random.default_rng(seed)))) == min(1, len(words_of(text)))


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_share_of_words_deleted_is_the_share_asked_for(share):
    left = len(delete_words("word " * 10_000, share, np.random.default_rng(0)).split())
    assert abs(10_000 - left - 10_000 * share) < 4 * (10_000 * share * (1 - share)) ** 0.5


def test_the_share_of_words_that_move_grows_with_the_share_asked_for():
    text = " ".join(map(str, range(10_000)))
    for share in (0.05, 0.1):
        new = swap_words(text, share, np.random.default_rng(0)).split()
        moved = sum(int(word) != place for place, word in enumerate(new))
        assert 1.7 * share * 10_000 < moved <= 2 * share * 10_000 * 1.1


def test_a_word_swaps_with_any_other_alike():
    first = Counter(swap_words("a b c d", 1.0, np.random.default_rng(seed)).split()[0] for seed in range(2000))
    assert set(first) == set("abcd")
    assert min(first.values()) > 300


def test_a_word_never_swaps_with_itself():
    class Lowest:
        """Stands in for a generator: the first word swaps, with the first other one."""

        def random(self, shape):
            assert shape == (2, 2)
            return np.array([[0.0, 0.0], [0.9, 0.0]])

    assert swap_words("a b", 0.5, Lowest()) == "b a"


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("I liked it, really.", {"it"}, "I liked, really."),
        ("I liked it, really.", {"really"}, "I liked it."),
        ("Well, I liked it", {"Well"}, "I liked it"),
        ("She (really) liked it", {"really"}, "She liked it"),
        ('"Great movie", she said', {"Great"}, '"movie", she said'),
        ('"Great big movie", she said', {"Great", "big"}, '"movie", she said'),
        ("one\ntwo three\nfour", {"two"}, "one\nthree\nfour"),
        ("one\ntwo\nfour", {"two"}, "one\nfour"),
        ("a  b   c", {"b"}, "a   c"),
        ("It is good! Really.", {"Really"}, "It is good!"),
    ],
)
def test_marks_and_blanks_close_up(text, gone, left):
    class Chosen:
        """Stands in for a generator: deletes just these words."""

        def random(self, count):
            assert count == len(words_of(text))
            return np.array([0.0 if word in gone else 0.9 for word in words_of(text)])

    assert delete_words(text, 0.5, Chosen()) == left


@EITHER
@pytest.mark.parametrize("text", ["", "word", "  word!  ", "😀 😀", "日本語のテキスト", "\n\n", "..."])
def test_a_text_of_one_word_or_none_stays(edit, text):
    assert edit(text, 1.0, np.random.default_rng(0)) == text


@EITHER
@pytest.mark.parametrize("text", ["a" * 10**6, "a. " * 10**5, "." * 10**6, " " * 10**6, "a." * 10**5, "\na" * 10**5])
def test_a_long_text_takes_time_in_proportion(edit, text):
    """It would take hours if a part of the text were read again for each word."""
    assert edit(text, 0.5, np.random.default_rng(0))
