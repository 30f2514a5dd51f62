"""Pictures, sounds and texts from a user's files to a model, its report and its predictions."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from commandline import RUN_FILES, assert_done, assert_refused, contents, goodfit, program
from sklearn.datasets import load_digits

import goodfit as library
from goodfit.commands.reading import Source, read_source
from goodfit.data.images import write_png
from goodfit.data.media import picture_table, texts_of
from goodfit.data.sounds import write_wave
from goodfit.errors import InputError
from goodfit.regularizers.texts import back_translation
from goodfit.saving import read_model
from goodfit.studies.problem import read_problem
from goodfit.studies.testing import split_test

SHORT = ("--budget", "3s")
ONE_EPOCH = ("--recipe", "none", "--budget", "1s")
PIXELS, DIGITS = load_digits(return_X_y=True)
SPEAKERS = ("anna", "ben", "cleo", "dan", "eve", "fay")
PITCHES = {"high": 900.0, "low": 250.0}
PRAISE = {"pos": ("good", "lovely"), "neg": ("bad", "awful")}
OTHERS = ("film", "plot", "actor", "scene", "music", "house")


def strict(text: str) -> Any:
    """The one JSON document that a text is, by the standard's letter."""

    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def digits(base: Path) -> Path:
    """Thirty pictures of each of two digits, a folder each."""
    for name, number in (("seven", 7), ("zero", 0)):
        folder = base / "digits" / name
        folder.mkdir(parents=True)
        for place, pixels in enumerate(PIXELS[number == DIGITS][:30]):
            write_png(folder / f"{name}{place:02}.png", (pixels * 15).astype(np.uint8).reshape(1, 8, 8))
    return base / "digits"


@pytest.fixture(scope="module")
def words(base: Path) -> Path:
    """Sounds of two pitches by six speakers, each of whom is a little out of tune."""
    random = np.random.default_rng(0)
    for pitch, hertz in PITCHES.items():
        (base / "words" / pitch).mkdir(parents=True)
        for out, speaker in enumerate(SPEAKERS):
            for take in range(5):
                rate = hertz * (1 + 0.02 * out) * random.uniform(0.98, 1.02)
                wave = 0.4 * np.sin(2 * np.pi * rate / 16_000 * np.arange(2_000)) + 0.01 * random.normal(size=2_000)
                write_wave(base / "words" / pitch / f"{speaker}_{take}.wav", wave)
    return base / "words"


@pytest.fixture(scope="module")
def reviews(base: Path) -> Path:
    """A table of texts, their opinions, and who wrote them."""
    random, rows = np.random.default_rng(1), []
    for place in range(80):
        label = ("pos", "neg")[place % 2]
        told = random.permutation([str(random.choice(PRAISE[label])), *random.choice(OTHERS, 4), f"x{place}"])
        rows.append({"review": " ".join(told), "opinion": label, "author": f"a{place % 9}"})
    pl.DataFrame(rows).write_csv(base / "reviews.csv")
    return base / "reviews.csv"


@pytest.fixture(scope="module")
def listed(base: Path, digits: Path) -> Path:
    """A table of paths of pictures from its own folder, and what is shown."""
    paths = sorted(str(path.relative_to(base)) for path in digits.rglob("*.png"))
    frame = pl.DataFrame({"picture": paths, "shown": [Path(path).parent.name for path in paths]})
    frame.write_csv(base / "listed.csv")
    return base / "listed.csv"


JOBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pictures": ("digits", ("--kind", "image")),
    "sounds": ("words", ("--kind", "audio", "--group", "^[a-z]+")),
    "texts": ("reviews", ("--kind", "text", "--text-column", "review", "--target", "opinion", "--group", "author")),
    "paths": ("listed", ("--kind", "image", "--path-column", "picture", "--target", "shown")),
}
RECIPES = {
    "pictures": "batch_norm=1, shift=0.1, early_stopping=3",
    "sounds": "pitch_shift=1, time_shift=0.1, early_stopping=3",
    "texts": "l1=0.001, synonyms=0.3, early_stopping=3",
    "paths": "mixup=0.2, early_stopping=3",
}
EACH = pytest.mark.parametrize("job", JOBS)


@pytest.fixture
def data(request: pytest.FixtureRequest, job: str) -> Path:
    return request.getfixturevalue(JOBS[job][0])


@pytest.fixture(scope="module")
def runs(base: Path) -> Callable[[str, Path], Path]:
    """A run folder a job, trained when first asked for."""

    def run_of(job: str, data: Path) -> Path:
        out = base / f"run of {job}"
        if not out.exists():
            done = goodfit("fit", data, *JOBS[job][1], "--recipe", RECIPES[job], "--out", out, "--json")
            assert_done(done)
            assert strict(done.out)["run"] == str(out)
        return out

    return run_of


# -- fit, compare, diagnose -------------------------------------------------------------------------------------------


@EACH
def test_fit_writes_a_run_whose_model_knows_what_it_was_trained_on(job: str, data: Path, runs) -> None:
    out = runs(job, data)
    assert {path.name for path in out.iterdir()} == RUN_FILES
    summary = strict((out / "run.json").read_text())
    classes = {"pictures": ["seven", "zero"], "sounds": ["high", "low"], "texts": ["neg", "pos"]}
    assert summary["data"]["classes"] == classes.get(job, ["seven", "zero"])
    assert summary["chosen"] == RECIPES[job]
    model = read_model(out)
    kind = {"sounds": "sound", "texts": "text"}.get(job, "image")
    assert model.medium == kind
    assert model.columns == ({"sounds": "sound", "texts": "review", "paths": "picture"}.get(job, "image"),)
    assert bool(model.layout.channels) == (kind != "text")
    report = (out / "report.html").read_text()
    assert report.startswith("<!doctype html>") or report.startswith("<!DOCTYPE html>")
    assert RECIPES[job].split(",")[0].split("=")[0] in report
    rows = {row["label"]: row["cells"] for row in summary["table"]["rows"]}
    assert rows[RECIPES[job]]["test_accuracy"]["value"] > 0.8


@EACH
def test_fit_without_a_recipe_chooses_one(job: str, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = goodfit("fit", data, *JOBS[job][1], "--budget", "1s", "--out", out)
    assert_done(done)
    summary = strict((out / "run.json").read_text())
    assert " ".join(done.out.split()).startswith(summary["headline"])
    assert done.out.splitlines()[-2] == f"chosen: {summary['chosen']}"
    assert len(summary["table"]["rows"]) >= 1


@pytest.mark.parametrize("job", ["pictures", "sounds"])
def test_a_folder_tells_what_it_holds_and_needs_no_target(job: str, data: Path, tmp_path: Path) -> None:
    done = goodfit("fit", data, *ONE_EPOCH, "--out", tmp_path / "run", "--json")
    assert_done(done)
    assert read_model(tmp_path / "run").medium == {"pictures": "image", "sounds": "sound"}[job]
    assert strict(done.out)["data"]["target"] == "class"


def test_a_folder_of_text_files_tells_what_it_holds(reviews: Path, tmp_path: Path) -> None:
    for place, row in enumerate(pl.read_csv(reviews).to_dicts()):
        path = tmp_path / "texts" / row["opinion"] / f"{place}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row["review"], encoding="utf-8")
    folder = tmp_path / "texts"
    done = goodfit("fit", folder, "--recipe", "early_stopping=3", "--out", tmp_path / "run", "--json")
    assert_done(done)
    assert read_model(tmp_path / "run").medium == "text"
    done = goodfit("predict", tmp_path / "run", folder)
    assert_done(done)
    told = pl.read_csv(done.out.encode())
    truth = [Path(name).parent.name for name in told["file"]]
    assert np.mean(told["prediction"].to_numpy() == np.array(truth)) > 0.8


@EACH
def test_compare(job: str, data: Path, tmp_path: Path) -> None:
    rest = ("--recipe", "early_stopping=1", "--recipe", RECIPES[job].replace("=3", "=1"), "--seeds", 2)
    done = goodfit("compare", data, *JOBS[job][1], *rest, "--out", tmp_path / "run", "--json")
    assert_done(done)
    told = strict(done.out)
    assert [row["recipe"] for row in told["rows"]] == [rest[1], rest[3]]
    assert told["rows"][0]["scores"]["test_accuracy"]["value"] > 0.4
    assert {path.name for path in (tmp_path / "run").iterdir()} == RUN_FILES - {"model.safetensors"}


@EACH
def test_diagnose(job: str, data: Path, tmp_path: Path) -> None:
    done = goodfit("diagnose", data, *JOBS[job][1], *SHORT, "--out", tmp_path / "run", "--json")
    assert_done(done)
    told = strict(done.out)
    assert told["headline"]
    assert {path.name for path in (tmp_path / "run").iterdir()} == RUN_FILES - {"model.safetensors"}
    summary = strict((tmp_path / "run" / "run.json").read_text())
    assert any(verdict["name"] == "overfitting" for verdict in summary["verdicts"])


@EACH
def test_report_is_made_anew_as_it_was(job: str, data: Path, runs, tmp_path: Path) -> None:
    run = shutil.copytree(runs(job, data), tmp_path / "run")
    before = contents(run)
    assert_done(goodfit("report", run))
    assert contents(run) == before


# -- predict ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["pictures", "sounds", "paths"])
def test_predict_a_folder_and_a_single_file(job: str, digits: Path, words: Path, data: Path, runs) -> None:
    run, folder = runs(job, data), words if job == "sounds" else digits
    done = goodfit("predict", run, folder)
    assert_done(done)
    told = pl.read_csv(done.out.encode())
    assert len(set(told["file"])) == told.height == len([path for path in folder.rglob("*") if path.is_file()])
    truth = np.array([Path(name).parent.name for name in told["file"]])
    assert np.mean(told["prediction"].to_numpy() == truth) > 0.8
    np.testing.assert_allclose(told.select(pl.selectors.starts_with("probability")).sum_horizontal(), 1, atol=1e-9)
    for name in (told["file"][0], told["file"][-1]):
        one = pl.read_csv(goodfit("predict", run, folder / name).out.encode())
        assert one.height == 1
        assert one["file"][0] == Path(name).name
        expected = told.filter(pl.col("file") == name).drop("file")
        np.testing.assert_allclose(one.drop("file", "prediction"), expected.drop("prediction"), rtol=1e-5)


def test_predict_a_table_of_texts(reviews: Path, runs, tmp_path: Path) -> None:
    run = runs("texts", reviews)
    new = pl.DataFrame({"other": [1, 2, 3, 4], "review": ["good lovely film", "awful plot", None, "never seen 😀"]})
    new.write_parquet(tmp_path / "new.parquet")
    done = goodfit("predict", run, tmp_path / "new.parquet", "-o", tmp_path / "p.csv")
    assert_done(done)
    told = pl.read_csv(tmp_path / "p.csv")
    assert told.columns == ["prediction", "probability_neg", "probability_pos"]
    assert told["prediction"].to_list()[:2] == ["pos", "neg"]
    np.testing.assert_allclose(told["probability_neg"][2], told["probability_neg"][3])
    renamed = new.rename({"review": "text"})
    renamed.write_csv(tmp_path / "renamed.csv")
    done = goodfit("predict", run, tmp_path / "renamed.csv", "--column", "text")
    assert_done(done)
    np.testing.assert_array_equal(pl.read_csv(done.out.encode())["probability_pos"], told["probability_pos"])
    (tmp_path / "one.txt").write_text("good lovely film", encoding="utf-8")
    done = goodfit("predict", run, tmp_path / "one.txt")
    assert_done(done)
    assert pl.read_csv(done.out.encode())["probability_pos"][0] == pytest.approx(told["probability_pos"][0])


def test_predict_a_table_of_paths_as_it_was_trained_on(listed: Path, digits: Path, runs, tmp_path: Path) -> None:
    """Its column of paths is found by its name, and its rows keep their order."""
    run = runs("paths", listed)
    frame = pl.read_csv(listed)[::7]
    frame.select("picture").write_csv(listed.with_name("new.csv"))
    done = goodfit("predict", run, listed.with_name("new.csv"))
    assert_done(done)
    told = pl.read_csv(done.out.encode())
    assert told["file"].to_list() == frame["picture"].to_list()
    assert np.mean(told["prediction"].to_numpy() == frame["shown"].to_numpy()) > 0.8
    frame.rename({"picture": "where"}).write_csv(listed.with_name("other.csv"))
    assert_refused(goodfit("predict", run, listed.with_name("other.csv")), "no column 'picture'")
    again = goodfit("predict", run, listed.with_name("other.csv"), "--column", "where")
    assert again.out == done.out


def test_predict_needs_files_of_the_kind_of_the_training(digits: Path, words: Path, runs, tmp_path: Path) -> None:
    run = runs("pictures", digits)
    assert_refused(goodfit("predict", run, words), str(words), "holds no pictures", ".png")
    assert_refused(goodfit("predict", run, next(words.rglob("*.wav"))), "unknown kind of file")
    large = tmp_path / "large.png"
    write_png(large, np.zeros((3, 50, 20), np.uint8))
    done = goodfit("predict", run, large)
    assert_done(done)
    assert done.out.startswith("file,prediction,probability_seven")


def test_fit_and_predict_through_the_program(digits: Path, tmp_path: Path) -> None:
    done = program("fit", digits, *ONE_EPOCH, "--out", tmp_path / "run", OMP_NUM_THREADS="1")
    assert_done(done)
    done = program("predict", tmp_path / "run", digits / "zero")
    assert_done(done)
    assert len(done.out.splitlines()) == 31


# -- what is learned from ---------------------------------------------------------------------------------------------


def test_speakers_and_authors_stand_on_one_side_of_the_test(words: Path, reviews: Path) -> None:
    spoken = read_source(Source(words, None, kind="audio", group="^[a-z]+")).problem
    written = read_source(Source(reviews, "opinion", kind="text", column="review", group="author")).problem
    assert len(set(spoken.groups)) == 6
    assert len(set(written.groups)) == 9
    for problem in (spoken, written):
        for seed in range(5):
            train, test = split_test(problem, 0.25, seed)
            assert not set(train.groups) & set(test.groups)
            assert len(train.groups) + len(test.groups) == problem.rows


def test_absurd_test_pictures_change_no_weight(digits: Path, tmp_path: Path) -> None:
    """Poison in the pictures that a fit tests on reaches nothing that is learned."""
    problem = read_source(Source(digits, None)).problem
    _, test = split_test(problem, 0.2, 0)
    held = {pixels.tobytes() for pixels in test.table.columns[0].values}
    poisoned = shutil.copytree(digits, tmp_path / "digits")
    changed = 0
    for path in sorted(poisoned.rglob("*.png")):
        (row,) = read_rows_of(path)
        if row.tobytes() in held:
            write_png(path, np.full((1, 8, 8), changed % 256, np.uint8))
            changed += 1
    assert changed == len(held)
    runs = []
    for place, folder in enumerate((digits, poisoned)):
        done = goodfit("fit", folder, "--recipe", "early_stopping=2, shift=0.1", "--out", tmp_path / f"run{place}")
        assert_done(done)
        runs.append(read_model(tmp_path / f"run{place}"))
    np.testing.assert_array_equal(runs[0].parameters, runs[1].parameters)


def read_rows_of(path: Path) -> np.ndarray:
    from goodfit.data.images import read_images

    return read_images([path], shape=(1, 8, 8)).values


def test_a_folder_of_texts_can_be_read_by_a_sentence_encoder(reviews: Path, digits: Path, tmp_path: Path) -> None:
    for place in range(24):
        path = tmp_path / ("pos", "neg")[place % 2] / f"{place}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"text number {place}", encoding="utf-8")
    source = Source(tmp_path, None, encoder="some encoder")
    assert read_source(source).problem.table.columns[0].reader == "some encoder"
    with pytest.raises(InputError, match=r"--text-encoder reads texts, and .* holds pictures"):
        read_source(Source(digits, None, encoder="some encoder"))
    with pytest.raises(InputError, match="--text-encoder reads texts: give --kind text too"):
        read_source(Source(reviews, "opinion", encoder="some encoder"))


# -- bad input --------------------------------------------------------------------------------------------------------


def filled(folder: Path, **classes: int) -> Path:
    """A folder of folders with so many small pictures each."""
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for place in range(count):
            write_png(folder / name / f"{place}.png", np.full((1, 4, 4), 7 * place, np.uint8))
    return folder


def one_class(at: Path) -> tuple[object, ...]:
    return (filled(at / "d", cat=30),)


def no_classes(at: Path) -> tuple[object, ...]:
    return (filled(at, d=30) / "d",)


def empty_picture(at: Path) -> tuple[object, ...]:
    (filled(at / "d", cat=15, dog=15) / "dog" / "nothing.png").touch()
    return (at / "d",)


def broken_picture(at: Path) -> tuple[object, ...]:
    whole = (filled(at / "d", cat=15, dog=15) / "dog" / "3.png").read_bytes()
    (at / "d" / "dog" / "broken.png").write_bytes(whole[: len(whole) // 2])
    return (at / "d",)


def no_picture(at: Path) -> tuple[object, ...]:
    (filled(at / "d", cat=15, dog=15) / "dog" / "text.png").write_text("no picture at all")
    return (at / "d",)


def sound_without_samples(at: Path) -> tuple[object, ...]:
    for name in ("high", "low"):
        (at / "d" / name).mkdir(parents=True)
        for place in range(15):
            write_wave(at / "d" / name / f"{place}.wav", 0.1 * np.sin(0.1 * np.arange(2000)))
    write_wave(at / "d" / "low" / "nothing.wav", np.empty(0))
    return (at / "d", "--kind", "audio")


def few_pictures(at: Path) -> tuple[object, ...]:
    return (filled(at / "d", cat=5, dog=5),)


def equal_pictures(at: Path) -> tuple[object, ...]:
    for name in ("cat", "dog"):
        (at / "d" / name).mkdir(parents=True)
        for place in range(15):
            write_png(at / "d" / name / f"{place}.png", np.zeros((1, 4, 4), np.uint8))
    return (at / "d",)


def unknown_files(at: Path) -> tuple[object, ...]:
    (at / "d" / "cat").mkdir(parents=True)
    (at / "d" / "cat" / "a.gif").touch()
    return (at / "d",)


def table_of_texts(at: Path, **columns: list[object]) -> Path:
    own: dict[str, list[object]] = {"t": [f"text {i} of {i % 3}" for i in range(40)], "y": ["u", "v"] * 20}
    pl.DataFrame(own | columns, strict=False).write_csv(at / "t.csv")
    return at / "t.csv"


BAD: dict[str, tuple[Callable[[Path], tuple[object, ...]], tuple[str, ...]]] = {
    "one class": (one_class, ("one class only, 'cat'", "add a folder for each other class")),
    "no classes": (no_classes, ("has pictures but no folders", "put the pictures of each class")),
    "an empty picture": (empty_picture, ("nothing.png is empty", "take it out")),
    "a broken picture": (broken_picture, ("broken.png", "take it out")),
    "no picture": (no_picture, ("text.png is not a whole PNG, JPEG or WebP picture",)),
    "a sound without samples": (sound_without_samples, ("nothing.wav holds no samples", "length is 0", "leave it out")),
    "few pictures": (few_pictures, ("d has 10 rows, too few", "give 20 or more")),
    "equal pictures": (equal_pictures, ("different rows, too few",)),
    "unknown files": (unknown_files, ("holds no file of a known kind", ".png", ".wav")),
    "no folder": (lambda at: (at / "nowhere", "--kind", "image"), ("nowhere",)),
    "target of a folder": (
        lambda at: (filled(at / "d", cat=15, dog=15), "--target", "y"),
        ("is a folder, and its folders are the classes", "leave --target away"),
    ),
    "column of a folder": (
        lambda at: (filled(at / "d", cat=15, dog=15), "--path-column", "y"),
        ("is a folder, which has no column 'y'",),
    ),
    "a folder as a table": (
        lambda at: (filled(at / "d", cat=15, dog=15), "--kind", "table"),
        ("is a folder", "--kind image, audio or text"),
    ),
    "sounds that are pictures": (
        lambda at: (filled(at / "d", cat=15, dog=15), "--kind", "audio"),
        ("hold no sounds", ".wav"),
    ),
    "group that matches nothing": (
        lambda at: (filled(at / "d", cat=15, dog=15), "--group", "^[a-z]"),
        ("--group '^[a-z]' matches nothing in the name '0.png'", "fits every file"),
    ),
    "group that is no pattern": (
        lambda at: (filled(at / "d", cat=15, dog=15), "--group", "["),
        ("--group '['", "no regular expression"),
    ),
    "one group": (
        lambda at: (filled(at / "d", cat=15, dog=15), "--group", "png"),
        ("all rows are of one group", "two groups or more"),
    ),
    "no text column": (
        lambda at: (table_of_texts(at), "--kind", "text", "--text-column", "text", "--target", "y"),
        ("no column 'text'",),
    ),
    "several text columns": (
        lambda at: (table_of_texts(at, u=["x"] * 40), "--kind", "text", "--target", "y"),
        ("t.csv has 2 columns of text beside the target", "--text-column"),
    ),
    "text column without a kind": (
        lambda at: (table_of_texts(at), "--text-column", "t", "--target", "y"),
        ("column 't' is named, but not what it holds", "--kind text"),
    ),
    "the target as text": (
        lambda at: (table_of_texts(at), "--kind", "text", "--text-column", "y", "--target", "y"),
        ("column 'y' is the target",),
    ),
    "the target as group": (
        lambda at: (table_of_texts(at), "--kind", "text", "--text-column", "t", "--target", "y", "--group", "y"),
        ("--group names 'y'", "name another column"),
    ),
    "no group column": (
        lambda at: (table_of_texts(at), "--kind", "text", "--target", "y", "--group", "author"),
        ("no column 'author'",),
    ),
    "texts without words": (
        lambda at: (table_of_texts(at, t=["." + "," * i for i in range(40)]), *texts_as("t")),
        ("no word in the training texts",),
    ),
    "paths that lead nowhere": (
        lambda at: (table_of_texts(at), "--kind", "image", "--path-column", "t", "--target", "y"),
        ("there is no file", "text 0 of 0"),
    ),
    "a table without a target": (
        lambda at: (table_of_texts(at),),
        ("t.csv", "name the column to predict with --target"),
    ),
    "a table without a target, of texts": (
        lambda at: (table_of_texts(at), "--kind", "text"),
        ("t.csv", "name the column to predict with --target"),
    ),
}


def texts_as(column: str) -> tuple[str, ...]:
    return ("--kind", "text", "--text-column", column, "--target", "y")


@pytest.mark.parametrize(("job", "words"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(job, words: tuple[str, ...], tmp_path: Path) -> None:
    arguments = job(tmp_path)
    before = contents(tmp_path)
    assert_refused(goodfit("fit", *arguments, *ONE_EPOCH, "--out", tmp_path / "run"), *words)
    assert contents(tmp_path) == before
    compared = goodfit("compare", *arguments, "--recipe", "none", "--seeds", 2)
    assert (compared.status, len(compared.err.splitlines())) == (2, 1)


RARE = {"y": ["rare"] * 4 + ["usual"] * 36, "n": [float(i) for i in range(40)]}
UNSUITED: dict[str, tuple[Callable[[Path], tuple[object, ...]], str, tuple[str, ...]]] = {
    "rotated rows": (
        lambda at: (table_of_texts(at, n=RARE["n"]), "--target", "y"),
        "rotate=10",
        ("rotate acts on pictures, not on tables", "leave it out"),
    ),
    "synonyms of pixels": (
        lambda at: (filled(at / "d", cat=25, dog=25),),
        "synonyms=0.3",
        ("synonyms acts on texts, not on pictures",),
    ),
    "synthetic texts": (
        lambda at: (table_of_texts(at), *texts_as("t")),
        "smote=1",
        ("smote acts on tables, not on texts",),
    ),
    "fewer rows than neighbors": (
        lambda at: (table_of_texts(at, **RARE), "--target", "y"),
        "smote=1",
        ("class rare has", "smote needs neighbors + 1 = 6", "or more rows"),
    ),
    "synthetic numbers": (
        lambda at: (table_of_texts(at, y=RARE["n"], n=RARE["n"]), "--target", "y"),
        "smote=1",
        ("smote evens classes, and the target is numbers",),
    ),
    "no translator": (
        lambda at: (table_of_texts(at), *texts_as("t")),
        "back_translation=0.5",
        ("back_translation finds no translator", "install", "optional=true"),
    ),
    "unknown technique": (
        lambda at: (filled(at / "d", cat=25, dog=25),),
        "blur=0.5",
        ("blur",),
    ),
    "dose out of range": (
        lambda at: (filled(at / "d", cat=25, dog=25),),
        "rotate=200",
        ("rotate: degrees is 200, outside [0, 180]",),
    ),
}


@pytest.mark.parametrize(("job", "recipe", "words"), UNSUITED.values(), ids=UNSUITED)
def test_a_technique_that_can_not_be_applied_is_refused_in_one_line(
    job, recipe: str, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_translation, "engines", list)
    arguments = job(tmp_path)
    assert_refused(goodfit("fit", *arguments, "--recipe", recipe, "--out", tmp_path / "run"), *words)
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert_refused(goodfit("compare", *arguments, "--recipe", "none", "--recipe", recipe, "--seeds", 2), *words)
    kind = () if "--target" in arguments else ("--kind", "image")
    if "class rare has" in words:
        return  # a diagnosis has no verdict on so few rows of a class, and says so
    assert_refused(goodfit("diagnose", *arguments, *kind, "--recipe", recipe), *words)


def test_without_a_translator_the_optional_one_goes_on_with_a_warning(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_translation, "engines", list)
    done = program(
        *("fit", reviews, *JOBS["texts"][1], "--recipe", "back_translation=0.5 optional=true"),
        *("--budget", "1s", "--out", tmp_path / "run"),
        PATH="/nowhere",
        HF_HUB_OFFLINE="1",
        HF_HOME=str(tmp_path),
    )
    assert done.status == 0
    assert [line for line in done.err.splitlines() if "finds no translator" in line]
    assert all(line.startswith("goodfit fit: warning: ") for line in done.err.splitlines())


# -- estimators -------------------------------------------------------------------------------------------------------


def digit_arrays(count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    few = np.flatnonzero(DIGITS < 3)[:count]
    return (PIXELS[few] * 15).astype(np.uint8).reshape(-1, 8, 8), DIGITS[few]


def saved_and_loaded(model, X, tmp_path: Path) -> None:
    """From a run folder and from a file it predicts bit for bit the same."""
    expected = model.predict_proba(X)
    model.save(tmp_path / "run")
    model.save(tmp_path / "model.safetensors")
    for path in ("run", "model.safetensors"):
        again = library.load(tmp_path / path)
        np.testing.assert_array_equal(again.predict_proba(X), expected)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        assert again.predict(X).dtype == model.classes_.dtype
    assert {path.name for path in (tmp_path / "run").iterdir()} >= RUN_FILES - {"report.html"}


@pytest.mark.parametrize("recipe", ["none", "batch_norm=1, rotate=10, mixup=0.2, early_stopping=5"])
@pytest.mark.parametrize("shape", ["grey", "colours last"])
def test_classifier_on_pictures(recipe: str, shape: str, tmp_path: Path) -> None:
    X, y = digit_arrays()
    X = np.stack([X, X // 2, 255 - X], -1) if shape == "colours last" else X
    model = library.Classifier(recipe, members=2, max_epochs=8, learning_rate=0.01).fit(X, y)
    assert model.score(X, y) > 0.8
    assert model.model_.layout.channels == (16,)
    np.testing.assert_allclose(model.predict_proba(X).sum(1), 1)
    saved_and_loaded(model, X[:20], tmp_path)
    one_by_one = np.concatenate([model.predict_proba(X[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(one_by_one, model.predict_proba(X[:3]), rtol=1e-5)
    with pytest.raises(ValueError, match="shape"):
        model.predict(X[:, :7])
    for wrong in (X.reshape(len(X), -1).astype(float), ["a text"] * 5):
        with pytest.raises(ValueError) as error:
            model.predict(wrong)
        assert "zip" not in str(error.value)


def test_classifier_on_texts(reviews: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(reviews)
    X, y = frame["review"].to_list(), frame["opinion"].to_list()
    model = library.Classifier("l1=0.001, synonyms=0.2, early_stopping=5", members=2, learning_rate=0.01).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.model_.layout.hidden == ()
    saved_and_loaded(model, [*X[:10], "unheard of", ""], tmp_path)
    for same in (np.array(X), frame["review"], frame["review"].to_pandas(), tuple(X)):
        np.testing.assert_array_equal(model.predict_proba(same), model.predict_proba(X))
    again = library.Classifier("l1=0.001, synonyms=0.2, early_stopping=5", members=2, learning_rate=0.01)
    np.testing.assert_array_equal(again.fit(frame["review"], y).predict_proba(X), model.predict_proba(X))
    gaps = [*X[:70], *[None] * 10]
    assert library.Classifier("none", members=2, max_epochs=2).fit(gaps, y).predict(gaps).shape == (80,)


def test_regressor_on_pictures_and_texts(reviews: Path) -> None:
    X, y = digit_arrays()
    model = library.Regressor("early_stopping=5", members=2, max_epochs=10, learning_rate=0.01).fit(X, 1000.0 + y)
    assert np.abs(model.predict(X) - 1000 - y).mean() < 0.6
    frame = pl.read_csv(reviews)
    target = np.where(frame["opinion"] == "pos", 5.0, -5.0)
    model = library.Regressor("none", members=2, max_epochs=40, learning_rate=0.02).fit(frame["review"], target)
    assert model.score(frame["review"].to_list(), target) > 0.7


def test_a_model_of_a_table_is_not_asked_about_texts() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = library.Classifier("none", members=1, max_epochs=1).fit(X, X[:, 0] > 0)
    for wrong in (["a text"] * 4, np.zeros((4, 8, 8), np.uint8)):
        with pytest.raises(InputError, match="the table has 1 column where 3 are wanted"):
            model.predict(wrong)


def test_equal_pictures_are_one_row_in_a_fit() -> None:
    X, y = digit_arrays(60)
    twice = library.Classifier("none", members=2, max_epochs=2).fit(np.concatenate([X, X]), np.concatenate([y, y]))
    once = library.Classifier("none", members=2, max_epochs=2).fit(X, y, sample_weight=np.full(60, 2.0))
    np.testing.assert_array_equal(twice.predict_proba(X), once.predict_proba(X))


def test_compare_by_groups(reviews: Path) -> None:
    """Authors who always praise: known to a network that has seen them, not to one that hasn't."""
    random = np.random.default_rng(0)
    authors = np.repeat(np.arange(30), 6)
    y = (random.random(30) < 0.5)[authors]
    X = [f"name{author} {' '.join(random.choice(OTHERS, 4))} no{i}" for i, author in enumerate(authors)]
    seen, unseen = (
        library.compare(X, y, ["none"], seeds=3, max_epochs=40, groups=groups).estimate(0, "test_accuracy").value
        for groups in (None, authors)
    )
    assert seen > 0.8
    assert unseen < 0.7
    with pytest.raises(InputError, match="one group"):
        library.compare(X, y, ["none"], seeds=2, groups=np.zeros(180))
    with pytest.raises(InputError, match="groups has 5 values"):
        library.compare(X, y, ["none"], seeds=2, groups=np.zeros(5))


def test_compare_pictures_and_a_table_of_them() -> None:
    X, y = digit_arrays(60)
    found = library.compare(X, y, ["early_stopping=1", "early_stopping=1, rotate=10"], seeds=2, max_epochs=2)
    table = library.compare(picture_table(X), y, ["early_stopping=1"], seeds=2, max_epochs=2)
    assert found.frame().height == 4
    assert table.estimate(0, "test_log_loss").value == pytest.approx(found.estimate(0, "test_log_loss").value, rel=1e-4)
    assert texts_of(read_problem(["a", "b"], [0, 1]).table.columns[0]) == ["a", "b"]
