"""Marian, translators by neural networks, through Hugging Face transformers."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from goodfit.errors import InputError
from goodfit.texts.pieces import translated, without_marks

LANGUAGES = ("de", "fr", "es", "it", "nl", "ru")
"""Those that `downloaded` looks for, the best translated first."""
MODEL = "Helsinki-NLP/opus-mt-{}-{}"
AT_ONCE = 32
BEAMS = 4
LONGEST = 512
"""Tokens of a sentence; the models know no more."""
START, MOST_GROWTH = 16, 3
"""A translation that is longer than so many tokens and so many times its source is rambling: it is cut off."""


@dataclass(frozen=True)
class Marian:
    """Two Marian models, there and back: smoother paraphrases than those by rules, and far slower.

    Args:
        there: a model from English, by its folder or its name on Hugging Face; what was downloaded once is read from
            the disk.
        back: a model to English.

    Raises:
        InputError: when it is used: transformers or sentencepiece is missing, or a model is neither here nor to be had.

    Source:
        Junczys-Dowmunt and others, "Marian: fast neural machine translation in C++", ACL 2018; Tiedemann and
        Thottingal, "OPUS-MT: building open translation services for the world", EAMT 2020.
    """

    there: str
    back: str

    @property
    def name(self) -> str:
        """What its paraphrases are kept under."""
        return f"marian {self.there} {self.back}"

    def round_trip(self, texts: Sequence[str]) -> list[str]:
        """Each text to the other language and back."""
        return translated(texts, self._there_and_back)

    def _there_and_back(self, sentences: list[str]) -> list[str | None]:
        returns = _through(self.back, _through(self.there, sentences))
        return [without_marks(end, start) or None for start, end in zip(sentences, returns, strict=True)]


def downloaded() -> list[Marian]:
    """The pairs of models from English and back that are on this machine."""
    if not _is_installed():
        return []
    find: Any = importlib.import_module("huggingface_hub").try_to_load_from_cache
    pairs = [(MODEL.format("en", language), MODEL.format(language, "en")) for language in LANGUAGES]
    return [Marian(*pair) for pair in pairs if all(isinstance(find(model, "source.spm"), str) for model in pair)]


def _through(name: str, sentences: list[str]) -> list[str]:
    """Each sentence translated by a model, those of like length together."""
    tokenizer, model = _loaded(name)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).eval()
    order = sorted(range(len(sentences)), key=lambda place: len(sentences[place]))
    found = [""] * len(sentences)
    for start in range(0, len(order), AT_ONCE):
        places = order[start : start + AT_ONCE]
        batch = tokenizer(
            [sentences[place] for place in places],
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=LONGEST,
        ).to(device)
        with torch.inference_mode():
            length = min(LONGEST, START + MOST_GROWTH * batch["input_ids"].shape[1])
            made = model.generate(**batch, num_beams=BEAMS, do_sample=False, max_length=length)
        for place, text in zip(places, tokenizer.batch_decode(made, skip_special_tokens=True), strict=True):
            found[place] = text
    return found


def _loaded(name: str) -> tuple[Any, Any]:
    """Tokenizer and model: from the disk, else from Hugging Face."""
    if not _is_installed():
        raise InputError("Marian needs transformers and sentencepiece: pip install 'goodfit[marian]'")
    library: Any = importlib.import_module("transformers")
    bars: Any = importlib.import_module("transformers.utils.logging")
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        for local in (True, False):
            # the tokenizer fails by any of these where a file is missing
            with suppress(OSError, TypeError, ValueError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it recommends a package for tokens that these models don't need
                model = library.MarianMTModel.from_pretrained(name, local_files_only=local)
                return library.MarianTokenizer.from_pretrained(name, local_files_only=local), model
    finally:
        if shown:
            bars.enable_progress_bar()
    raise InputError(f"there is no whole Marian model {name!r}: give a folder, or a name on Hugging Face and a network")


def _is_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("transformers", "sentencepiece"))
