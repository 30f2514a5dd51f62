"""Folders of files and tables of paths or texts -> a table of pictures, sounds or texts, with what lies beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import polars as pl

from goodfit.data import images, sounds
from goodfit.data.folders import Listing, list_classes, list_files
from goodfit.data.media import picture_table, sound_table, text_table
from goodfit.data.table import Table, listed
from goodfit.errors import InputError, nearest
from goodfit.files import refuse_special
from goodfit.regularizers.form import Form

Medium = Literal["image", "sound", "text"]
SUFFIXES: dict[Medium, tuple[str, ...]] = {
    "image": images.SUFFIXES,
    "sound": sounds.SUFFIXES,
    "text": (".txt",),
}
CALLED: dict[Medium, str] = {"image": "pictures", "sound": "sounds", "text": "texts"}
MOST_CHARACTERS = 10_000_000
"""A longer text is cut here."""


@dataclass(frozen=True, eq=False)
class Collection:
    """Pictures, sounds or texts.

    Args:
        table: one column, n rows.
        labels: `(n,)` the class that each row's folder names; empty where there are none.
        names: `(n,)` of their files: new ones from the folder or the table that they come from; empty where there are
            none.
        notes: what a user should know of them, a line each.
    """

    table: Table
    labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def collect_folder(folder: Path, kind: Medium, *, form: Form | None = None) -> Collection:
    """Read a folder: of a folder a class, or where a form is given, of new files without classes.

    Args:
        folder: where the files lie.
        kind: what they are.
        form: of the rows that a network was trained on, to bring new ones to; None for rows to train on.

    Raises:
        InputError: the folder or a file can't be read, or there are fewer than two classes.
    """
    find = list_classes if form is None else list_files
    listing = find(folder, SUFFIXES[kind], what=CALLED[kind])
    found = _read(listing, kind, form)
    return found if form is None else replace(found, names=tuple(_name(p.relative_to(folder)) for p in listing.paths))


def collect_files(paths: Sequence[Path], kind: Medium, *, form: Form) -> Collection:
    """Read new files, without classes, as rows of the form that a network was trained on."""
    return _read(Listing(tuple(paths)), kind, form)


def collect_paths(frame: pl.DataFrame, column: str, beside: Path, kind: Medium, form: Form | None = None) -> Collection:
    """Read the files that a column of a table names, by paths from the table's own folder.

    Args:
        frame: the table.
        column: whose values are paths.
        beside: the table's folder.
        kind: what the files are.
        form: as for `collect_folder`.

    Raises:
        InputError: no such column, a path is missing, or a file can't be read.
    """
    paths = texts_in(frame, column)
    empty = next((row for row, path in enumerate(paths) if not path), None)
    if empty is not None:
        raise InputError(f"column {column!r} has no path in row {empty + 1}: give one in each row")
    found = _read(Listing(tuple(beside / path for path in paths)), kind, form)
    return replace(found, table=found.table.renamed([column]), names=tuple(paths))


def collect_texts(frame: pl.DataFrame, column: str, *, reader: str = "") -> Collection:
    """The texts of a table's column; a missing one counts as the empty text. `reader` is their sentence encoder."""
    texts = texts_in(frame, column)
    empty = sum(not text.strip() for text in texts)
    notes = [f"{empty} of {len(texts)} texts are empty"] if empty else []
    table = text_table([text[:MOST_CHARACTERS] for text in texts], column, reader=reader)
    return Collection(table, notes=(*notes, *_long(texts)))


def texts_in(frame: pl.DataFrame, column: str) -> list[str]:
    """A column's values as texts, the empty one where missing.

    Raises:
        InputError: the table has no such column, or its values are no texts.
    """
    if column not in frame.columns:
        near = nearest(column, frame.columns)
        hint = f"did you mean {near!r}?" if near else f"its columns are {listed(frame.columns)}"
        raise InputError(f"the table has no column {column!r}: {hint}")
    if (dtype := frame.schema[column]).is_nested() or dtype in (pl.Binary, pl.Object):
        raise InputError(f"column {column!r} holds values of type {dtype}: give texts, one to a cell")
    return [str(value) for value in frame[column].cast(pl.String).fill_null("").to_list()]


def groups_of(names: Sequence[str], pattern: str) -> list[str]:
    """What a pattern finds in each file's name: its first group, or all that it matches.

    Raises:
        InputError: it is no pattern, or a name has nothing that it matches.

    Example:
        >>> groups_of(["anna_1.wav", "ben_7.wav"], "^[a-z]+")
        ['anna', 'ben']
    """
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"--group {pattern!r} is no regular expression ({error}): write one such as '^[a-z]+'"
        ) from None
    found = [wanted.search(name) for name in names]
    for name, match in zip(names, found, strict=True):
        if match is None:
            raise InputError(
                f"--group {pattern!r} matches nothing in the name {name!r}: write one that fits every file"
            )
    return [match.group(1 if wanted.groups else 0) or "" for match in found if match]


def guess_medium(folder: Path) -> Medium:
    """What most files of a folder are, by their suffixes.

    Raises:
        InputError: none is of a known kind.
    """
    found = [path.suffix.lower() for path in folder.rglob("*") if not path.name.startswith(".")]
    counts = {kind: sum(suffix in own for suffix in found) for kind, own in SUFFIXES.items()}
    best = max(counts, key=lambda kind: counts[kind])
    if not counts[best]:
        known = ", ".join(suffix for own in SUFFIXES.values() for suffix in own)
        raise InputError(f"{folder} holds no file of a known kind ({known}): name another folder, or a table")
    return best


def _read(listing: Listing, kind: Medium, form: Form | None) -> Collection:
    table, notes = _table(listing.paths, kind, form)
    names = tuple(_name(Path(path.name)) for path in listing.paths)
    return Collection(table, listing.labels, names, (*listing.notes, *notes))


def _table(paths: Sequence[Path], kind: Medium, form: Form | None) -> tuple[Table, tuple[str, ...]]:
    if kind == "image":
        shape = None if form is None else (form.shape[0], form.shape[1], form.shape[2])
        pictures = images.read_images(paths, shape=shape)
        return picture_table(pictures.values), pictures.notes
    if kind == "sound":
        clips = sounds.read_sounds(paths, frames=None if form is None else form.shape[2])
        return sound_table(clips.values), clips.notes
    texts = [_text(path) for path in paths]
    return text_table([text[:MOST_CHARACTERS] for text in texts]), tuple(_long(texts))


def _name(path: Path) -> str:
    """A path as text that can be written anywhere: bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _text(path: Path) -> str:
    refuse_special(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None


def _long(texts: Sequence[str]) -> list[str]:
    long = sum(len(text) > MOST_CHARACTERS for text in texts)
    return [f"{long} of {len(texts)} texts were cut to {MOST_CHARACTERS:,} characters"] if long else []
