"""Tables that memory can't hold: learned from files, with the results that they have in memory, bit for bit."""

import json
import re
import sqlite3

import numpy as np
import polars as pl
import pytest
from commandline import QUICK, goodfit
from polars.testing import assert_frame_equal

from goodfit.commands import fit as command
from goodfit.commands.large import for_search, rows_of
from goodfit.commands.reading import Source, read_source
from goodfit.data import batches, shelf
from goodfit.errors import InputError
from goodfit.locking import alone_in

MODEL = "model.safetensors"
EACH_TARGET = pytest.mark.parametrize("target", ["answer", "count", "yes", "price"])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 3))
    score = x[:, 0] + x[:, 1] * x[:, 2]
    frame = pl.DataFrame(
        {
            "a": x[:, 0].round(4),
            "b": pl.Series(x[:, 1]).set(pl.Series(x[:, 1] > 2), None),
            "c": x[:, 2],
            "kind": random.choice(["x", "y", "z"], 300).tolist(),
            "person": random.integers(0, 40, 300),
            "day": pl.Series(random.integers(10_000, 20_000, 300)).cast(pl.Int32).cast(pl.Date),
            "answer": np.where(score > 0, "good", "bad").tolist(),
            "count": np.clip(np.round(score) + 2, 0, 4).astype(np.int64),
            "yes": score > 0.5,
            "price": score + random.normal(size=300),
        }
    )
    frame = pl.concat([frame, frame[:30]])
    path = tmp_path_factory.mktemp("large") / "table.csv"
    frame.write_csv(path)
    return path


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch):
    monkeypatch.setattr(batches, "BYTES_AT_ONCE", 4000)
    monkeypatch.setattr(shelf, "ROWS_AT_ONCE", 64)


def summary(out):
    told = json.loads((out / "run.json").read_text())
    del told["created"], told["sha256"], told["data"]["notes"]
    return told


def both(command, table, folder, *options):
    """The same command in memory and from files."""
    outs = []
    for name, memory in (("memory", "100GB"), ("files", "1KB")):
        out = folder / name
        done = goodfit(command, table, *options, "--memory", memory, "--out", out)
        assert done.status == 0, done.err
        outs.append(out)
    return outs


@EACH_TARGET
def test_a_fit_is_the_same(table, tmp_path, target):
    one, other = both("fit", table, tmp_path, "--target", target, *QUICK)
    assert (one / MODEL).read_bytes() == (other / MODEL).read_bytes()
    assert summary(one) == summary(other)
    assert not (tmp_path / "memory.cache").exists()
    assert (tmp_path / "files.cache" / "columns" / "table.json").exists()


@pytest.mark.parametrize("kept", [("--group", "person"), ("--time", "day")])
def test_groups_and_times_are_kept(table, tmp_path, kept):
    one, other = both("fit", table, tmp_path, "--target", "answer", *QUICK, *kept)
    assert (one / MODEL).read_bytes() == (other / MODEL).read_bytes()


def test_a_comparison_is_the_same(table, tmp_path):
    recipes = ("--recipe", "none", "--recipe", "l2=0.01, early_stopping=2", "--seeds", "2")
    one, other = both("compare", table, tmp_path, "--target", "price", *recipes)
    assert summary(one) == summary(other)


def test_the_files_serve_again_for_the_same_table_alone(table, tmp_path):
    def fitted(path):
        done = goodfit(
            "fit", path, "--target", "answer", *QUICK, "--memory", "1KB", "--out", tmp_path / "run", "--json"
        )
        assert done.status == 0, done.err
        return json.loads(done.out)["data"]

    assert "330 rows are learned from files in" in fitted(table)["notes"][0]
    written = (tmp_path / "run.cache" / "columns" / "0.f8").stat().st_mtime_ns
    fitted(table)
    assert (tmp_path / "run.cache" / "columns" / "0.f8").stat().st_mtime_ns == written
    other = tmp_path / "other.csv"
    other.write_text("\n".join(table.read_text().splitlines()[:200]) + "\n")
    assert fitted(other)["rows"] == 199


def test_a_query_of_more_rows_than_memory_is_learned_from_files(table, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        frame = pl.read_csv(table).select("a", "b", "c", "kind", "answer")
        shop.execute("create table sales (a real, b real, c real, kind text, answer text)")
        shop.executemany("insert into sales values (?, ?, ?, ?, ?)", frame.rows())
    shop.close()
    query = ("--query", "select * from sales", "--target", "answer", *QUICK)
    one, other = both("fit", f"sqlite:///{tmp_path / 'shop.db'}", tmp_path, *query)
    assert (one / MODEL).read_bytes() == (other / MODEL).read_bytes()
    told = json.loads((other / "run.json").read_text())
    assert told["data"]["notes"][0] == f"330 rows are learned from files in {tmp_path / 'files.cache'}"


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_predictions_are_the_same_in_pieces(table, tmp_path, suffix):
    assert goodfit("fit", table, "--target", "answer", *QUICK, "--out", tmp_path / "run").status == 0
    whole, pieces = tmp_path / f"whole{suffix}", tmp_path / f"pieces{suffix}"
    assert goodfit("predict", tmp_path / "run", table, "-o", whole).status == 0
    done = goodfit("predict", tmp_path / "run", table, "-o", pieces, "--memory", "1KB", "--json")
    assert json.loads(done.out)["rows"] == 330
    reader = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}[suffix]
    assert_frame_equal(reader(pieces), reader(whole))
    printed = goodfit("predict", tmp_path / "run", table, "--memory", "1KB").out
    assert printed.count("probability_good") == 1
    assert len(printed.splitlines()) == 331


def test_predictions_that_fail_on_the_way_leave_what_was_there(table, tmp_path):
    assert goodfit("fit", table, "--target", "answer", *QUICK, "--out", tmp_path / "run").status == 0
    broken, out = tmp_path / "new.csv", tmp_path / "out.csv"
    broken.write_text(table.read_text() + "1,2\n")
    out.write_text("before")
    done = goodfit("predict", tmp_path / "run", broken, "-o", out, "--memory", "1KB")
    assert done.status == 2
    assert "line 332 has 2 fields" in done.err
    assert out.read_text() == "before"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_a_search_learns_from_some_of_the_rows(table, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "SEARCHED", 150)
    monkeypatch.setattr(command, "TESTED", 30)
    options = ("--target", "answer", "--recipe", "l2=1e-4..0.1", "--budget", "3s", "--memory", "1KB")
    done = goodfit("fit", table, *options, "--out", tmp_path / "run", "--json")
    assert done.status == 0, done.err
    told = json.loads(done.out)["data"]
    assert 130 < told["train"] <= 150, "of these, equal ones are one"
    assert told["test"] == 30
    assert "the search learned from 150 of" in told["notes"][1]


def read_in_files(path, folder, **named):
    return read_source(Source(path, "answer", cache=folder, memory=1000, **named)).problem


def with_column(table, folder, name, values):
    path = folder / f"{name}.parquet"
    pl.read_csv(table).with_columns(pl.Series(name, values)).write_parquet(path)
    return path


@pytest.mark.parametrize("values", [["mon", "tue", "wed"] * 110, [True, False, True] * 110])
def test_what_is_no_time_is_refused(table, tmp_path, values):
    with pytest.raises(InputError, match=r"column 'when' holds .* which is no time"):
        read_in_files(with_column(table, tmp_path, "when", values), tmp_path / "cache", time="when")


@pytest.mark.parametrize("values", [["b", None, "a"] * 110, [10, None, 9] * 110])
def test_rows_without_a_group_are_one_as_in_memory(table, tmp_path, values):
    path = with_column(table, tmp_path, "team", values)
    whole = read_source(Source(path, "answer", group="team")).problem
    assert np.array_equal(read_in_files(path, tmp_path / "cache", group="team").groups, whole.groups)


def test_whole_numbers_that_floats_merge_are_refused(table, tmp_path):
    path = with_column(table, tmp_path, "team", [2**53, 2**53 + 1, 5] * 110)
    with pytest.raises(InputError, match=r"column 'team' holds whole numbers beyond 2\^53"):
        read_in_files(path, tmp_path / "cache", group="team")


def test_the_same_bytes_of_another_kind_are_another_table(tmp_path):
    text = "a,b\tanswer\n" + "".join(f"{i},{i}\t{'yn'[i % 2]}\n" for i in range(60))
    for name in ("t.csv", "t.tsv"):
        (tmp_path / name).write_text(text)
    rows_of(tmp_path / "t.csv", 1000, tmp_path / "cache")
    assert rows_of(tmp_path / "t.tsv", 1000, tmp_path / "cache").table.names == ("a,b", "answer")


def test_a_search_is_given_every_class(table, tmp_path):
    rare = ["x" if i < 4 else "y" for i in range(330)]
    problem = read_in_files(with_column(table, tmp_path, "answer", rare), tmp_path / "cache")
    for seed in range(5):
        assert len(np.unique(for_search(problem, 50, seed).target)) == 2


def test_predictions_tell_the_row_of_a_fault(table, tmp_path):
    assert goodfit("fit", table, "--target", "answer", *QUICK, "--out", tmp_path / "run").status == 0
    path = tmp_path / "new.csv"
    lines = table.read_text().splitlines()
    first = lines[200].split(",")
    path.write_text("\n".join([*lines[:200], ",".join(["inf", *first[1:]]), *lines[201:]]) + "\n")
    done = goodfit("predict", tmp_path / "run", path, "--memory", "1KB", "-o", tmp_path / "out.csv")
    told = re.search(r"first in row (\d+).*rows are counted from row (\d+)", done.err)
    assert told, done.err
    assert int(told[1]) + int(told[2]) - 1 == 200


def test_files_are_written_by_one_process_at_a_time(table, tmp_path):
    with alone_in(tmp_path / "shared"):
        options = ("--target", "answer", *QUICK, "--memory", "1KB", "--cache", tmp_path / "shared")
        done = goodfit("fit", table, *options, "--out", tmp_path / "run")
    assert done.status == 2
    assert "another process is at work in" in done.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--target", "anser"), "no column 'anser': did you mean 'answer'?"),
        (("--target", "answer", "--group", "persn"), "no column 'persn': did you mean 'person'?"),
        (("--target", "b"), "the target has 8 missing values"),
        (("--target", "day"), "dates"),
        (("--target", "answer", "--memory", "much"), "--memory much: give a size above 0, such as 3GB"),
    ],
)
def test_bad_input(table, tmp_path, options, told):
    done = goodfit("fit", table, "--memory", "1KB", *QUICK, *options, "--out", tmp_path / "run")
    assert done.status == 2
    assert told in done.err
    assert done.err.count("\n") == 1
