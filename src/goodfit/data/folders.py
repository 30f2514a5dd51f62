"""Folders of files -> their paths and classes: a folder a class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from goodfit.data.table import counted, listed
from goodfit.errors import InputError


@dataclass(frozen=True)
class Listing:
    """Files of one kind, in an order that their names decide.

    Args:
        paths: the files.
        labels: a class a file; empty where files have none.
        notes: what was left out, a sentence each.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def list_classes(folder: Path, suffixes: tuple[str, ...], *, what: str) -> Listing:
    """List the files of a folder that holds a folder a class, named as the class.

    Args:
        folder: its folders are the classes; files lie in them or in folders further down.
        suffixes: the kinds of files to list, such as `(".png", ".jpg")`; large letters and small ones are alike.
        what: what such files are, in the plural, for messages: "pictures".

    Returns:
        Two classes or more, sorted. Hidden files, files of other kinds, links out of the folder and classes without a
        file are left out.

    Raises:
        InputError: the folder isn't there, isn't a folder, can't be read, or holds fewer than two classes.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("dog/1.PNG", "cat/b.png", "cat/a.png", "cat/a.txt"):
        ...         Path(folder, name).parent.mkdir(exist_ok=True)
        ...         Path(folder, name).touch()
        ...     listing = list_classes(Path(folder), (".png",), what="pictures")
        >>> [path.name for path in listing.paths], listing.labels
        (['a.png', 'b.png', '1.PNG'], ('cat', 'cat', 'dog'))
        >>> listing.notes
        ('1 file of another kind was left out (.txt)',)
    """
    walk = _Walk.of(folder, suffixes)
    folders, loose = walk.entries(folder)
    if not folders:
        raise InputError(
            f"{folder} has {what} but no folders: put the {what} of each class into a folder of its own"
            if loose
            else f"{folder} has no folders{walk.but}: make one for each class, named after it, and put its {what} there"
        )
    entered = {inner for inner in folders if walk.enters(inner)}
    classes = {_class_name(inner): list(walk.files(inner)) if inner in entered else [] for inner in folders}
    full = {name: paths for name, paths in classes.items() if paths}
    if not full:
        raise InputError(f"the folders of {folder} hold no {what} ({', '.join(suffixes)}){walk.but}: put {what} there")
    if len(full) == 1:
        raise InputError(
            f"{folder} has {what} of one class only, {next(iter(full))!r}: add a folder for each other class"
        )
    notes = walk.notes()
    if loose:
        notes += (f"{counted(len(loose), 'file')} outside the classes' folders {_was(len(loose))} left out",)
    if empty := [name for name in classes if name not in full]:
        notes += (f"{counted(len(empty), 'folder')} without own {what} {_was(len(empty))} left out: {listed(empty)}",)
    paths = tuple(path for paths in full.values() for path in paths)
    return Listing(paths, tuple(name for name, paths in full.items() for _ in paths), notes)


def list_files(folder: Path, suffixes: tuple[str, ...], *, what: str) -> Listing:
    """List the files of a folder and of those in it, without classes.

    Args:
        folder: where they lie.
        suffixes: as for `list_classes`.
        what: as for `list_classes`.

    Returns:
        One file or more, sorted. Hidden files, files of other kinds and links out of the folder are left out.

    Raises:
        InputError: the folder isn't there, isn't a folder, can't be read, or holds no such file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("b.png", "a.png"):
        ...         Path(folder, name).touch()
        ...     [path.name for path in list_files(Path(folder), (".png",), what="pictures").paths]
        ['a.png', 'b.png']
    """
    walk = _Walk.of(folder, suffixes)
    paths = tuple(walk.files(folder))
    if not paths:
        raise InputError(
            f"{folder} holds no {what} ({', '.join(suffixes)}){walk.but}: put {what} there, or name another folder"
        )
    return Listing(paths, (), walk.notes())


@dataclass
class _Walk:
    """A walk through folders, each entered once, so that links in a circle end; it counts what it passes.

    Links that lead out of the folder aren't followed: who fills a folder, such as from an archive, decides what lies in
    it and not what else is read.
    """

    suffixes: tuple[str, ...]
    seen: set[tuple[int, int]]
    root: Path
    hidden: int = 0
    outside: int = 0
    others: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, folder: Path, suffixes: tuple[str, ...]) -> _Walk:
        try:
            if not folder.exists():
                raise InputError(f"there is no folder {folder}: check the name and where it lies")
            if not folder.is_dir():
                raise InputError(f"{folder} is a file: name the folder that holds it")
        except OSError as error:
            raise InputError(f"the folder {folder} can't be read: {error.strerror}") from None
        return cls(suffixes, {_identity(folder)}, Path(os.path.realpath(folder)))

    @property
    def but(self) -> str:
        """What a message of too little adds."""
        return f" but {counted(self.outside, 'link')} out of it" if self.outside else ""

    def files(self, folder: Path) -> Iterator[Path]:
        """The files of a folder, then those of the folders in it."""
        ahead = [folder]
        while ahead:
            folders, files = self.entries(ahead.pop())
            yield from files
            ahead += [inner for inner in folders if self.enters(inner)][::-1]

    def enters(self, folder: Path) -> bool:
        """Whether a folder wasn't entered before; from now on it was."""
        identity = _identity(folder)
        new = identity not in self.seen
        self.seen.add(identity)
        return new

    def entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """The folders of a folder and its files of the kinds asked for, both sorted."""
        folders, files = [], []
        for entry in _scanned(folder):
            if entry.name.startswith("."):
                self.hidden += 1
            elif entry.is_symlink() and self.leads_out(entry):
                self.outside += 1
            elif _is_folder(entry):
                folders.append(folder / entry.name)
            elif entry.name.lower().endswith(self.suffixes) and entry.is_file():
                files.append(folder / entry.name)
            else:
                self.others[Path(entry.name).suffix.lower() or "no suffix"] += 1
        return folders, files

    def leads_out(self, link: os.DirEntry[str]) -> bool:
        """Whether a link ends outside the folder."""
        return not Path(os.path.realpath(link.path)).is_relative_to(self.root)

    def notes(self) -> tuple[str, ...]:
        """What was passed, a sentence each."""
        notes = []
        if self.hidden:
            notes.append(f"{counted(self.hidden, 'hidden file')} {_was(self.hidden)} left out")
        if self.outside:
            notes.append(
                f"{counted(self.outside, 'link')} out of the folder {_was(self.outside)} left out: "
                "copy the files into it, or name them in a table"
            )
        if count := self.others.total():
            kinds = "another kind" if count == 1 else "other kinds"
            shown = [*sorted(self.others)[:5], *(["..."] if len(self.others) > 5 else [])]
            notes.append(f"{counted(count, 'file')} of {kinds} {_was(count)} left out ({', '.join(shown)})")
        return tuple(notes)


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        raise InputError(f"no permission to read the folder {folder}: ask for it, or copy the folder") from None
    except OSError as error:
        raise InputError(f"the folder {folder} can't be read: {error.strerror}") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _class_name(folder: Path) -> str:
    try:
        folder.name.encode()
    except UnicodeEncodeError:
        raise InputError(f"the name of the folder {str(folder)!a} is not UTF-8: rename it") from None
    return folder.name


def _identity(folder: Path) -> tuple[int, int]:
    try:
        status = folder.stat()
    except OSError as error:
        raise InputError(f"the folder {folder} can't be read: {error.strerror}") from None
    return status.st_dev, status.st_ino


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
