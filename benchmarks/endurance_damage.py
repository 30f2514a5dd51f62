"""Model files that were damaged or made to hurt: what each loads as, and what it allocates.

Flipped bits anywhere, truncations at every border of the format, headers of safetensors that lie, and JSON values of
the wrong kind under a checksum that was made anew.
"""

from __future__ import annotations

import json
import random
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goodfit.blend import Blend
from goodfit.data.media import picture_table, text_table
from goodfit.data.table import Table, to_table
from goodfit.decision import Decision
from goodfit.errors import InputError
from goodfit.model import Model
from goodfit.regularizers import Recipe
from goodfit.saving import model_bytes, read_model
from goodfit.sealed import sealed
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.problem import read_problem
from goodfit.training import Settings

WORDS = ("fine", "dull", "long")
FACTOR, ROOM = 64, 2_000_000
"""Times a file's bytes, and bytes beside, that loading may take at its highest: Python's small objects are large."""
BAD: list[Any] = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    -(2**70),
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\x00../../x",
    [],
    {},
]
BAD += [[[]], {"": None}, "9" * 1000, [0] * 3, "l2=nan", "|O", "<U99999999", "number", 10**400, "text"]


def models(seed: int = 0) -> dict[str, tuple[Model | Blend, Table]]:
    """Models of many kinds, small, each with rows that it predicts."""
    draw = np.random.default_rng(seed)
    rows, small = 60, Settings((3,), max_epochs=2)
    a, b = draw.normal(size=(2, rows))
    yes = np.where(a + b > 0, "yes", "no")
    columns = {
        "a": pl.Series(a).set(pl.Series(draw.random(rows) < 0.1), None),
        "b": b,
        "town": draw.choice(["Bath", "York", "Leeds"], rows),
        "since": np.datetime64("2020-01-01") + draw.integers(0, 1500, rows),
    }
    table, texts = to_table(pl.DataFrame(columns)), text_table([f"a {word} day" for word in draw.choice(WORDS, rows)])
    pictures = picture_table(draw.integers(0, 255, (rows, 4, 4, 1), dtype=np.uint8))
    asked: dict[str, tuple[str, Table, Any, Settings]] = {
        "two classes": ("l2=0.001", table, yes, small),
        "three classes": ("batch_norm", table, draw.integers(0, 3, rows), small),
        "numbers": ("dropout=0.1", table, a, replace(small, hidden=())),
        "texts": ("none", texts, yes, small),
        "pictures": ("none", pictures, yes, replace(small, channels=(2,))),
    }
    made: dict[str, tuple[Model | Blend, Table]] = {}
    for name, (recipe, X, y, settings) in asked.items():
        plan = Plan(members=2, pieces=0 if X is not table or name == "numbers" else 4, cut=name == "two classes")
        fitted = fit(read_problem(X, y, name="aim"), [Recipe.parse(recipe)], plan=plan, settings=settings)
        made[name] = model_of(fitted, fitted.best), X
    first = made["two classes"][0]
    assert isinstance(first, Model)
    made["a blend"] = Blend((first, first), (2, 1), 1.2, Decision(1, 0.3)), table
    return made


def parts_of(whole: bytes) -> tuple[dict[str, Any], bytes]:
    """A safetensors file's header, and its data."""
    end = 8 + int.from_bytes(whole[:8], "little")
    return json.loads(whole[8:end]), whole[end:]


def joined(header: bytes, data: bytes, length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def flips(whole: bytes, count: int, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """A bit, or up to eight."""
    for _ in range(count):
        changed = bytearray(whole)
        for _ in range(draw.choice((1, 1, 1, 2, 8))):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        yield "bits flipped", bytes(changed)


def truncations(whole: bytes, count: int, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """At the borders of the length, the header and each array, a byte before and after; and anywhere; or with more."""
    header, data = parts_of(whole)
    start = len(whole) - len(data)
    ends = [part for key, own in header.items() if key != "__metadata__" for part in own["data_offsets"]]
    borders = {0, 7, 8, 9, start, *(start + end for end in ends)}
    places = sorted({p + by for p in borders for by in (-1, 0, 1) if 0 <= p + by < len(whole)})
    for place in [*places, *(draw.randrange(len(whole)) for _ in range(max(0, count - len(places) - 2)))]:
        yield "cut off", whole[:place]
    yield "with more behind it", whole + b"\0"
    yield "with more behind it", whole + whole


def hostile_headers(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Headers of the safetensors format that lie."""
    header, data = parts_of(whole)
    name = "parameters" if "parameters" in header else "0.parameters"
    shape = header[name]["shape"]
    for length in (0, 1, 2**31, 2**63, 2**64 - 1, len(whole), len(whole) - 8):
        yield "a length that lies", joined(json.dumps(header).encode(), data, length)
    for bad in (
        [2**40, 2**40],
        [2**62, 4],
        [-1],
        [*shape[::-1]],
        [shape[0] * shape[1]],
        [0, 2**60],
        [1] * 1000,
        "x",
        1.5,
    ):
        yield "a shape that lies", joined(json.dumps(header | {name: header[name] | {"shape": bad}}).encode(), data)
    for bad in ([-4, 0], [2**63, 2**63 + 4], [0, 2**64], [4, 0], [0], [0, 0, 0], [0, 10**30], None, "0"):
        told = json.dumps(header | {name: header[name] | {"data_offsets": bad}}).encode()
        yield "offsets that lie", joined(told, data)
    for bad in ("I32", "U32", "F16", "BF16", "F64", "F8_E4M3", "BOOL", "C64", "X", "", 5):
        yield (
            "another kind of numbers",
            joined(json.dumps(header | {name: header[name] | {"dtype": bad}}).encode(), data),
        )
    deep = b'{"__metadata__":' * 50_000 + b"[" * 50_000
    for bad in (deep, b"[" * 100_000, b"{}", b"[]", b"null", b"NaN", b"\xff\xfe" * 50, b'{"a":1,"a":2}', b" " * 99):
        yield "JSON that isn't a header", joined(bad, data)
    text = json.dumps(header)
    yield "a key twice", joined(f'{{"{name}": {json.dumps(header[name])}, {text[1:]}'.encode(), data)
    yield "a key twice", joined(f'{{"__metadata__": {{"format": "2"}}, {text[1:]}'.encode(), data)
    for bad in ("../../etc/passwd", "C:\\x", "a\0b", "parameters/..", "x" * 100_000):
        renamed = {bad if key == name else key: own for key, own in header.items()}
        yield "names with parts of paths", joined(json.dumps(renamed).encode(), data)


def lies(whole: bytes, count: int, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """What the header says of the model, one value after the other replaced, under a checksum of its own."""
    header, _ = parts_of(whole)
    told = {key: text for key, text in header["__metadata__"].items() if key != "sha256"}
    arrays = _arrays(whole)
    for text in (
        "[" * 100_000,
        '{"a":' * 100_000,
        "NaN",
        "Infinity",
        "",
        "null",
        "[]",
        "{}",
        "1" * 10_000,
        '"\\ud800"',
    ):
        yield "JSON that isn't a model", sealed(arrays, told | {"model": text})
    for number in ("-1", "99999999999", "1e9", "٣", "", "0x2"):
        yield "a format that lies", sealed(arrays, told | {"format": number})
    for changed in (lambda v: v.astype(np.float64), lambda v: v[:-1], lambda v: v.reshape(-1), lambda v: v[:0]):
        yield "arrays that don't fit", sealed({key: changed(values) for key, values in arrays.items()}, told)
    yield "arrays that don't fit", sealed({}, told)
    model = json.loads(told["model"])
    paths = list(_paths(model))
    for _ in range(count):
        path, way = draw.choice(paths), draw.choice(("replaced", "replaced", "replaced", "removed", "longer"))
        text = json.dumps(_changed(model, path, way, draw.choice(BAD)))
        yield f"a value {way}", sealed(arrays, told | {"model": text})


def _arrays(whole: bytes) -> dict[str, np.ndarray[Any, Any]]:
    header, data = parts_of(whole)
    return {
        key: np.frombuffer(data[slice(*own["data_offsets"])], np.float32).reshape(own["shape"])
        for key, own in header.items()
        if key != "__metadata__"
    }


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _paths(item, (*at, key))


def _changed(value: Any, path: tuple[Any, ...], way: str, bad: Any) -> Any:
    """A copy with the value at a path replaced, removed, or made longer."""
    if not path:
        return bad if way == "replaced" else [value, value]
    copy = json.loads(json.dumps(value))
    at = copy
    for key in path[:-1]:
        at = at[key]
    if way == "removed":
        del at[path[-1]]
    elif way == "longer" and isinstance(at[path[-1]], list):
        at[path[-1]] = [*at[path[-1]], *at[path[-1]][:1], bad]
    else:
        at[path[-1]] = bad
    return copy


def damaged(whole: bytes, count: int, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    """So many damaged files, about; those of the format's own are all there."""
    yield from hostile_headers(whole)
    yield from truncations(whole, count // 6, draw)
    yield from flips(whole, count // 3, draw)
    yield from lies(whole, count // 3, draw)


def judge(file: Path, content: bytes, whole: bytes, rows: Table) -> str:
    """What came of a file: "refused", "the same" model, "another" that its checksum is true of, or what went wrong."""
    file.write_bytes(content)
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = read_model(file)
            most = tracemalloc.get_traced_memory()[1]
            found = "the same" if model_bytes(model) == whole else "another"
            if found == "another":
                _predicted(model, rows)
    except InputError as error:
        most = tracemalloc.get_traced_memory()[1]
        lines, named = len(str(error).splitlines()), str(file) in str(error)
        found = "refused" if lines == 1 and named else f"WRONG: refused by {str(error)[:200]!r}"
    except Exception as error:
        most = 0
        found = f"WRONG: {type(error).__name__}: {str(error)[:200]}"
    finally:
        tracemalloc.stop()
    allowed = FACTOR * len(content) + ROOM
    return found if most <= allowed else f"WRONG: took {most:,} bytes of memory for a file of {len(content):,}"


def _predicted(model: Model | Blend, rows: Table) -> None:
    """Predict, or be told in a line that these rows aren't the model's."""
    try:
        model.predict(rows)
    except InputError as error:
        if len(str(error).splitlines()) != 1:
            raise AssertionError(f"refused in more than a line: {error}") from None


def tally(work: Path, count: int, seed: int = 0) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Judge so many files, over all kinds of models: how often each damage came to what, and what was wrong."""
    draw, found, wrong = random.Random(seed), Counter[tuple[str, str]](), list[str]()
    every = models()
    for name, (model, rows) in every.items():
        whole = model_bytes(model)
        for kind, content in damaged(whole, count // len(every), draw):
            outcome = judge(work / "model.safetensors", content, whole, rows)
            found[kind, outcome.partition(":")[0]] += 1
            if outcome.startswith("WRONG") or (outcome == "another" and kind in {"bits flipped", "cut off"}):
                wrong.append(f"{name}, {kind}: {outcome}")
    return found, wrong
