"""Paraphrases are made once and kept in a book."""

import subprocess
import sys

import pytest

from goodfit.texts import translation
from goodfit.texts.phrase_book import PhraseBook
from goodfit.texts.translation import paraphrase


class Loud:
    """A translator that shouts, and notes what it was asked."""

    name = "loud"

    def __init__(self):
        self.asked = []

    def round_trip(self, texts):
        self.asked += texts
        return [text.upper() for text in texts]


@pytest.fixture
def book(tmp_path):
    return PhraseBook(tmp_path / "folder" / "paraphrases.sqlite")


def test_a_paraphrase_is_made_once(book, monkeypatch):
    monkeypatch.setattr(translation, "AT_ONCE", 2)
    engine = Loud()
    texts = ["a", "b", "a", "c", "d", "\ud800"]
    assert paraphrase(texts, engine, book) == ["A", "B", "A", "C", "D", "\ud800"]
    assert paraphrase([*texts, "e"], engine, PhraseBook(book.path)) == ["A", "B", "A", "C", "D", "\ud800", "E"]
    assert engine.asked == ["a", "b", "c", "d", "\ud800", "e"]


def test_engines_have_pages_of_their_own(book):
    book.keep("one", {"a": "x"})
    assert book.known("other", ["a"]) == {}
    assert book.known("one", ["a", "b"]) == {"a": "x"}


def test_many_texts_are_found_again(book):
    made = {f"text {i}": f"other {i}" for i in range(2000)}
    book.keep("one", made)
    assert book.known("one", list(made)) == made


@pytest.mark.parametrize(
    "damage", [b"no database at all, but longer than its header" * 9, b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_damaged_file_is_begun_anew(book, damage):
    book.keep("one", {"a": "x"})
    book.path.write_bytes(damage)
    book.keep("one", {"a": "y"})
    assert book.known("one", ["a"]) == {"a": "y"}
    book.path.write_bytes(damage)
    assert book.known("one", ["a"]) == {}


def test_a_file_damaged_in_the_middle_is_begun_anew(book):
    book.keep("one", {str(i): "x" * 100 for i in range(500)})
    content = bytearray(book.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    book.path.write_bytes(content)
    assert book.known("one", ["7"]) == {}
    book.keep("one", {"7": "y"})
    assert book.known("one", ["7"]) == {"7": "y"}


def test_where_no_file_can_be_nothing_is_kept(tmp_path):
    (tmp_path / "file").write_text("in the way")
    lost = PhraseBook(tmp_path / "file" / "paraphrases.sqlite")
    assert paraphrase(["a"], Loud(), lost) == ["A"]
    (tmp_path / "folder.sqlite").mkdir()
    assert paraphrase(["a"], Loud(), PhraseBook(tmp_path / "folder.sqlite")) == ["A"]


def test_several_processes_share_it(book):
    code = (
        "import sys; from pathlib import Path; from goodfit.texts.phrase_book import PhraseBook\n"
        "for i in range(50): PhraseBook(Path(sys.argv[1])).keep('one', {f'{sys.argv[2]} {i}': 'x'})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(book.path), name]) for name in "abc"]
    assert [writer.wait(300) for writer in writers] == [0, 0, 0]
    assert len(book.known("one", [f"{name} {i}" for name in "abc" for i in range(50)])) == 150


def test_the_users_book_is_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("GOODFIT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert PhraseBook.of_user().path == tmp_path / "goodfit" / "paraphrases.sqlite"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert PhraseBook.of_user().path == tmp_path / ".cache" / "goodfit" / "paraphrases.sqlite"
    monkeypatch.setenv("GOODFIT_CACHE", str(tmp_path / "own"))
    assert PhraseBook.of_user().path == tmp_path / "own" / "paraphrases.sqlite"
