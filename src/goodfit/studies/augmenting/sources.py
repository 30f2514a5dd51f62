"""Which examples are shown: few of many, drawn at random, with names for the files that are made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

import numpy as np
import polars as pl

from goodfit.data.collecting import CALLED, SUFFIXES, Medium, collect_files, collect_texts
from goodfit.data.folders import Listing, list_files
from goodfit.data.media import texts_of
from goodfit.data.sources import Origin, read_table
from goodfit.errors import InputError
from goodfit.regularizers.form import Form
from goodfit.rng import derive

SOURCES = 8
"""Examples that variants are made of, at most."""
LONGEST_STEM = 100
"""Bytes of a file's name that the names of its variants keep."""
RESERVED = frozenset('\\/:*?"<>|')
_DRAW = 0  # stream of random numbers


@dataclass(frozen=True)
class Files:
    """Files drawn from those of a source.

    Args:
        paths: of the files drawn.
        names: what to call them: their paths within the source.
        stems: what the names of their variants begin with, all different.
        total: how many files there are to draw from.
        notes: what a user should know of them, a sentence each.
    """

    paths: tuple[Path, ...]
    names: tuple[str, ...]
    stems: tuple[str, ...]
    total: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Texts:
    """Texts drawn from those of a source.

    Args:
        texts: those drawn, none of them empty.
        rows: a number each, to draw random numbers by: the row of a table, or the file's place in order.
        names: what to call each: the number of its row, from 1, or its file.
        total: how many texts there are to draw from.
        notes: what a user should know of them, a sentence each.
    """

    texts: tuple[str, ...]
    rows: tuple[int, ...]
    names: tuple[str, ...]
    total: int
    notes: tuple[str, ...] = ()


def draw_files(source: Path, kind: Medium, seed: int) -> Files:
    """Draw files of a kind from a folder and those in it, or take a file as it is.

    Raises:
        InputError: the folder can't be read or holds none.
    """
    listing = list_files(source, SUFFIXES[kind], what=CALLED[kind]) if source.is_dir() else Listing((source,))
    drawn = sorted(_order(len(listing.paths), seed)[:SOURCES])
    paths = tuple(listing.paths[place] for place in drawn)
    names = tuple(_called(path, source) for path in paths)
    return Files(paths, names, stems(names), len(listing.paths), listing.notes)


def draw_texts(source: Origin, column: str | None, seed: int) -> Texts:
    """Draw texts from a column of a table or a query, or from a folder of .txt files; or take such a file's as it is.

    Args:
        source: the table, query, folder or file; a .txt file counts as a table where a column is named.
        column: of the table; None for its only column of text.
        seed: of the draw.

    Raises:
        InputError: the source can't be read, has no such column, several of text, or no text but empty ones.
    """
    if isinstance(source, Path) and (source.is_dir() or (source.suffix.lower() == ".txt" and column is None)):
        if column is not None:
            raise InputError(f"{source} is a folder of texts: leave --column away")
        return _from_files(source, seed)
    frame = read_table(source)
    found = collect_texts(frame, column or _only_text(frame, source.name))
    texts = texts_of(found.table.columns[0])
    order = [row for row in _order(len(texts), seed) if texts[row].strip()]
    rows = sorted(order[:SOURCES])
    if not rows:
        raise InputError(f"{source.name} has no text but empty ones: name another column with --column")
    return Texts(
        tuple(texts[row] for row in rows),
        tuple(rows),
        tuple(str(row + 1) for row in rows),
        len(order),
        found.notes,
    )


def stems(names: Sequence[str]) -> tuple[str, ...]:
    """What the names of files begin with that are made of others: all different, letters' case aside.

    Example:
        >>> stems(["cat/1.png", "dog/1.png", "dog/2.PNG"])
        ('cat-1', 'dog-1', '2')
    """
    bare = [plain_name(Path(name).stem) for name in names]
    common = Counter(stem.lower() for stem in bare)
    found: list[str] = []
    for name, stem in zip(names, bare, strict=True):
        path = Path(name)
        parts = (path.with_suffix("") if path.name else path).parts
        own = wished = stem if common[stem.lower()] == 1 else plain_name("-".join(parts))
        number = 1
        while own.lower() in {other.lower() for other in found}:
            number += 1
            own = f"{wished}_{number}"
        found.append(own)
    return tuple(found)


def plain_name(name: str) -> str:
    """A name that any system takes for a file's, at most `LONGEST_STEM` bytes.

    Example:
        >>> plain_name("a b?"), plain_name("naïve"), plain_name(".")
        ('a_b_', 'naïve', '_')
    """
    kept = "".join("_" if character in RESERVED or category(character)[0] in "CZ" else character for character in name)
    return kept.encode()[:LONGEST_STEM].decode("utf-8", "ignore").strip(".") or "_"


def _called(path: Path, source: Path) -> str:
    """A file's path within its folder, as text that can be written anywhere."""
    name = path.name if path == source else path.relative_to(source).as_posix()
    return name.encode("utf-8", "replace").decode()


def _order(count: int, seed: int) -> list[int]:
    return [int(place) for place in np.random.default_rng(derive(seed, _DRAW)).permutation(count)]


def _from_files(source: Path, seed: int) -> Texts:
    listing = list_files(source, SUFFIXES["text"], what=CALLED["text"]) if source.is_dir() else Listing((source,))
    found: dict[int, str] = {}
    notes: list[str] = [*listing.notes]
    for place in _order(len(listing.paths), seed):
        read_in = collect_files([listing.paths[place]], "text", form=Form("text"))
        text = texts_of(read_in.table.columns[0])[0]
        if text.strip():
            found[place] = text
            notes += read_in.notes
        if len(found) == SOURCES:
            break
    if not found:
        raise InputError(f"{source} has no text but empty ones: name another file or folder")
    rows = sorted(found)
    paths = [listing.paths[row] for row in rows]
    names = tuple(_called(path, source) for path in paths)
    return Texts(tuple(found[row] for row in rows), tuple(rows), names, len(listing.paths), tuple(notes))


def _only_text(frame: pl.DataFrame, name: str) -> str:
    texts = [column for column, dtype in frame.schema.items() if dtype == pl.String]
    if len(texts) == 1:
        return texts[0]
    raise InputError(f"{name} has {len(texts)} columns of text: name the one to augment with --column")
