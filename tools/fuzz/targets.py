"""Readers as functions of bytes: they end with a result or with goodfit's own refusal in a line, or are at fault."""

from __future__ import annotations

import gzip
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import goodfit
from fuzz.headers import resealed
from goodfit import InputError
from goodfit.data.readers import read
from goodfit.data.table import to_table
from goodfit.errors import DoubtfulRecipe
from goodfit.regularizers import Recipe
from goodfit.regularizers.ranges import Space, has_ranges

LOGS = ("log.csv", "log.json", "log.jsonl", "events.out.tfevents.1", "history.parquet")
TABLES = ("rows.csv", "rows.tsv", "rows.jsonl", "rows.parquet", "rows.arrow", "rows.csv.gz")
Target = Callable[[bytes], None]


@contextmanager
def refused_in_a_line() -> Iterator[None]:
    """Let goodfit's own refusal pass, if it is one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DoubtfulRecipe)
            yield
    except InputError as error:
        if len(str(error).splitlines()) != 1 or len(str(error)) > 3000:
            raise AssertionError(f"no line: {str(error)[:3000]!r}") from error


def recipe(content: bytes) -> None:
    """A recipe's text, and that of a space of recipes: what is read is written and read again as the same."""
    text = content.decode("utf-8", "surrogateescape")
    with refused_in_a_line():
        found = Recipe.parse(text)
        if Recipe.parse(str(found)) != found:
            raise AssertionError(f"{text!r} comes back as {found}")
    with refused_in_a_line():
        has_ranges(text)
        space = Space.parse(text)
        if Space.parse(str(space)) != space:
            raise AssertionError(f"{text!r} comes back as {space}")


def log(content: bytes) -> None:
    """A training log of any format, by its first byte."""
    for path in written(content, LOGS):
        with refused_in_a_line():
            found = goodfit.diagnose_log(path)
            found.to_dict()


def table(content: bytes) -> None:
    """A table of any format, by its first byte."""
    for path in written(content, TABLES):
        with refused_in_a_line():
            to_table(read(path))


def model(content: bytes) -> None:
    """A model's file."""
    for path in written(b"\0" + content, ("model.safetensors",)):
        with refused_in_a_line():
            goodfit.load(path)


def header(content: bytes) -> None:
    """What a model's file says of it, changed as the bytes say and under a checksum that is right."""
    model(resealed(content))


TARGETS: dict[str, Target] = {"recipe": recipe, "log": log, "table": table, "model": model, "header": header}


def written(content: bytes, names: tuple[str, ...]) -> Iterator[Path]:
    """The content after its first byte in a file whose name the first byte chooses; none for no content."""
    if content:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, names[content[0] % len(names)])
            path.write_bytes(gzip.compress(content[1:], 1) if path.suffix == ".gz" else content[1:])
            yield path
