"""Folders, files and tables of paths or texts -> tables of pictures, sounds and texts."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from goodfit.data import collecting
from goodfit.data.collecting import (
    collect_files,
    collect_folder,
    collect_paths,
    collect_texts,
    groups_of,
    guess_medium,
    texts_in,
)
from goodfit.data.images import write_png
from goodfit.data.media import texts_of
from goodfit.data.sounds import write_wave
from goodfit.errors import InputError
from goodfit.regularizers.form import Form

KINDS = ("image", "sound", "text")
SUFFIX = {"image": ".png", "sound": ".wav", "text": ".txt"}
FORMS = {"image": Form("image", (1, 5, 5)), "sound": Form("sound", (1, 64, 20)), "text": Form("text", (7,))}
EACH = pytest.mark.parametrize("kind", KINDS)


def write(path: Path, kind: str, number: int) -> Path:
    """A small file of a kind, told apart by its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "image":
        write_png(path, np.full((1, 5, 5), 20 * number, np.uint8))
    elif kind == "sound":
        write_wave(path, 0.5 * np.sin(0.05 * (number + 1) * np.arange(5000)))
    else:
        path.write_text(f"text {number}", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path, request) -> Path:
    """Two classes of two files each, one of them in a folder further down."""
    kind = request.getfixturevalue("kind")
    for number, name in enumerate(("cat/a", "cat/b", "dog/a", "dog/deep/c")):
        write(tmp_path / f"{name}{SUFFIX[kind]}", kind, number)
    return tmp_path


def values_of(found):
    """What tells rows apart: pixels, levels or texts."""
    (column,) = found.table.columns
    return texts_of(column) if column.kind == "text" else column.values


def refused(call, *parts: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


@EACH
def test_a_folder_of_folders_is_rows_with_classes(folder, kind):
    found = collect_folder(folder, kind)
    assert found.labels == ("cat", "cat", "dog", "dog")
    assert found.names == tuple(f"{name}{SUFFIX[kind]}" for name in ("a", "b", "a", "c"))
    assert found.table.columns[0].kind == kind
    assert found.table.rows == 4
    assert len(np.unique(np.array(values_of(found)), axis=0)) == 4
    assert kind != "image" or values_of(found)[:, 0, 0, 0].tolist() == [0, 20, 40, 60]
    assert kind != "text" or values_of(found) == ["text 0", "text 1", "text 2", "text 3"]


@EACH
def test_new_files_have_no_classes_and_are_told_apart_by_their_folders(folder, kind):
    found = collect_folder(folder, kind, form=FORMS[kind])
    assert found.labels == ()
    assert found.names == tuple(f"{name}{SUFFIX[kind]}" for name in ("cat/a", "cat/b", "dog/a", "dog/deep/c"))
    files = collect_files([folder / name for name in found.names], kind, form=FORMS[kind])
    assert files.names == tuple(f"{name}{SUFFIX[kind]}" for name in ("a", "b", "a", "c"))
    np.testing.assert_array_equal(np.array(values_of(found)), np.array(values_of(files)))


def test_new_rows_are_brought_to_the_form_of_the_training(tmp_path):
    path = tmp_path / "large.png"
    write_png(path, np.full((3, 10, 10), 9, np.uint8))
    assert values_of(collect_files([path], "image", form=Form("image", (1, 5, 5)))).shape == (1, 1, 5, 5)
    write_png(path, np.stack([np.full((4, 4), level, np.uint8) for level in (0, 100, 200)]))
    assert values_of(collect_files([path], "image", form=Form("image", (3, 6, 4)))).shape == (1, 3, 6, 4)
    sound = write(tmp_path / "long.wav", "sound", 0)
    assert values_of(collect_files([sound], "sound", form=Form("sound", (1, 64, 3)))).shape == (1, 64, 3)


@pytest.mark.parametrize("kind", ["image", "sound"])
def test_a_table_of_paths_is_rows_in_its_order_under_its_columns_name(folder, kind):
    paths = [f"{name}{SUFFIX[kind]}" for name in ("dog/a", "cat/b", "dog/a")]
    frame = pl.DataFrame({"n": [1, 2, 3], "file": paths})
    found = collect_paths(frame, "file", folder, kind)
    assert (found.names, found.labels, found.table.names) == (tuple(paths), (), ("file",))
    np.testing.assert_array_equal(values_of(found)[0], values_of(found)[2])
    whole = collect_folder(folder, kind)
    if kind == "image":
        np.testing.assert_array_equal(values_of(found)[1], values_of(whole)[1])
    absolute = collect_paths(pl.DataFrame({"file": [str(folder / paths[0])]}), "file", Path("/nowhere"), kind)
    np.testing.assert_array_equal(values_of(absolute)[0], values_of(found)[0])


@pytest.mark.parametrize("gone", [None, ""])
def test_a_path_that_is_missing_is_refused_by_its_row(tmp_path, gone):
    write(tmp_path / "a.png", "image", 0)
    frame = pl.DataFrame({"file": ["a.png", gone]}, schema={"file": pl.String})
    refused(lambda: collect_paths(frame, "file", tmp_path, "image"), "column 'file' has no path in row 2", "give one")
    frame = pl.DataFrame({"file": ["a.png", "b.png"]})
    refused(lambda: collect_paths(frame, "file", tmp_path, "image"), str(tmp_path / "b.png"))


# -- texts ------------------------------------------------------------------------------------------------------------


def test_a_column_of_texts():
    frame = pl.DataFrame({"review": ["good", None, "", " \n", "bad"], "stars": [5, 1, 1, 1, 1]})
    found = collect_texts(frame, "review")
    assert found.table.names == ("review",)
    assert values_of(found) == ["good", "", "", " \n", "bad"]
    assert found.notes == ("3 of 5 texts are empty",)
    assert collect_texts(frame.head(1), "review").notes == ()


def test_numbers_booleans_and_dates_are_texts_where_asked_for():
    frame = pl.DataFrame({"n": [1, None], "x": [0.5, 2.0], "b": [True, False]})
    assert [values_of(collect_texts(frame, name)) for name in "nxb"] == [["1", ""], ["0.5", "2.0"], ["true", "false"]]


@pytest.mark.parametrize(
    "values", [[["a"], ["b"]], [{"a": 1}, {"a": 2}], [b"a", b"\xff"]], ids=["lists", "records", "bytes"]
)
def test_what_is_no_text_is_refused(values):
    refused(lambda: texts_in(pl.DataFrame({"t": values}), "t"), "column 't' holds values of type", "one to a cell")


def test_a_column_that_is_not_there_is_refused_with_a_hint():
    frame = pl.DataFrame({"review": ["a"], "stars": [1]})
    refused(lambda: texts_in(frame, "reviews"), "no column 'reviews'", "did you mean 'review'?")
    refused(lambda: texts_in(frame, "zzz"), "no column 'zzz'", "its columns are 'review', 'stars'")


def test_long_texts_are_cut_with_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(collecting, "MOST_CHARACTERS", 10)
    found = collect_texts(pl.DataFrame({"t": ["x" * 10, "y" * 11, "z"]}), "t")
    assert values_of(found) == ["x" * 10, "y" * 10, "z"]
    assert found.notes == ("1 of 3 texts were cut to 10 characters",)
    for name, length in (("a/1.txt", 30), ("b/2.txt", 3)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("w" * length)
    found = collect_folder(tmp_path, "text")
    assert values_of(found) == ["w" * 10, "w" * 3]
    assert found.notes == ("1 of 2 texts were cut to 10 characters",)


def test_a_file_of_text_may_begin_with_a_mark_of_its_order_of_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfgood \xf0\x9f\x98\x80\r\nfilm")
    assert values_of(collect_files([path], "text", form=FORMS["text"])) == ["good 😀\nfilm"]
    path.write_bytes(b"caf\xe9")
    refused(lambda: collect_files([path], "text", form=FORMS["text"]), str(path), "not UTF-8 (byte 3)", "save it")
    refused(lambda: collect_files([tmp_path / "no.txt"], "text", form=FORMS["text"]), "no.txt can't be read")


# -- groups -----------------------------------------------------------------------------------------------------------


def test_groups_are_what_a_pattern_finds_in_a_name():
    names = ["anna_1.wav", "ben_7.wav", "Anna-2.wav"]
    assert groups_of(names, "^[A-Za-z]+") == ["anna", "ben", "Anna"]
    assert groups_of(names, r"[_-](\d)") == ["1", "7", "2"]
    assert groups_of(names, r"^(\w)(.*)$") == ["a", "b", "A"]
    assert groups_of(["a", "b1"], r"[ab](\d)?") == ["", "1"]
    assert groups_of([], "x") == []


def test_a_pattern_that_is_none_or_finds_nothing_is_refused():
    refused(lambda: groups_of(["a.wav"], "("), "--group '('", "no regular expression", "write one such as")
    refused(lambda: groups_of(["a1.wav", "b.wav"], "[0-9]"), "matches nothing in the name 'b.wav'", "every file")


# -- what a folder holds ----------------------------------------------------------------------------------------------


@EACH
def test_a_folder_tells_what_it_holds(folder, kind):
    assert guess_medium(folder) == kind
    for hidden in (".a.wav", ".b.png", ".c.txt"):
        for number in range(3):
            (folder / f"{hidden[:2]}{number}{hidden[2:]}").touch()
    assert guess_medium(folder) == kind


def test_of_several_kinds_it_is_what_most_files_are(tmp_path):
    for name in ("a/1.PNG", "a/2.jpeg", "b/3.webp", "b/readme.txt", "b/clip.wav", "b/notes.md", "b/x.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert guess_medium(tmp_path) == "image"


def test_a_folder_of_nothing_known_is_refused(tmp_path):
    (tmp_path / "a.csv").touch()
    refused(lambda: guess_medium(tmp_path), str(tmp_path), "no file of a known kind", ".png", ".wav", ".txt")
