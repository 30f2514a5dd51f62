"""Texts -> vectors by a frozen sentence encoder: a transformer that somebody else trained."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from goodfit.errors import InputError

BATCH = 64


def embed(texts: Sequence[str], name: str) -> npt.NDArray[np.float32]:
    r"""Vectors `(n, D)` of texts: the mean of their tokens' last hidden states, brought to length $\sqrt D$.

    Args:
        texts: of any length; what is beyond the encoder's window is left out.
        name: a folder that holds a model and its tokenizer in the form of Hugging Face, an installed package that
            carries one in its folder `model`, or the name of a model that was downloaded before.

    Raises:
        InputError: transformers isn't installed, or there is no such model.

    Source: Reimers and Gurevych, Sentence-BERT, EMNLP 2019; mean pooling as in its all-MiniLM models.
    """
    tokenizer, model = _loaded(_place(name))
    width = int(model.config.hidden_size)
    window = min(int(tokenizer.model_max_length), int(model.config.max_position_embeddings))
    order = np.argsort([len(text) for text in texts], kind="stable")
    vectors = np.zeros((len(texts), width), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            own = order[start : start + BATCH]
            tokens = tokenizer(
                [texts[i] for i in own], padding=True, truncation=True, max_length=window, return_tensors="pt"
            )
            states = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"][..., None].to(states.dtype)
            means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
            vectors[own] = (torch.nn.functional.normalize(means, dim=1) * math.sqrt(width)).numpy()
    return vectors


def width_of(name: str) -> int:
    """D, the numbers of an encoder's vectors."""
    return int(_loaded(_place(name))[1].config.hidden_size)


def _place(name: str) -> str:
    """The folder of a model, or the name as it is."""
    try:
        if Path(name).is_dir():
            return name
    except (OSError, ValueError):  # too long for a name, or with signs that none has
        raise InputError(f"no sentence encoder {name[:40]!r} here: give the folder of a model") from None
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (Path(folder) / "model" / "config.json").is_file():
            return str(Path(folder) / "model")
    return name


@cache
def _loaded(place: str) -> tuple[Any, Any]:
    try:
        transformers = import_module("transformers")
    except ImportError:
        raise InputError("a sentence encoder needs transformers: pip install 'goodfit[sentences]'") from None
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, local_files_only=True)
        model = transformers.AutoModel.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"no sentence encoder {place!r} here ({reason}): give the folder of a model, or download it first"
        ) from None
    return tokenizer, model.eval()
