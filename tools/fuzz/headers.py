"""A whole model whose header bytes change: its checksum is made right again, as an attacker would."""

from __future__ import annotations

import json
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import goodfit
from goodfit.sealed import read_sealed, sealed

VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "<U1000000000",
    "none",
    "O",
    "\ud800",
    "[red]\x1b[2J",
    [],
    [[]],
    [1, 2, 3],
    [10**9] * 4,
    {},
    {"x": 1},
)


@cache
def whole() -> bytes:
    """A small trained model's file."""
    random = np.random.default_rng(0)
    X = [[number, word] for number, word in zip(random.normal(size=60).tolist(), "abc" * 20, strict=True)]
    y = ["yes" if row[0] > 0 else "no" for row in X]
    trained = goodfit.Classifier("l2=0.01, batch_norm=1", hidden=(4,), max_epochs=2, members=2).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        trained.save(path)
        return path.read_bytes()


def resealed(content: bytes) -> bytes:
    """The model with its header changed at as many places as there are triples of bytes: where, what, and how."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        path.write_bytes(whole())
        told, arrays = read_sealed(path)
    said = json.loads(told["model"])
    for start in range(0, min(len(content), 12) - 2, 3):
        _change(said, *content[start : start + 3])
    return sealed(arrays, told | {"model": json.dumps(said)})


def _change(said: Any, where: int, what: int, how: int) -> None:
    """Walk down by the bits of `where`, and put one of `VALUES` there, take the place out, or double it."""
    holder, key, step = said, next(iter(said)), where
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = keys[step % len(keys)]
        step = step * 31 // 7 + how
        if not isinstance(holder[key], dict | list) or step % 5 == 0:
            break
        holder = holder[key]
    if how % 4 == 0:
        del holder[key]
    elif how % 4 == 1 and isinstance(holder[key], list):
        holder[key] = deepcopy(holder[key] * 2)
    else:
        holder[key] = deepcopy(VALUES[what % len(VALUES)])
