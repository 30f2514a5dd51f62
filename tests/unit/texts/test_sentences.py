"""A frozen sentence encoder: means of its tokens, whatever stands beside a text; trained on and saved like any rows."""

from pathlib import Path

import numpy as np
import pytest

import goodfit
from goodfit.data.media import text_table
from goodfit.errors import InputError
from goodfit.texts.sentences import embed, width_of

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "plot", "a", "the", "very", "##s"]
pytest.importorskip("transformers", reason="transformers is an extra: pip install 'goodfit[sentences]'")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of a few numbers with random weights, and its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(shape).save_pretrained(folder)
    return str(folder)


def test_a_text_is_embedded_alike_alone_and_in_company(encoder: str) -> None:
    texts = ["good film", "a very bad plot", "", "good " * 2000, "unheard of 🎬"]
    together = embed(texts, encoder)
    assert together.shape == (5, width_of(encoder)) == (5, 16)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(embed([text], encoder)[0], vector, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 4.0, rtol=1e-5)


def test_vectors_are_means_of_the_last_hidden_states(encoder: str) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(encoder)(["a very good film"], return_tensors="pt")
    with torch.inference_mode():
        mean = AutoModel.from_pretrained(encoder).eval()(**tokens).last_hidden_state[0].mean(0)
    np.testing.assert_allclose(embed(["a very good film"], encoder)[0], 4 * (mean / mean.norm()).numpy(), atol=1e-5)


def test_a_network_learns_from_sentences_and_is_saved_with_the_name_of_their_encoder(
    encoder: str, tmp_path: Path
) -> None:
    texts = [
        f"{mood} {thing}{'s' * (i % 3)}" for i in range(20) for mood in ("good", "bad") for thing in ("film", "plot")
    ]
    labels = [text.startswith("good") for text in texts]
    table = text_table(texts, reader=encoder)
    model = goodfit.Classifier("word_swap=0.5", members=2, max_epochs=60, learning_rate=0.01).fit(table, labels)
    assert model.score(table, labels) > 0.9
    model.save(tmp_path / "model.safetensors")
    again = goodfit.load(tmp_path / "model.safetensors")
    new = text_table(["a good plot", "bad film"])
    np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))


def test_an_encoder_that_is_not_there_is_named_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^no sentence encoder ") as error:
        embed(["text"], str(tmp_path))
    assert "\n" not in str(error.value)
