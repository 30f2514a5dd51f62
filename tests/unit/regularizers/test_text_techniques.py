"""The techniques that write texts anew."""

import numpy as np
import pytest

from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.regularizers.recipe import Recipe
from goodfit.regularizers.texts import BackTranslation, Synonyms, WordDeletion, WordSwap, back_translation
from goodfit.regularizers.texts.seeding import generators

TEXTS = [
    "A big movie about the children of a cheap hotel, and (really) quite funny!",
    "I bought the car because it seems larger than the others; it isn't.",
    "",
    "word",
    "Ünïcödé 😀 日本語 text\nwith two lines",
]
SEEDS = [3, 1, 4, 1, 2**63 - 1]
ALL = [Synonyms, BackTranslation, WordDeletion, WordSwap]
EACH = pytest.mark.parametrize("kind", ALL)


class Shouts:
    """A translator whose paraphrases are in capitals, or in its own name's letters."""

    def __init__(self, name):
        self.name = name

    def round_trip(self, texts):
        return [f"{self.name}: {text.upper()}" for text in texts]


@pytest.fixture(autouse=True)
def translators(monkeypatch, tmp_path):
    """Two translators, and a book of their own."""
    monkeypatch.setenv("GOODFIT_CACHE", str(tmp_path))
    found = [Shouts("one"), Shouts("two")]
    monkeypatch.setattr(back_translation, "engines", lambda: found)
    return found


@EACH
def test_the_neutral_dose_changes_nothing(kind):
    assert kind.neutral().rewrite(TEXTS, SEEDS) == TEXTS
    assert kind.neutral().share == 0.0


@EACH
def test_the_largest_dose_changes_texts_and_each_text_by_its_own_seed_alone(kind):
    technique = kind(1.0)
    together = technique.rewrite(TEXTS, SEEDS)
    assert together[0] != TEXTS[0]
    assert together == [technique.rewrite([text], [seed])[0] for text, seed in zip(TEXTS, SEEDS, strict=True)]
    assert together[::-1] == technique.rewrite(TEXTS[::-1], SEEDS[::-1])


@EACH
def test_another_seed_draws_other_words(kind):
    written = {kind(0.5).rewrite(TEXTS[:1], [seed])[0] for seed in range(20)}
    assert len(written) > 2


@EACH
def test_any_whole_number_is_a_seed(kind):
    assert kind(0.5).rewrite(TEXTS[:2], [-1, 2**70]) == kind(0.5).rewrite(TEXTS[:2], [-1, 2**70])


@EACH
def test_no_texts_are_no_texts(kind):
    assert kind().rewrite([], []) == []


@EACH
def test_it_suits_texts_alone(kind):
    assert kind.suits == {"text"}


@EACH
@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "much", True])
def test_a_share_out_of_range_is_refused(kind, share):
    with pytest.raises(InputError, match=kind.name) as error:
        kind(share)
    assert "\n" not in str(error.value)


def test_recipes_name_them():
    text = "synonyms=0.15, back_translation=0.5 optional=true, word_deletion=0.1, word_swap=0.2"
    assert str(Recipe.parse(text)) == text


def test_two_techniques_with_one_seed_draw_different_numbers():
    """Else the words deleted would be just those replaced."""
    first, second = (
        np.array([random.random() for random in generators(range(500), kind.name)]) for kind in (Synonyms, WordSwap)
    )
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2
    assert abs(first.mean() - 0.5) < 0.06


def test_about_the_share_of_texts_is_translated_by_each_language_alike():
    written = BackTranslation(0.4).rewrite(["A house."] * 2000, range(2000))
    counts = {start: sum(text.startswith(start) for text in written) for start in ("one: A HOUSE.", "two: A HOUSE.")}
    for count in counts.values():
        assert abs(count - 400) < 4 * (2000 * 0.2 * 0.8) ** 0.5
    assert written.count("A house.") == 2000 - sum(counts.values())


def test_a_translation_is_made_once(translators, monkeypatch):
    first = BackTranslation(1.0).rewrite(TEXTS, SEEDS)
    for translator in translators:
        monkeypatch.setattr(translator, "round_trip", lambda texts: pytest.fail("it was made before"))
    assert BackTranslation(1.0).rewrite(TEXTS, SEEDS) == first


def test_without_a_translator_it_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(back_translation, "engines", list)
    with pytest.raises(InputError, match=r"apt-get install apertium .*goodfit\[marian\].*optional=true") as error:
        BackTranslation().rewrite(TEXTS, SEEDS)
    assert "\n" not in str(error.value)


def test_without_a_translator_the_optional_one_warns_and_goes_on(monkeypatch):
    monkeypatch.setattr(back_translation, "engines", list)
    with pytest.warns(DoubtfulRecipe, match="finds no translator"):
        assert BackTranslation(optional=True).rewrite(TEXTS, SEEDS) == TEXTS


def test_at_share_0_no_translator_is_looked_for(monkeypatch):
    monkeypatch.setattr(back_translation, "engines", lambda: pytest.fail("it was looked for"))
    assert BackTranslation(0.0).rewrite(TEXTS, SEEDS) == TEXTS
