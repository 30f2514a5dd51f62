"""Paraphrases kept on disk, so that each is made once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

SECONDS_TO_WAIT = 30.0
"""For another process that writes."""
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_AT_ONCE = 500
_TABLE = (
    "CREATE TABLE IF NOT EXISTS paraphrases "
    "(engine TEXT, digest BLOB, paraphrase BLOB, PRIMARY KEY (engine, digest)) WITHOUT ROWID"
)


_Row = tuple[bytes, bytes]


@dataclass(frozen=True)
class PhraseBook:
    """An SQLite file of paraphrases by engine and by the SHA-256 of the text; any number of processes may share it.

    It only saves time: a damaged file is begun anew, and where none can be written, nothing is kept.

    Args:
        path: the file, made with its folders when something is kept.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     book = PhraseBook(Path(folder, "paraphrases.sqlite"))
        ...     book.keep("engine", {"big": "large"})
        ...     book.known("engine", ["big", "small"])
        {'big': 'large'}
    """

    path: Path

    @classmethod
    def of_user(cls) -> PhraseBook:
        """The user's own: in GOODFIT_CACHE, else in the folder goodfit of XDG_CACHE_HOME or of ~/.cache."""
        folder = os.environ.get("GOODFIT_CACHE")
        if folder:
            return cls(Path(folder, "paraphrases.sqlite"))
        return cls(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "goodfit", "paraphrases.sqlite"))

    def known(self, engine: str, texts: Sequence[str]) -> dict[str, str]:
        """The paraphrases of those texts that it holds, by text."""
        if not self.path.exists():
            return {}
        texts_by_digest = {_digest(text): text for text in texts}
        rows = self._done(lambda file: list(_found(file, engine, list(texts_by_digest))))
        return {texts_by_digest[digest]: paraphrase.decode("utf-8", "surrogatepass") for digest, paraphrase in rows}

    def keep(self, engine: str, paraphrases: Mapping[str, str]) -> None:
        """Keep paraphrases by their texts, all of them or, where that fails, none."""
        rows = [(engine, _digest(text), _encoded(paraphrase)) for text, paraphrase in paraphrases.items()]
        self._done(
            lambda file: file.executemany("INSERT OR REPLACE INTO paraphrases VALUES (?, ?, ?)", rows).fetchall()
        )

    def _done(self, work: Callable[[sqlite3.Connection], list[_Row]]) -> list[_Row]:
        """What comes of work on the file: nothing where it can't be used; a damaged one is begun anew."""
        for _ in range(2):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(self.path, timeout=SECONDS_TO_WAIT)) as file, file:
                    file.execute(_TABLE)
                    return work(file)
            except (sqlite3.Error, OSError) as error:
                if getattr(error, "sqlite_errorcode", None) not in _DAMAGED:
                    break
                with suppress(OSError):
                    self.path.unlink(missing_ok=True)
                    self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)
        return []


def _found(file: sqlite3.Connection, engine: str, digests: list[bytes]) -> Iterator[_Row]:
    for start in range(0, len(digests), _AT_ONCE):
        portion = digests[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(portion))
        query = f"SELECT digest, paraphrase FROM paraphrases WHERE engine = ? AND digest IN ({marks})"
        yield from file.execute(query, (engine, *portion))


def _digest(text: str) -> bytes:
    return sha256(_encoded(text)).digest()


def _encoded(text: str) -> bytes:
    """As bytes, whatever the text holds."""
    return text.encode("utf-8", "surrogatepass")
