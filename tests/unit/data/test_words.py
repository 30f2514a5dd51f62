"""Texts as n-gram features: which terms there are, how much each says, and texts of every script and length."""

import json
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from goodfit.data import words
from goodfit.data.words import SCALE, Vocabulary, fit_vocabulary

TEXTS = [
    "A good film, a very good film!",
    "a bad film: dull, dull and long",
    "The plot is good; the end is bad?!",
    "not good, not bad",
    "",
    "film film film",
]
some_words = st.sampled_from(["good", "bad", "film", "plot", "dull", "Not", "!", "??", "😀", "ein", "é"])
some_texts = st.lists(st.lists(some_words, max_size=8).map(" ".join), min_size=1, max_size=12)


def single(texts) -> list[list[str]]:
    """Training texts without variants."""
    return [[text] for text in texts]


def analyzed(text: str) -> list[str]:
    return CountVectorizer(**words._SETTINGS).build_analyzer()(text)


# -- which terms there are --------------------------------------------------------------------------------------------


def test_terms_are_words_pairs_of_them_and_marks_that_speak():
    found = set(fit_vocabulary(single(["So GOOD, 10 years!! 😀"] * 2)).terms)
    assert found == {"so", "good", "10", "years", "!!", "😀", "so good", "good 10", "10 years", "years !!", "!! 😀"}


@settings(deadline=None)
@given(some_texts, st.integers(0, 12))
def test_the_terms_are_the_commonest(texts, most):
    found = fit_vocabulary(single(texts), most)
    having = {}
    for text in texts:
        for term in set(analyzed(text)):
            having[term] = having.get(term, 0) + 1
    common = set(having)
    assert set(found.terms) <= common
    assert len(found.terms) == len(set(found.terms)) == min(most, len(common))
    counts = [having[term] for term in found.terms]
    assert counts == sorted(counts, reverse=True)
    left_out = [having[term] for term in common - set(found.terms)]
    assert not left_out or not counts or max(left_out) <= min(counts)
    expected = [np.log((1 + len(texts)) / (1 + having[term])) + 1 for term in found.terms]
    np.testing.assert_allclose(found.weights, expected, rtol=1e-12)


@given(some_texts, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_texts_does_not_matter(texts, random):
    shuffled = random.sample(texts, len(texts))
    assert fit_vocabulary(single(texts)) == fit_vocabulary(single(shuffled))


def test_a_term_counts_once_for_a_text_and_its_variants():
    """What stands in several variants of one text stands in one text."""
    found = fit_vocabulary([["big house", "large house", "large home"], ["a house", "a house"], ["old", "aged"]])
    weights = dict(zip(found.terms, found.weights, strict=True))
    assert found.terms[0] == "house"
    assert weights["house"] == pytest.approx(np.log(4 / 3) + 1)
    assert weights["large"] == weights["aged"] == pytest.approx(np.log(4 / 2) + 1)


def test_of_terms_as_common_single_words_come_before_pairs():
    assert fit_vocabulary(single(["b a", "d c"]), 4).terms == ("a", "b", "c", "d")


def test_nothing_is_learned_from_nothing():
    for texts in ([], [[""]], [[""], [""]], [["."], [","]]):
        found = fit_vocabulary(texts)
        assert (found.terms, found.weights) == ((), ())
        assert found.transform(["one", ""]).shape == (2, 0)


# -- how much each says -----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(some_texts, some_texts)
def test_the_rows_are_those_of_the_formula(texts, new):
    found = fit_vocabulary(single(texts))
    rows = found.transform(new, np.float64)
    assert rows.shape == (len(new), len(found.terms))
    for row, text in zip(rows, new, strict=True):
        counts = np.array([analyzed(text).count(term) for term in found.terms], dtype=float)
        with np.errstate(divide="ignore"):
            raw = np.where(counts > 0, 1 + np.log(counts), 0.0) * np.array(found.weights)
        length = np.linalg.norm(raw)
        np.testing.assert_allclose(row, raw * SCALE / length if length else raw, atol=1e-12)


@pytest.mark.parametrize("texts", [TEXTS, TEXTS * 3, [" ".join(t) for t in zip(TEXTS, TEXTS[::-1], strict=True)]])
def test_scikit_learns_weights_are_the_same_but_for_the_length_of_a_row(texts):
    found = fit_vocabulary(single(texts))
    twin = TfidfVectorizer(**words._SETTINGS, sublinear_tf=True, smooth_idf=True).fit(texts)
    assert set(twin.vocabulary_) == set(found.terms)
    order = [twin.vocabulary_[term] for term in found.terms]
    np.testing.assert_allclose(twin.idf_[order], found.weights, rtol=1e-12)
    new = [*texts, "film good, never seen before!", "dull dull dull"]
    np.testing.assert_allclose(found.transform(new, np.float64), SCALE * twin.transform(new).toarray()[:, order])


def test_texts_without_a_known_term_are_rows_of_zeros():
    rows = fit_vocabulary(single(TEXTS)).transform(["", "   ", "unknown", "\x00", "good"])
    assert not rows[:4].any()
    assert np.linalg.norm(rows[4]) == pytest.approx(SCALE)
    assert rows.dtype == np.float32


def test_a_text_is_described_by_itself_alone():
    found = fit_vocabulary(single(TEXTS))
    rows = found.transform(TEXTS)
    for text, row in zip(TEXTS, rows, strict=True):
        np.testing.assert_array_equal(found.transform([text])[0], row)


def test_a_vocabulary_comes_back_from_json_bit_for_bit():
    found = fit_vocabulary(single([*TEXTS, "日本語 日本語", "é 日本語", "😀", "é 😀"]))
    again = Vocabulary.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    np.testing.assert_array_equal(again.transform(TEXTS), found.transform(TEXTS))


# -- texts of every script and length ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("очень хороший фильм", {"очень", "хороший", "фильм"}),
        ("ÇOK GÜZEL", {"çok", "güzel"}),
        ("映画 すごい", {"映画", "すごい"}),
        ("فيلم جيد", {"فيلم", "جيد"}),
        ("👍🏽 ❤️ 5€", {"👍", "5", "€"}),
        ("don't #tag @you", {"don", "t", "#", "tag", "@", "you", "'"}),
        ("x_1 1.5 a,b;c", {"x_1", "1", "5", "a", "b", "c"}),
        ("line\none\r\ttab\xa0hard\u2028end", {"line", "one", "tab", "hard", "end"}),
    ],
)
def test_other_scripts_and_signs(text, terms):
    found = fit_vocabulary([[text], [text]])
    assert terms <= set(found.terms)
    assert np.linalg.norm(found.transform([text])) == pytest.approx(SCALE)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_texts_of_any_characters(texts):
    found = fit_vocabulary(single(texts * 2))
    rows = found.transform(texts)
    assert np.isfinite(rows).all()
    lengths = np.linalg.norm(rows, axis=1)
    assert ((np.abs(lengths - SCALE) < 1e-3) | (lengths == 0)).all()


@pytest.mark.parametrize("unit", ["word and other ", "x", "!", " ", "😀", "a.", "?!", "\n", "'", "_"])
def test_ten_million_characters_take_time_in_proportion(unit):
    """A pattern that went back over what it had read would not come to an end here."""
    text = unit * (10_000_000 // len(unit) if unit in ("x", "!", " ", "_") else 200_000)
    found = fit_vocabulary([[text], [text[: len(text) // 2], unit], [unit]])
    rows = found.transform([text, unit, ""])
    assert np.isfinite(rows).all()
    assert not rows[2].any()


@pytest.mark.slow
def test_ten_megabytes_of_words():
    letters = np.array(list(string.ascii_lowercase))
    random = np.random.default_rng(0)
    known = ["".join(random.choice(letters, 7)) for _ in range(500)]
    text = " ".join(random.choice(known, 10_000_000 // 8))
    found = fit_vocabulary([[text], [text]], 300)
    assert len(found.terms) == 300
    assert np.linalg.norm(found.transform([text])) == pytest.approx(SCALE, rel=1e-5)
