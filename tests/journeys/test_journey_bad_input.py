"""What goes wrong on the user's side: status 2, one line that says what, where and what to do, and nothing lost."""

import errno
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commandline import PROGRAM, QUICK, USUAL, Done, assert_done, assert_refused, contents, goodfit, program
from customers import make_table
from safetensors.numpy import load_file, save_file

import goodfit as library
from goodfit.errors import InputError
from goodfit.training import checkpoint

Write = Callable[[str, str | bytes | pl.DataFrame], Path]
ROWS = "".join(f"{i},{i % 3},{'yes' if i % 2 else 'no'}\n" for i in range(40))
GOOD = "a,b,left\n" + ROWS


def changed(**columns: pl.Expr) -> pl.DataFrame:
    return make_table().with_columns(**columns)


def at_row(row: int, value: object, column: str) -> pl.Expr:
    """A column with another value in a row (from 1)."""
    return pl.when(pl.int_range(pl.len()) == row - 1).then(pl.lit(value)).otherwise(column)


TABLES: dict[str, tuple[str, str | bytes | pl.DataFrame, tuple[str, ...]]] = {
    "empty file": ("t.csv", "", ("t.csv is empty", "column names")),
    "header only": ("t.csv", "a,b,left\n", ("t.csv has no rows", "add rows")),
    "no such column": ("t.csv", GOOD.replace("left", "Left"), ("t.csv has no column 'left'", "did you mean 'Left'?")),
    "no column like it": ("t.csv", "p,q\n1,2\n", ("no column 'left'", "its columns are p, q")),
    "only the target": ("t.csv", "left\n" + "yes\nno\n" * 20, ("no column but the target 'left'",)),
    "one class only": ("t.csv", GOOD.replace("yes", "no"), ("one class only, no", "at least two classes")),
    "a class with one row": ("t.csv", GOOD + "1,1,perhaps\n", ("class perhaps", "has 1 row", "add rows")),
    "too few rows": ("t.csv", "a,b,left\n" + ROWS[:60], ("t.csv has 8 rows", "too few", "20 or more")),
    "too few different rows": ("t.csv", "a,left\n" + "1,yes\n2,no\n" * 20, ("2 different rows", "too few")),
    "no usable column": ("t.csv", "a,left\n" + "1,yes\n1,no\n" * 20, ("different rows", "too few")),
    "infinite values": ("t.csv", changed(age=at_row(7, np.inf, "age")), ("'age'", "1 infinite", "in row 7", "replace")),
    "equal column names": ("t.csv", GOOD.replace("a,b", "a,a"), ("more than one column is named 'a'", "own name")),
    "ragged": ("t.csv", GOOD + "1,2\n", ("t.csv, line 42 has 2 fields, the header has 3", "add or remove ','")),
    "open quote": ("t.csv", GOOD + '1,"2,no\n', ("t.csv, line 42", "a quote is not closed")),
    "not UTF-8": ("t.csv", GOOD.encode() + b"1,2,\xe9\n", ("t.csv, line 42", "0xE9", "save it as UTF-8")),
    "target with gaps": ("t.csv", GOOD + "1,1,\n1,2,\n", ("2 missing values", "first in row 41", "leave out the rows")),
    "target of dates": ("t.csv", changed(left=pl.col("since")), ("target holds dates", "give")),
    "unknown suffix": ("t.xlsx", GOOD, ("t.xlsx", "unknown kind of file '.xlsx'", ".csv")),
    "not parquet": ("t.parquet", GOOD, ("t.parquet is not a whole parquet file",)),
    "not gzip": ("t.csv.gz", GOOD, ("t.csv.gz is not a whole gzip file",)),
    "not JSON lines": ("t.jsonl", '{"a": 1}\n[2]\n', ("t.jsonl, line 2 is not a JSON object",)),
    "nested": ("t.jsonl", '{"a": [1], "left": 1}\n{"a": [2], "left": 0}\n' * 20, ("'a'", "List", "one to a cell")),
}


@pytest.mark.parametrize(("name", "content", "words"), TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("command", ["fit", "compare"])
def test_table_is_refused_and_the_old_run_stays(
    command: str, name: str, content: str | bytes | pl.DataFrame, words: tuple[str, ...], run: Path, write: Write
) -> None:
    path = write(name, content)
    if command == "compare":
        (run / "model.safetensors").unlink()
    before = contents(path.parent)
    assert_refused(goodfit(command, path, "--target", "left", *QUICK, "--out", run), *words)
    assert_refused(goodfit(command, path, "--target", "left", *QUICK, "--out", run.parent / "new"), *words)
    assert contents(path.parent) == before


def test_missing_file_through_the_program(run: Path) -> None:
    before = contents(run)
    done = program("fit", run / "none.csv", "--target", "left", "--out", run)
    assert_refused(done, "goodfit fit: ", f"no file {run / 'none.csv'}", "check the name")
    assert contents(run) == before


USAGE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "dose out of range": (("--recipe", "dropout=1.5"), ("dropout", "1.5", "[0, 1]")),
    "dose no number": (("--recipe", "l2=much"), ("l2", "'much'", "give a number")),
    "unknown technique": (("--recipe", "magic=1"), ("'magic'", "early_stopping")),
    "twice": (("--recipe", "l2=1, l2=2"), ("l2 stands in it twice",)),
    "no such setting": (("--recipe", "l2=1 foo=2"), ("'foo'", "biases")),
    "budget no time": (("--budget", "soon"), ("budget is 'soon'", "30s")),
    "budget nought": (("--budget", "0s"), ("budget is '0s'", "above 0")),
    "negative seed": (("--seed", "-1"), ("--seed", "0")),
    "task of another target": (("--task", "regression"), ("target holds text", "give numbers")),
    "unknown task": (("--task", "both"), ("--task", "'both'", "binary")),
    "unknown option": (("--magic",), ("No such option: --magic", "goodfit fit --help")),
    "misspelt option": (("--recip", "none"), ("--recip", "--recipe")),
    "cost of nought": (("--costs", "1:0"), ("--costs 1:0", "above 0", "such as 1:10")),
    "costs no numbers": (("--costs", "ten"), ("--costs ten", "such as 1:10")),
    "unknown metric": (("--metric", "beauty"), ("metric is 'beauty'", "roc_auc")),
    "no value": (("--recipe",), ("--recipe", "requires an argument")),
    "two tables": (("other.csv",), ("other.csv",)),
}


@pytest.mark.parametrize(("options", "words"), USAGE.values(), ids=USAGE)
def test_usage_is_refused_and_the_old_run_stays(
    options: tuple[str, ...], words: tuple[str, ...], csv: Path, run: Path
) -> None:
    before = contents(run.parent)
    assert_refused(goodfit("fit", csv, "--target", "left", "--out", run, *options), "goodfit fit: ", *words)
    assert contents(run.parent) == before


@pytest.mark.parametrize("seeds", ["1", "0", "-3", "many", "2.5"])
@pytest.mark.parametrize("command", ["compare", "demo"])
def test_bad_seeds(command: str, seeds: str, csv: Path, tmp_path: Path) -> None:
    rest = (csv, "--target", "left", "--recipe", "none") if command == "compare" else ()
    assert_refused(
        goodfit(command, *rest, "--seeds", seeds, "--out", tmp_path / "new"), "--seeds", "goodfit " + command
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["fit", "compare"])
def test_a_training_that_fails_leaves_no_folder(
    command: str, csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: object, **__: object) -> None:
        raise InputError("every network diverged; lower the learning rate")

    monkeypatch.setattr(f"goodfit.commands.{command}.{command}", diverge)
    done = goodfit(command, csv, "--target", "left", *QUICK, "--out", tmp_path / "above" / "run")
    assert_refused(done, f"goodfit {command}: every network diverged")
    assert not (tmp_path / "above" / "run").exists()


def test_what_is_not_there_is_named() -> None:
    assert_refused(goodfit("frobnicate"), "'frobnicate'", "goodfit --help")
    assert_refused(goodfit("fit"), "data", "goodfit fit --help")
    assert_refused(goodfit("fit", "t.csv"), "--target")
    assert_refused(goodfit("compare", "t.csv", "--target", "y"), "--recipe")


@pytest.mark.parametrize("recipe", [("--recipe", "l2=0.1"), ()])
def test_costs_are_for_two_classes(recipe: tuple[str, ...], csv: Path, tmp_path: Path) -> None:
    for target, found in (("town", "has 3 classes"), ("age", "is a number")):
        frame = pl.read_csv(csv).drop_nulls(target)
        frame.write_csv(tmp_path / "rows.csv")
        asked = ("--target", target, "--costs", "1:10", *recipe, "--out", tmp_path / "run")
        assert_refused(goodfit("fit", tmp_path / "rows.csv", *asked), "costs are for a target of two classes", found)
    assert not (tmp_path / "run").exists()


def test_binary_is_not_asked_of_three_classes(tmp_path: Path, write: Write) -> None:
    path = write("t.csv", GOOD + "1,2,perhaps\n" * 3)
    done = goodfit("fit", path, "--target", "left", "--task", "binary", "--out", tmp_path / "new")
    assert_refused(done, "'left' of t.csv has 3 classes", "--task multiclass")


@pytest.mark.parametrize("command", ["fit", "compare"])
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("file", ("file is a file", "give a folder")),
        ("file/below", ("file/below", "another place", "--out")),
        ("others", ("others is a folder with other things in it", "give a new one")),
        ("/proc/goodfit", ("/proc/goodfit", "another place", "--out")),
    ],
)
def test_out_is_refused_before_training(
    command: str, place: str, words: tuple[str, ...], csv: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "others" / "search").mkdir(parents=True)
    for name in ("thesis.txt", ".lock"):
        (tmp_path / "others" / name).write_text("mine")
    before = contents(tmp_path)
    assert_refused(goodfit(command, csv, "--target", "left", *QUICK, "--out", tmp_path / place), *words)
    assert contents(tmp_path) == before


def test_a_comparison_does_not_take_the_place_of_a_model(csv: Path, run: Path) -> None:
    before = contents(run)
    done = goodfit("compare", csv, "--target", "left", "--recipe", "none", "--out", run)
    assert_refused(done, f"--out {run} holds a trained model", "give a new folder")
    assert contents(run) == before


def new_table(**columns: pl.Expr) -> pl.DataFrame:
    return make_table(12, seed=1).drop("left").with_columns(**columns)


NEW: dict[str, tuple[pl.DataFrame, tuple[str, ...]]] = {
    "lacks a column": (new_table().drop("age"), ("column 'age' is missing", "add what the training had")),
    "lacks all": (pl.DataFrame({"z": [1]}), ("columns 'age', 'spent', 'town', 'since', 'member' are missing",)),
    "text for numbers": (new_table(age=pl.lit("old")), ("'age' holds text, e.g. 'old' in row 1", "give numbers")),
    "numbers for text": (new_table(town=pl.lit(3)), ("'town' holds numbers, e.g. 3 in row 1", "give text")),
    "number for a date": (new_table(since=pl.lit(2.5)), ("'since' holds numbers", "give dates")),
    "neither true nor false": (new_table(member=pl.lit(7)), ("'member' holds numbers, e.g. 7", "give booleans")),
    "infinite": (new_table(age=at_row(3, np.inf, "age")), ("'age' has 1 infinite", "row 3", "replace")),
    "no rows": (new_table().clear(), ("has no rows",)),
}


@pytest.mark.parametrize(("frame", "words"), NEW.values(), ids=NEW)
def test_new_table_is_refused(frame: pl.DataFrame, words: tuple[str, ...], trained: Path, write: Write) -> None:
    path = write("new.csv", frame)
    assert_refused(goodfit("predict", trained, path, "-o", path.with_name("out.csv")), "goodfit predict: ", *words)
    assert [file.name for file in path.parent.iterdir()] == ["new.csv"]


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("out.xlsx", ("out.xlsx", ".csv, .parquet, .jsonl")),
        ("file/out.csv", ("file", "another place", "--out")),
        ("/proc/out.csv", ("/proc/out.csv", "another place", "--out")),
        ("folder.csv", ("folder.csv", "another place", "--out")),
    ],
)
def test_predictions_have_nowhere_to_go(
    out: str, words: tuple[str, ...], trained: Path, tmp_path: Path, write: Write
) -> None:
    new = write("new.csv", new_table())
    write("file", "mine")
    (tmp_path / "folder.csv").mkdir()
    before = contents(tmp_path)
    assert_refused(goodfit("predict", trained, new, "-o", tmp_path / out), *words)
    assert contents(tmp_path) == before


def test_report_has_no_run_or_nowhere_to_go(run: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    assert_refused(goodfit("report", tmp_path), "no run in", "run.json")
    assert_refused(goodfit("report", run, "-o", "/proc/report.html"), "/proc/report.html", "another place")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", ["", "{", "[1]", "\udcff"])
def test_run_json_is_damaged(damage: str, run: Path) -> None:
    (run / "run.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert_refused(goodfit("report", run), "run", "make it again")


def test_history_is_damaged(run: Path) -> None:
    file = run / "history.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    assert_refused(goodfit("report", run), str(run), "make it again")
    with pytest.raises(InputError, match="make it again"):
        library.load(run)


def test_truncated_model(run: Path, write: Write) -> None:
    new, file = write("new.csv", new_table()), run / "model.safetensors"
    whole = file.read_bytes()
    for length in (0, 1, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert_refused(goodfit("predict", run, new), str(file), "train or copy it again")


def test_not_a_model(tmp_path: Path, write: Write) -> None:
    new = write("new.csv", new_table())
    assert_refused(goodfit("predict", tmp_path / "none", new), "no model at", "none", "give a run folder")
    assert_refused(goodfit("predict", tmp_path, new), "no model at", "model.safetensors")
    assert_refused(goodfit("predict", new, new), "new.csv is truncated or not a model")
    save_file({"weight": np.ones(3, np.float32)}, tmp_path / "other.safetensors")
    assert_refused(goodfit("predict", tmp_path / "other.safetensors", new), "not one of goodfit's", "run folder")


def test_model_of_a_newer_format(run: Path, write: Write) -> None:
    file = run / "model.safetensors"
    size = struct.unpack("<Q", file.read_bytes()[:8])[0]
    metadata = json.loads(file.read_bytes()[8 : 8 + size])["__metadata__"]
    save_file(load_file(file), file, metadata | {"format": "5", "goodfit": "9.9"})
    done = goodfit("predict", run, write("new.csv", new_table()))
    assert_refused(done, str(file), "goodfit 9.9 in format 5", "format 4", "upgrade goodfit")


def test_every_altered_byte_of_a_model_is_noticed(tmp_path: Path) -> None:
    X, y = np.arange(40.0)[:, None], np.arange(40) % 2
    model = library.Classifier("l2=0.001", hidden=(2,), members=1, max_epochs=1).fit(X, y)
    file = tmp_path / "model.safetensors"
    model.save(file)
    whole, expected = file.read_bytes(), model.predict_proba(X)
    assert [place for place in range(len(whole)) if accepts(file, whole, place, bit=1)] == []
    assert [place for place in range(len(whole)) if accepts(file, whole, place, bit=32)] == []
    file.write_bytes(whole)
    assert np.array_equal(library.load(file).predict_proba(X), expected)


def accepts(file: Path, whole: bytes, place: int, bit: int) -> bool:
    """Whether a model with another bit in a byte is loaded."""
    file.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
    try:
        library.load(file)
    except InputError as error:
        if len(str(error).splitlines()) != 1 or str(file) not in str(error):
            raise
        return False
    return True


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails", ["goodfit.saving.os.replace", "pathlib.Path.write_bytes"])
def test_full_disk_leaves_the_old_run(
    fails: str, csv: Path, run: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    new = write("new.csv", new_table())
    before = contents(run.parent)
    monkeypatch.setattr(fails, full)
    fit = goodfit("fit", csv, "--target", "left", "--recipe", "none", "--budget", "1s", "--out", run)
    assert_refused(fit, str(run), "no space left", "free some")
    assert_refused(goodfit("report", run), str(run / "report.html"), "no space left")
    if "replace" in fails:  # predictions are written as they come; the next test fills a real disk
        out = run.with_name("out.csv")
        assert_refused(goodfit("predict", run, new, "-o", out), str(out), "no space left")
    assert contents(run.parent) == before


def test_full_disk_while_training(csv: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    before = contents(run)
    monkeypatch.setattr(checkpoint.Checkpoint, "due", True)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    done = goodfit("fit", csv, "--target", "left", *QUICK, "--out", run)
    assert_refused(done, "no space left on the disk", "free some")
    assert contents(run) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB: enough for one run folder, not for two."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=8m", "none", folder):
        pytest.skip("no right to mount a small disk here; a full one is simulated by the tests above")
    yield folder
    subprocess.run(["umount", folder], check=True)


def mounted(*arguments: str | Path) -> bool:
    mount = shutil.which("mount")
    return mount is not None and subprocess.run([mount, *arguments], capture_output=True, check=False).returncode == 0


def test_a_disk_that_is_really_full(small_disk: Path, csv: Path) -> None:
    command = ("fit", csv, "--target", "age", "--recipe", "none", "--budget", "1s", "--out", small_disk / "run")
    assert_done(goodfit(*command))
    before = contents(small_disk)
    assert_refused(program(*command), "no space left on the disk", "free some and give the same command again")
    assert contents(small_disk) == before
    assert mounted("-o", "remount,size=20m", small_disk)
    assert_done(goodfit(*command, "--seed", 1))
    assert contents(small_disk).keys() == before.keys()
    assert contents(small_disk) != before


def test_a_disk_that_can_only_be_read(small_disk: Path, csv: Path, trained: Path) -> None:
    """Told before the training, of a new folder and of an old one."""
    shutil.copytree(trained, small_disk / "run")
    assert mounted("-o", "remount,ro", small_disk)
    for name in ("run", "new"):
        done = goodfit("fit", csv, "--target", "left", "--out", small_disk / name)
        assert_refused(done, str(small_disk / name), "no permission; choose another place with --out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_output_that_is_full(trained: Path, write: Write) -> None:
    command = [PROGRAM, "predict", trained, write("new.csv", new_table())]
    with Path("/dev/full").open("w") as out:
        ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, env=USUAL, check=False)
    assert_refused(Done(ended.returncode, "", ended.stderr), "no space left on the disk")
