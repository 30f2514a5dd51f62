"""goodfit augment: examples of every kind, from their files to their variants and the contact sheet beside them."""

import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from commandline import Done, assert_done, assert_refused, contents, goodfit, program

from goodfit.data.images import Pixels, read_images, write_png
from goodfit.data.readers import read
from goodfit.data.sounds import read_wave, write_wave
from goodfit.sounds import RATE

SHEET = "contact-sheet.html"
TEXTS = (
    "I bought a cheap car, and the movie was really amazing.",
    "An awful film: the acting is weak, the ending made me angry.",
    "We visited a big house by the sea; the children were happy.",
    "Great value for money and fast delivery.",
)


def noise(shape: tuple[int, ...], seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def pixels(path: Path, shape: tuple[int, int, int]) -> Pixels:
    """A picture, whose size is asserted."""
    found = read_images([path], shape=shape)
    assert found.notes == ()
    return found.values[0]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for place, name in enumerate(("cat/1", "cat/2", "dog/1")):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, noise((3, 20, 30), place))
    return folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for place in range(3):
        time = torch.arange(RATE // 2) / RATE
        write_wave(folder / f"hum {place}.wav", 0.2 * torch.sin(2 * torch.pi * 220 * (place + 1) * time))
    return folder


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    pl.DataFrame({"stars": range(len(TEXTS)), "review": TEXTS}).write_csv(path)
    return path


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    path, random = tmp_path / "loans.csv", np.random.default_rng(0)
    late = np.arange(60) % 6 == 0
    pl.DataFrame(
        {
            "id": range(1, 61),
            "price": (random.random(60) + late).round(2),
            "since": [datetime.date(2024, 1, 1) + datetime.timedelta(int(day)) for day in random.integers(0, 99, 60)],
            "town": random.choice(["Bath", "York"], 60),
            "member": random.random(60) < 0.5,
            "state": np.where(late, "late", "paid"),
        }
    ).write_csv(path)
    return path


@pytest.fixture
def command(photos: Path, clips: Path, reviews: Path, loans: Path) -> Callable[..., Done]:
    """The command of a kind with its usual source and techniques."""
    usual: dict[str, tuple[Path, tuple[str, ...]]] = {
        "image": (photos, ("--with", "rotate=15, flip, cut_mix")),
        "audio": (clips, ("--with", "pitch_shift=3, time_stretch=0.2, time_shift=0.2, gain=6, white_noise=10")),
        "text": (reviews, ("--with", "synonyms=0.5, word_swap=0.2")),
        "table": (loans, ("--with", "smote=0.6", "--target", "state")),
    }

    def run(kind: str, out: Path, *options: object, source: Path | None = None) -> Done:
        path, given = usual[kind]
        return goodfit("augment", kind, source or path, out, *given, *options)

    return run


KINDS = ("image", "audio", "text", "table")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_command_writes_the_same_bytes(kind: str, command: Callable[..., Done], tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    assert_done(command(kind, one, "--seed", 3))
    assert_done(command(kind, two, "--seed", 3))
    assert_done(command(kind, other, "--seed", 4))
    assert contents(one) == contents(two)
    assert contents(one).keys() == contents(other).keys()
    assert all(content != contents(other)[name] for name, content in contents(one).items())


@pytest.mark.parametrize("kind", KINDS)
def test_json_names_what_was_written(kind: str, command: Callable[..., Done], tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    done = command(kind, out, "--json")
    assert_done(done)
    told = json.loads(done.out)
    assert told.keys() == {"out", "files", "sheet"}
    assert (told["out"], told["sheet"]) == (str(out), str(out / SHEET))
    assert {*told["files"], told["sheet"]} == {str(path) for path in out.iterdir()}


@pytest.mark.parametrize("kind", ["image", "audio", "text"])
def test_fewer_variants_are_the_first_of_more(kind: str, command: Callable[..., Done], tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    assert_done(command(kind, few, "--n", 2))
    assert_done(command(kind, many, "--n", 3))
    if kind == "text":
        assert (
            pl.read_csv(many / "augmented.csv").filter(pl.col("variant") < 3).equals(pl.read_csv(few / "augmented.csv"))
        )
        return
    files = {name: content for name, content in contents(few).items() if name != SHEET}
    assert len(files) == 6
    assert files.items() <= contents(many).items()


def test_a_later_run_takes_the_place_of_an_earlier_one(command: Callable[..., Done], tmp_path: Path) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    assert_done(command("image", out, "--n", 4))
    assert_done(command("audio", out, "--n", 2))
    assert_done(command("audio", fresh, "--n", 2))
    assert contents(out) == contents(fresh)
    (out / ".augmented.csv.new").touch()  # of a process that was killed
    assert_done(command("text", out))
    assert contents(out).keys() == {SHEET, "augmented.csv"}


def test_a_folder_with_other_things_stays_as_it_is(command: Callable[..., Done], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("notes.txt", SHEET, ".hidden"):
        out.mkdir(exist_ok=True)
        (out / name).write_text("mine")
        before = contents(out)
        assert_refused(command("image", out), f"OUT {out} is a folder with other things in it: give a new one")
        assert contents(out) == before
        (out / name).unlink()
    assert_done(command("image", out))
    (out / "mine-1.png").touch()
    before = contents(out)
    assert_refused(command("image", out), "other things in it")
    assert contents(out) == before


def test_pictures_keep_their_size_and_are_named_after_their_sources(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = contents(photos)
    done = goodfit("augment", "image", photos, out, "--with", "flip=1", "--n", 2)
    assert_done(done)
    assert done.out.splitlines() == ["3 pictures with 2 variants each.", f"contact sheet: {out / SHEET}"]
    sources = {"cat-1": "cat/1", "2": "cat/2", "dog-1": "dog/1"}
    assert contents(out).keys() == {SHEET, *(f"{stem}-{number}.png" for stem in sources for number in (1, 2))}
    for stem, name in sources.items():
        original = pixels(photos / f"{name}.png", (3, 20, 30))
        for number in (1, 2):
            assert np.array_equal(pixels(out / f"{stem}-{number}.png", (3, 20, 30)), original[..., ::-1])
    assert contents(photos) == before


def test_variants_of_one_picture_differ(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert_done(goodfit("augment", "image", photos / "dog" / "1.png", out, "--with", "rotate=90"))
    assert len({path.read_bytes() for path in out.glob("*.png")}) == 8


def test_a_large_picture_is_augmented_at_512_pixels_and_a_grey_one_in_grey(tmp_path: Path) -> None:
    path, out = tmp_path / "wide.png", tmp_path / "out"
    write_png(path, noise((1, 300, 1200)))
    assert_done(goodfit("augment", "image", path, out, "--with", "vertical_flip=1", "--n", 1))
    varied = pixels(out / "wide-1.png", (1, 128, 512))
    assert varied.std() > 0
    assert np.abs(varied.astype(int)[:, ::-1] - pixels_of(path, (1, 128, 512))).max() <= 1


def pixels_of(path: Path, shape: tuple[int, int, int]) -> Pixels:
    return read_images([path], shape=shape).values[0].astype(int)


def test_pictures_are_mixed_with_other_sources_brought_to_their_size(tmp_path: Path) -> None:
    folder, out = tmp_path / "two", tmp_path / "out"
    folder.mkdir()
    write_png(folder / "black.png", np.zeros((1, 10, 16), np.uint8))
    write_png(folder / "red.png", np.array([255, 0, 0], np.uint8)[:, None, None].repeat(30, 1).repeat(8, 2))
    assert_done(goodfit("augment", "image", folder, out, "--with", "mixup=100000", "--n", 2))
    for name, shape in (("black", (3, 10, 16)), ("red", (3, 30, 8))):
        for number in (1, 2):
            mixed = pixels(out / f"{name}-{number}.png", shape)
            assert np.abs(mixed.astype(int) - np.array([128, 0, 0])[:, None, None]).max() <= 2
    alone = goodfit("augment", "image", folder / "red.png", tmp_path / "alone", "--with", "mixup")
    assert_refused(alone, "mixup mixes a picture with another one: give two pictures or more")


def test_eight_examples_are_drawn_of_many(tmp_path: Path) -> None:
    folder, out = tmp_path / "many", tmp_path / "out"
    folder.mkdir()
    for place in range(30):
        write_png(folder / f"{place:02}.png", noise((1, 4, 4), place))
    (folder / "notes.md").touch()
    done = goodfit("augment", "image", folder, out, "--with", "rotate", "--n", 20)
    assert_done(done)
    assert done.out.splitlines()[:2] == [
        "8 of 30 pictures, drawn at random, with 20 variants each. The first 12 are shown; all are in the folder.",
        "note: 1 file of another kind was left out (.md)",
    ]
    stems = sorted({path.stem.split("-")[0] for path in out.glob("*.png")})
    assert len(stems) == 8
    assert stems != sorted(f"{place:02}" for place in range(8))
    assert len(contents(out)) == 8 * 20 + 1


CAPTION = re.compile(r'<audio[^>]* aria-label="variant (\d) of hum (\d)\.wav: ([^"]*)"')


@pytest.mark.parametrize(
    "technique", ["gain=6", "time_stretch=0.5", "time_shift=0.5", "white_noise=5", "pitch_shift=5"]
)
def test_what_a_caption_says_is_what_is_heard(technique: str, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert_done(goodfit("augment", "audio", clips, out, "--with", technique, "--n", 3))
    told = CAPTION.findall((out / SHEET).read_text("utf-8"))
    assert len(told) == 9
    for number, place, said in told:
        original, heard = read_wave(clips / f"hum {place}.wav"), read_wave(out / f"hum_{place}-{number}.wav")
        amount = float(said.split()[0])
        if technique.startswith("gain"):
            assert 20 * (heard.std() / original.std()).log10().item() == pytest.approx(amount, abs=0.06)
        elif technique.startswith("time_stretch"):
            assert len(heard) / len(original) == pytest.approx(amount, abs=0.006)
        elif technique.startswith("time_shift"):
            first = torch.nonzero(heard).flatten()[[0, -1]]
            gone = first[0] - 1 if "later" in said else len(heard) - 1 - first[1]
            assert gone / RATE * 1000 == pytest.approx(amount, abs=1)
        elif technique.startswith("white_noise"):
            assert 5 <= amount <= 25
            ratio = 20 * (original.std() / (heard - original).std()).log10()
            assert ratio.item() == pytest.approx(amount, abs=0.6)
        else:
            tone = torch.fft.rfft(heard).abs().argmax().item() * RATE / len(heard)
            assert 12 * np.log2(tone / (220 * (int(place) + 1))) == pytest.approx(amount, abs=0.25)


def test_a_long_sound_is_cut_as_in_training(tmp_path: Path) -> None:
    path, out = tmp_path / "long.wav", tmp_path / "out"
    write_wave(path, torch.zeros(5 * RATE))
    done = goodfit("augment", "audio", path, out, "--with", "gain", "--n", 1)
    assert_done(done)
    assert "note: 1 clip was cut to 4.0 s, as in training" in done.out.splitlines()
    assert len(read_wave(out / "long-1.wav")) == 4 * RATE


def test_texts_are_listed_with_their_rows(reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = goodfit("augment", "text", reviews, out, "--with", "word_swap=1", "--n", 3)
    assert_done(done)
    found = pl.read_csv(out / "augmented.csv")
    assert found.columns == ["source", "variant", "text"]
    assert found["source"].to_list() == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert found["variant"].to_list() == [1, 2, 3] * 4
    for source, _, text in found.iter_rows():
        assert sorted(re.findall(r"\w+", text)) == sorted(re.findall(r"\w+", TEXTS[source - 1]))
    assert found["text"].n_unique() == 12
    sheet = (out / SHEET).read_text("utf-8")
    assert sheet.count("<del>") > 12
    assert sheet.count("<ins>") > 12


def test_texts_come_from_a_column_or_from_files(tmp_path: Path) -> None:
    table, folder = tmp_path / "reviews.tsv", tmp_path / "reviews"
    pl.DataFrame({"title": ["a", "b"], "review": ["", TEXTS[0]]}).write_csv(table, separator="\t")
    refused = goodfit("augment", "text", table, tmp_path / "x", "--with", "word_swap")
    assert_refused(refused, "reviews.tsv has 2 columns of text: name the one to augment with --column")
    done = goodfit("augment", "text", table, tmp_path / "out", "--with", "word_swap=1", "--column", "review", "--n", 1)
    assert_done(done)
    assert "note: 1 of 2 texts are empty" in done.out.splitlines()
    assert pl.read_csv(tmp_path / "out" / "augmented.csv")["source"].to_list() == [2]
    (folder / "good").mkdir(parents=True)
    for name in ("good/1.txt", "2.txt"):
        (folder / name).write_text(TEXTS[1])
    (folder / "3.txt").write_text(" \n")
    for source, names in ((folder, ["2.txt", "good/1.txt"]), (folder / "2.txt", ["2.txt"])):
        out = tmp_path / f"from {source.name}"
        assert_done(goodfit("augment", "text", source, out, "--with", "word_swap=1", "--n", 1))
        assert pl.read_csv(out / "augmented.csv")["source"].to_list() == names


def test_synthetic_rows_have_the_columns_and_the_manner_of_the_table(loans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = goodfit("augment", "table", loans, out, "--target", "state", "--with", "smote=0.6")
    assert_done(done)
    assert done.out.splitlines()[0] == "20 synthetic rows made of 60 rows."
    real, made = read(loans), read(out / "augmented.csv")
    assert made.schema == real.schema
    assert made["state"].to_list() == ["late"] * 20
    late = real.filter(pl.col("state") == "late")
    for name in ("id", "price", "since"):
        assert late[name].min() <= made[name].min()
        assert made[name].max() <= late[name].max()
    assert {line.split(",")[2][4] for line in (out / "augmented.csv").read_text().splitlines()[1:]} == {"-"}
    assert made["price"].round(2).equals(made["price"])
    assert set(made["town"]) <= {"Bath", "York"}


REFUSED: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = {
    "unknown technique": (
        ("image", "photos", "out", "--with", "rotat=15"),
        ("no technique is called 'rotat'", "rotate"),
    ),
    "no dose": (("image", "photos", "out", "--with", "rotate=a"), ("rotate degrees is 'a'; give a number",)),
    "dose out of range": (("image", "photos", "out", "--with", "flip=2"), ("flip: p is 2, outside [0, 1]",)),
    "nothing": (("image", "photos", "out", "--with", " "), ("--with ' ' changes nothing: name techniques",)),
    "none": (("image", "photos", "out", "--with", "none"), ("--with 'none' changes nothing",)),
    "no option": (("image", "photos", "out"), ("Missing option '--with'", "goodfit augment --help")),
    "of another kind": (("image", "photos", "out", "--with", "gain"), ("gain acts on sounds, not on pictures",)),
    "not of examples": (("image", "photos", "out", "--with", "l2"), ("l2 changes no pictures: leave it out",)),
    "not to be heard": (
        ("audio", "clips", "out", "--with", "erasing"),
        ("erasing acts on spectrograms", "white_noise"),
    ),
    "not to be read": (("text", "reviews.csv", "out", "--with", "mixup"), ("mixup acts on encoded texts", "synonyms")),
    "not to be seen": (
        ("table", "loans.csv", "out", "--target", "state", "--with", "gaussian_noise"),
        ("gaussian_noise acts on encoded rows in training; only smote makes rows to look at",),
    ),
    "no variants": (
        ("image", "photos", "out", "--with", "flip", "--n", 0),
        ("Invalid value for '--n'", "goodfit augment --help"),
    ),
    "too many variants": (
        ("image", "photos", "out", "--with", "flip", "--n", 65),
        ("Invalid value for '--n'", "goodfit augment --help"),
    ),
    "unknown kind": (("video", "photos", "out", "--with", "flip"), ("'video' is not one of", "'audio'")),
    "no source": (("image", "none.png", "out", "--with", "flip"), ("there is no file none.png",)),
    "no such sound": (("audio", "none.wav", "out", "--with", "gain"), ("there is no file none.wav",)),
    "no such text": (("text", "none.csv", "out", "--with", "word_swap"), ("there is no file none.csv",)),
    "no pictures": (("image", "clips", "out", "--with", "flip"), ("clips holds no pictures (.png",)),
    "no picture": (("image", "loans.csv", "out", "--with", "flip"), ("loans.csv is not a whole PNG",)),
    "no sound": (("audio", "broken.wav", "out", "--with", "gain"), ("broken.wav is not a whole WAV",)),
    "empty texts": (("text", "empty", "out", "--with", "word_swap"), ("empty has no text but empty ones",)),
    "empty column": (
        ("text", "gaps.parquet", "out", "--with", "word_swap"),
        ("gaps.parquet has no text but empty ones",),
    ),
    "no text column": (("text", "numbers.csv", "out", "--with", "word_swap"), ("numbers.csv has 0 columns of text",)),
    "no such column": (
        ("text", "reviews.csv", "out", "--with", "word_swap", "--column", "reviw"),
        ("no column 'reviw': did you mean 'review'?",),
    ),
    "a column of files": (("text", "empty", "out", "--with", "word_swap", "--column", "a"), ("leave --column away",)),
    "a column of pictures": (("image", "photos", "out", "--with", "flip", "--column", "a"), ("leave it away",)),
    "a target of pictures": (("image", "photos", "out", "--with", "flip", "--target", "a"), ("leave it away",)),
    "no target": (("table", "loans.csv", "out", "--with", "smote"), ("name the column of classes with --target",)),
    "no such target": (
        ("table", "loans.csv", "out", "--with", "smote", "--target", "stat"),
        ("no column 'stat': did you mean 'state'?",),
    ),
    "target of numbers": (
        ("table", "loans.csv", "out", "--with", "smote", "--target", "price"),
        ("smote evens classes, and the target is numbers",),
    ),
    "too few rows": (
        ("table", "rare.csv", "out", "--with", "smote", "--target", "k"),
        ("class y has 2", "neighbors=1"),
    ),
    "even classes": (
        ("table", "loans.csv", "out", "--with", "smote=0.1", "--target", "state"),
        ("loans.csv needs no synthetic rows", "smote=0.1"),
    ),
    "a folder of tables": (("table", "photos", "out", "--with", "smote", "--target", "k"), ("photos is a folder",)),
    "out is a file": (("image", "photos", "loans.csv", "--with", "flip"), ("OUT loans.csv is a file: give a folder",)),
    "out in the source": (("image", "photos", "photos/out", "--with", "flip"), ("OUT photos/out lies in photos",)),
    "out is the source": (("image", "photos", "photos", "--with", "flip"), ("OUT photos lies in photos",)),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    arguments: tuple[object, ...],
    words: tuple[str, ...],
    command: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").write_text("")
    pl.DataFrame({"a": ["", None, " "]}).write_parquet(tmp_path / "gaps.parquet")
    (tmp_path / "numbers.csv").write_text("a\n1\n")
    (tmp_path / "broken.wav").write_bytes(b"RIFF1234")
    (tmp_path / "rare.csv").write_text("a,k\n" + "".join(f"{i},x\n" for i in range(9)) + "1,y\n2,y\n")
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert_refused(goodfit("augment", *arguments), "goodfit augment: ", *words)
    assert contents(tmp_path) == before


def test_help_has_examples() -> None:
    done = goodfit("augment", "--help")
    assert_done(done)
    assert "Examples: goodfit augment image photos/ augmented" in " ".join(done.out.split())


def test_names_that_no_system_likes_are_written_and_linked(tmp_path: Path) -> None:
    folder, out = tmp_path / "odd", tmp_path / "out"
    folder.mkdir()
    write_png(folder / "50% #1? <b>.png", noise((1, 4, 4)))
    write_png(folder / f"{'ü' * 90}.png", noise((1, 4, 4)))
    assert_done(goodfit("augment", "image", folder, out, "--with", "flip", "--n", 1))
    assert contents(out).keys() == {SHEET, "50%_#1___b_-1.png", f"{'ü' * 50}-1.png"}
    assert 'href="50%25_%231___b_-1.png"' in (out / SHEET).read_text("utf-8")


def test_the_program_augments(photos: Path, tmp_path: Path) -> None:
    done = program("augment", "image", photos, tmp_path / "out", "--with", "flip", "--n", 1)
    assert_done(done)
    assert done.out.splitlines()[-1] == f"contact sheet: {tmp_path / 'out' / SHEET}"
