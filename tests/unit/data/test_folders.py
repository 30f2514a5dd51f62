"""A folder a class: listed as it lies, or refused with what to do."""

import os
import shutil
from pathlib import Path

import pytest

from goodfit.data import folders
from goodfit.data.folders import list_classes, list_files
from goodfit.errors import InputError

KINDS = (".png", ".jpg")


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def classes(folder: Path):
    return list_classes(folder, KINDS, what="pictures")


def shown(listing, folder: Path):
    return [path.relative_to(folder).as_posix() for path in listing.paths]


def refusal(listed, folder: Path) -> str:
    with pytest.raises(InputError) as error:
        listed(folder, KINDS, what="pictures")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_each_folder_is_a_class_and_all_is_sorted(tmp_path):
    filled(tmp_path, "b/2.png", "b/10.PNG", "a/z.jpg", "a/deep/er/y.png", "c/x.JpG")
    listing = classes(tmp_path)
    assert shown(listing, tmp_path) == ["a/z.jpg", "a/deep/er/y.png", "b/10.PNG", "b/2.png", "c/x.JpG"]
    assert listing.labels == ("a", "a", "b", "b", "c")
    assert listing.notes == ()


def test_names_of_any_letters_are_classes(tmp_path):
    filled(tmp_path, "été/1.png", "with blanks/1.png", "a[1]*/1.png", "x.png/1.png", "7/1.png")
    assert classes(tmp_path).labels == ("7", "a[1]*", "with blanks", "x.png", "été")


def test_what_is_left_out_is_noted(tmp_path):
    filled(
        tmp_path, "a/1.png", "a/.hidden.png", "a/notes.TXT", "a/Makefile", "b/1.png", "loose.png", "c/x.txt", "d/e/.x"
    )
    filled(tmp_path, ".git/1.png")
    listing = classes(tmp_path)
    assert shown(listing, tmp_path) == ["a/1.png", "b/1.png"]
    assert listing.notes == (
        "3 hidden files were left out",
        "3 files of other kinds were left out (.txt, no suffix)",
        "1 file outside the classes' folders was left out",
        "2 folders without own pictures were left out: 'c', 'd'",
    )


def test_a_note_names_no_more_than_a_few_kinds(tmp_path):
    filled(tmp_path, "1.png", *(f"x.{letter}" for letter in "abcdefg"))
    assert list_files(tmp_path, KINDS, what="pictures").notes == (
        "7 files of other kinds were left out (.a, .b, .c, .d, .e, ...)",
    )


def test_files_without_classes_are_listed_at_any_depth(tmp_path):
    filled(tmp_path, "b.png", "a.png", "x/c.jpg", "x/.c.jpg")
    listing = list_files(tmp_path, KINDS, what="pictures")
    assert shown(listing, tmp_path) == ["a.png", "b.png", "x/c.jpg"]
    assert listing.labels == ()
    assert listing.notes == ("1 hidden file was left out",)


@pytest.mark.parametrize("listed", [list_classes, list_files])
def test_a_folder_that_is_none_is_refused(tmp_path, listed):
    filled(tmp_path, "a.png")
    assert refusal(listed, tmp_path / "b") == f"there is no folder {tmp_path / 'b'}: check the name and where it lies"
    assert refusal(listed, tmp_path / "a.png").endswith("a.png is a file: name the folder that holds it")
    assert "can't be read" in refusal(listed, tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "has no folders: make one for each class, named after it, and put its pictures there"),
        (["notes.txt"], "has no folders: make one for each class"),
        (["1.png", "2.png"], "has pictures but no folders: put the pictures of each class into a folder of its own"),
        (["a/x.txt", "b/c/.1.png"], "hold no pictures (.png, .jpg): put pictures there"),
        (["a/1.png", "a/2.png", "b/x.txt"], "has pictures of one class only, 'a': add a folder for each other class"),
    ],
)
def test_less_than_two_classes_are_refused(tmp_path, names, message):
    said = refusal(list_classes, filled(tmp_path, *names))
    assert message in said
    assert str(tmp_path) in said


def test_no_file_of_the_kind_is_refused(tmp_path):
    assert "holds no pictures (.png, .jpg)" in refusal(list_files, filled(tmp_path, "a.txt", "b/c.txt"))


def test_links_in_a_circle_end_and_links_out_of_the_folder_are_left_out(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    filled(root, "a/1.png", "b/2.png")
    filled(elsewhere, "3.png", "more/4.png")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to("self")
    (root / "a" / "side").symlink_to(root / "b")
    (root / "b" / "far").symlink_to(elsewhere)
    (elsewhere / "more" / "back").symlink_to(root)
    (root / "b" / "gone.png").symlink_to(root / "nothing.png")
    (root / "b" / "near.png").symlink_to(root / "a" / "1.png")
    listing = classes(root)
    assert shown(listing, root) == ["a/1.png", "b/2.png", "b/near.png"]
    assert listing.labels == ("a", "b", "b")
    assert listing.notes == (
        "1 link out of the folder was left out: copy the files into it, or name them in a table",
        "2 files of other kinds were left out (.png, no suffix)",
    )


@pytest.mark.parametrize("target", ["../elsewhere/3.png", "/dev/zero", "../root-beside/3.png"])
def test_a_file_that_is_a_link_out_of_the_folder_is_left_out(tmp_path, target):
    root = filled(tmp_path / "root", "1.png")
    filled(tmp_path, "elsewhere/3.png", "root-beside/3.png")
    (root / "2.png").symlink_to(target)
    listing = list_files(root, KINDS, what="pictures")
    assert shown(listing, root) == ["1.png"]
    assert "1 link out of the folder was left out" in listing.notes[0]


def test_a_folder_may_be_a_link_itself(tmp_path):
    root = filled(tmp_path / "root", "a/1.png", "b/2.png")
    (root / "b" / "near.png").symlink_to("../a/1.png")
    (tmp_path / "link").symlink_to("root")
    listing = classes(tmp_path / "link")
    assert shown(listing, tmp_path / "link") == ["a/1.png", "b/2.png", "b/near.png"]
    assert listing.notes == ()


def test_where_there_are_but_links_out_of_the_folder_the_refusal_says_so(tmp_path):
    filled(tmp_path, "elsewhere/1.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").symlink_to("../elsewhere")
    assert "has no folders but 1 link out of it" in refusal(list_classes, tmp_path / "root")
    assert "holds no pictures (.png, .jpg) but 1 link out of it" in refusal(list_files, tmp_path / "root")


def test_a_folder_that_vanishes_meanwhile_is_named(tmp_path, monkeypatch):
    filled(tmp_path, "a/1.png", "b/2.png")
    scanned = folders._scanned

    def vanishing(folder):
        found = scanned(folder)
        if folder == tmp_path:
            shutil.rmtree(tmp_path / "b")
        return found

    monkeypatch.setattr(folders, "_scanned", vanishing)
    assert "b can't be read: No such file" in refusal(list_files, tmp_path)


def test_two_names_of_one_folder_are_one_class(tmp_path):
    filled(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    listing = classes(tmp_path)
    assert listing.labels == ("a", "b")
    assert listing.notes == ("1 folder without own pictures was left out: 'c'",)


def test_a_pipe_is_no_file(tmp_path):
    filled(tmp_path, "1.png")
    os.mkfifo(tmp_path / "2.png")
    assert shown(list_files(tmp_path, KINDS, what="pictures"), tmp_path) == ["1.png"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "no permission to read the folder "),
        (OSError(5, "Input/output error"), "can't be read: Input/output error"),
    ],
)
def test_a_folder_that_the_system_refuses_is_named(tmp_path, monkeypatch, error, message):
    filled(tmp_path, "a/1.png")

    def refused(_):
        raise error

    monkeypatch.setattr(os, "scandir", refused)
    said = refusal(list_files, tmp_path)
    assert message in said
    assert str(tmp_path) in said


def test_a_class_whose_name_is_no_text_is_refused(tmp_path):
    filled(tmp_path, "a/1.png")
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    assert "is not UTF-8: rename it" in refusal(list_classes, tmp_path)
