"""Paraphrases by translation: sentences and translators."""

import importlib.util
import json
import os
import shutil

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.errors import InputError
from goodfit.texts import apertium, pieces
from goodfit.texts.apertium import PAIRS, Apertium, installed_pairs
from goodfit.texts.marian import Marian
from goodfit.texts.translation import engines

NEEDS_APERTIUM = pytest.mark.skipif(shutil.which("apertium") is None, reason="Apertium isn't installed")
NEEDS_MARIAN = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("transformers", "sentencepiece")),
    reason="transformers or sentencepiece isn't installed",
)


# sentences


def through(text, translate=lambda sentences: [f"<{sentence}>" for sentence in sentences]):
    return pieces.translated([text], translate)[0]


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("A house. By the sea!  Yes?", "<A house.> <By the sea!>  <Yes?>"),
        ("  one line \n\n another\n", "  <one line> \n\n <another>\n"),
        ("Mr. Smith of the U.S. Army came.", "<Mr. Smith of the U.S. Army came.>"),
        ("it cost approx. two pounds", "<it cost approx. two pounds>"),
        ("see http://x.com/a now", "<see> http://x.com/a <now>"),
        ("thanks @bob and a.b@c.de #great day", "<thanks> @bob <and> a.b@c.de #great <day>"),
        ("10/10 😀 !!", "10/10 😀 !!"),
        ("привет, 世界", "привет, 世界"),
        ("with a\ttab\x00bed", "<with a tab bed>"),
        ("", ""),
    ],
)
def test_sentences_are_cut_and_joined(text, new):
    assert through(text) == new


@given(text=st.text())
def test_where_nothing_is_translated_a_text_stays(text):
    assert through(text, lambda sentences: [None] * len(sentences)) == text


@given(
    text=st.text() | st.lists(st.sampled_from(["ab", ".", " ", "\n", "\x00", "@", "#c", "A", "\ud800"])).map("".join)
)
def test_a_translator_sees_single_lines_of_plain_text(text):
    def check(sentences):
        for sentence in sentences:
            assert sentence == " ".join(sentence.split())
            assert sentence.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in sentence)
            sentence.encode()
        return [None] * len(sentences)

    through(text, check)


def test_long_texts_and_long_sentences_stay():
    for text in ("Big house. " * 5000, "big house " * 1000):
        assert through(text, lambda sentences: ["?"] * len(sentences)) == text


def test_texts_of_blanks_and_without_blanks_are_cut_in_time_in_proportion():
    for text in (" " * 20_000, "x" * 20_000, "\n" * 20_000, ". " * 10_000, "@" * 20_000, " \n" * 10_000):
        assert pieces.translated([text] * 20, lambda sentences: [None] * len(sentences)) == [text] * 20


def test_equal_sentences_are_translated_once():
    seen = []
    pieces.translated(["Yes. No.", "No. Yes."], lambda sentences: seen.extend(sentences) or sentences)
    assert seen == ["Yes.", "No."]


@pytest.mark.parametrize(
    ("translation", "source", "bare"),
    [
        ("a *paŝrada  @thing #of", "a thing", "a paŝrada thing of"),
        ("a *fine* #thing", "a *fine* thing", "a *fine* thing"),
        ("3 * 4 # 5", "3 by 4", "3 * 4 # 5"),
    ],
)
def test_marks_of_unknown_words_go_unless_the_source_has_them(translation, source, bare):
    assert pieces.without_marks(translation, source) == bare


# Apertium


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a script in Apertium's place."""

    def install(body):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "apertium").write_text(f"#!/bin/sh\n{body}\n")
        (folder / "apertium").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return tmp_path

    return install


def test_one_process_each_way_translates_all(program):
    folder = program('echo "$2" >> "$(dirname "$0")/calls"; cat')
    assert Apertium("eng-spa").round_trip([f"sentence {i}" for i in range(1000)]) == [
        f"sentence {i}" for i in range(1000)
    ]
    assert (folder / "bin" / "calls").read_text().split() == ["eng-spa", "spa-eng"]


def test_a_sentence_that_brings_the_program_down_stays_alone(program):
    program('sed "/boom/Q; s/one/two/"')
    texts = ["one", "one b", "a boom one", "one c", "boom"]
    assert Apertium("eng-spa").round_trip(texts) == ["two", "two b", "a boom one", "two c", "boom"]


def test_a_program_that_translates_nothing_is_said_to(program):
    program("cat > /dev/null")
    with pytest.raises(InputError, match="apertium translates nothing by eng-spa: install it anew"):
        Apertium("eng-spa").round_trip(["A house.", "A cat."])


def runs_in(process, group):
    """Whether a process of this group still runs; one that was killed may wait to be taken note of."""
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def test_a_program_that_hangs_is_ended_with_all_its_children(program, monkeypatch):
    folder = program('echo $$ > "$(dirname "$0")/pid"; sleep 1000 | sleep 1000')
    monkeypatch.setattr(apertium, "SECONDS", 0.5)
    with pytest.raises(InputError, match="took more than 1 s for 1 sentences") as error:
        Apertium("eng-spa").round_trip(["A house."])
    assert "\n" not in str(error.value)
    group = int((folder / "bin" / "pid").read_text())
    left = [process for process in psutil.process_iter() if runs_in(process, group)]
    psutil.wait_procs(left, timeout=10)  # a signal takes a moment to end what it is sent to
    assert [process for process in left if runs_in(process, group)] == []


def test_a_missing_program_is_said_to_be_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed_pairs() == []
    with pytest.raises(InputError, match="apt-get install apertium apertium-eng-spa"):
        Apertium("eng-spa").round_trip(["A house."])


def test_pairs_are_those_with_both_ways(program):
    program('echo "  eng-spa\n  spa-eng\n  eng-cat\n  eo-en\n  en-eo-x"')
    assert installed_pairs() == ["eng-spa"]


@NEEDS_APERTIUM
@pytest.mark.parametrize("pair", PAIRS)
def test_sentences_come_back_in_their_places(pair):
    if pair not in installed_pairs():
        pytest.skip(f"Apertium's pair {pair} isn't installed")
    strange = [
        "",
        "in spite\nof",
        "^a/b$ <n> {x} [y]",
        "\\n 😀👩‍👩‍👧",
        "𝒜 \u202e\ufeff",
        "as well\x00as",
        "[[t:b:x]]",
        "*@#",
        "привет",
    ]
    texts = [f"The big house {i + 100_000} {strange[i % len(strange)]}" for i in range(300)]
    back = Apertium(pair).round_trip(texts)
    for i, text in enumerate(back):
        assert str(i + 100_000) in text.replace(",", "").replace(".", "")
    assert sum(old != new for old, new in zip(texts, back, strict=True)) > 100


@NEEDS_APERTIUM
def test_a_paraphrase_says_the_same_in_other_words():
    if "eng-spa" not in installed_pairs():
        pytest.skip("Apertium's pair eng-spa isn't installed")
    text = "She bought a large house near the sea last year. It was cheap!\nThanks @bob, see http://x.com"
    (back,) = Apertium("eng-spa").round_trip([text])
    assert back != text
    assert back.count("\n") == 1
    assert {"house", "sea", "@bob,", "http://x.com"} <= set(back.split())
    assert not {"*", "¿", "¡"} & set(back)


# Marian


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A Marian model of random weights that knows 40 pieces of words."""
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel

    folder = tmp_path_factory.mktemp("marian")
    (folder / "lines").write_text("a big house by the sea\nthe cat sat on the mat\ndogs run fast in parks\n" * 20)
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "lines"),
        model_prefix=str(folder / "source"),
        vocab_size=40,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.model"))
    shutil.copy(folder / "source.model", folder / "source.spm")
    shutil.copy(folder / "source.model", folder / "target.spm")
    known = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    names = ["</s>", "<unk>", *(piece for piece in known if piece[0] != "<"), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({name: place for place, name in enumerate(names)}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"source_lang": "en", "target_lang": "xx"}))
    torch.manual_seed(0)
    MarianMTModel(
        MarianConfig(
            vocab_size=len(names),
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            pad_token_id=len(names) - 1,
            decoder_start_token_id=len(names) - 1,
            eos_token_id=0,
        )
    ).save_pretrained(folder)
    return str(folder)


@NEEDS_MARIAN
def test_marian_translates_in_company_as_alone(tiny_model):
    engine = Marian(tiny_model, tiny_model)
    texts = ["the cat sat", "", "dogs run fast in parks", "😀", "a big house\nthe sea https://x.y", "cat " * 40]
    together = engine.round_trip(texts)
    assert together[0] != texts[0]
    assert (together[1], together[3]) == ("", "😀")
    assert together[4].count("\n") == 1
    assert together[4].endswith(" https://x.y")
    assert together == [engine.round_trip([text])[0] for text in texts]


@NEEDS_MARIAN
def test_a_folder_without_a_model_is_said_to_be_none(tmp_path):
    with pytest.raises(InputError, match="no whole Marian model"):
        Marian(str(tmp_path), str(tmp_path)).round_trip(["a house"])


def test_marian_without_its_packages_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'goodfit\[marian\]'"):
        Marian("a", "b").round_trip(["a house"])


def test_engines_are_those_installed_apertium_first(program):
    program('echo "  eng-spa\n  spa-eng"')
    assert engines()[0] == Apertium("eng-spa")
    assert all(isinstance(engine, Marian) for engine in engines()[1:])
