"""Rows in the order of time, by the commands and in Python."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commandline import QUICK, assert_done, assert_refused, goodfit

import goodfit as library
from goodfit.commands.reading import Source, read_source
from goodfit.errors import InputError


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    days = random.permutation(np.repeat(np.arange(80), 3))
    price, stock = random.normal(size=(2, 240))
    frame = pl.DataFrame(
        {
            "day": [date(2024, 1, 1) + timedelta(days=int(day)) for day in days],
            "price": price,
            "stock": stock,
            "shop": ["x", "y", "z"] * 80,
            "sold": np.where(price + random.normal(size=240) > 0, "yes", "no"),
        }
    )
    frame.write_csv(tmp_path / "sales.csv")
    return tmp_path / "sales.csv"


def test_the_column_of_times_orders_rows_and_is_no_input(sales: Path) -> None:
    given = read_source(Source(sales, "sold", time="day"))
    assert given.problem.table.names == ("price", "stock", "shop")
    days = pl.read_csv(sales, try_parse_dates=True)["day"].dt.epoch("s").to_numpy()
    np.testing.assert_array_equal(given.problem.times, days)
    assert given.notes == ("splits keep the order of 'day': rows held out are later",)


def test_fit_search_and_predict(sales: Path, tmp_path: Path) -> None:
    for name, options in {"one": QUICK, "found": ("--budget", "4s")}.items():
        run = tmp_path / name
        assert_done(goodfit("fit", sales, "--target", "sold", "--time", "day", *options, "--out", run))
        summary = json.loads((run / "run.json").read_text())
        assert (summary["data"]["train"], summary["data"]["test"]) == (192, 48)
        assert "splits keep the order of 'day': rows held out are later" in summary["data"]["notes"]
        assert_done(goodfit("predict", run, sales))


def test_compare_and_diagnose(sales: Path, tmp_path: Path) -> None:
    named = (sales, "--target", "sold", "--time", "day")
    assert_done(goodfit("compare", *named, "--recipe", "none", "--seeds", 2, "--out", tmp_path / "compared"))
    table = json.loads((tmp_path / "compared" / "run.json").read_text())["table"]
    assert "up to a moment of its own" in table["note"]
    assert_done(goodfit("diagnose", *named, "--budget", "4s", "--out", tmp_path / "found"))


def test_python_takes_times() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(150, 3))
    y, times = X[:, 0] + random.normal(size=150) > 0, random.permutation(150)
    prepared = library.search(X, y, space="l2=1e-5..0.1", budget=2, times=times).found.ablation.fit.prepared
    for learned in prepared.trains:
        assert prepared.problem.times[learned].max() == len(learned) - 1
    found = library.compare(X, y, ["none"], seeds=2, hidden=(4,), max_epochs=2, times=times)
    assert found.prepared.problem.times is not None
    told = library.diagnose(X, y, times=np.zeros(150))
    assert "too few times" in told.verdicts[0].reason
    with pytest.raises(InputError, match="times has 5 values; give 150"):
        library.search(X, y, times=np.zeros(5))


BAD: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no such column": (("--time", "dya"), ("no column 'dya'", "did you mean 'day'?")),
    "the target": (("--time", "sold"), ("--time names 'sold'", "name another column")),
    "texts": (("--time", "shop"), ("column 'shop' holds 'x' in row 1", "give dates or numbers")),
    "groups too": (("--time", "day", "--group", "shop"), ("--group and --time", "not both")),
}


@pytest.mark.parametrize("command", ["fit", "compare", "diagnose"])
@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD)
def test_what_orders_no_rows_is_refused_in_one_line(command, options, words, sales: Path, tmp_path: Path) -> None:
    more = ("--recipe", "none", "--out", tmp_path / "run")
    assert_refused(goodfit(command, sales, "--target", "sold", *options, *more), *words)
    assert not (tmp_path / "run").exists()


def test_a_gap_is_told_with_its_row(sales: Path) -> None:
    frame = pl.read_csv(sales, try_parse_dates=True)
    frame.with_columns(day=pl.when(pl.int_range(pl.len()) == 6).then(None).otherwise("stock")).write_csv(sales)
    refused = goodfit("fit", sales, "--target", "sold", "--time", "day")
    assert_refused(refused, "column 'day' has no value in row 7", "drop the row")


def test_a_folder_has_no_column_of_times(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert_refused(goodfit("fit", tmp_path, "--kind", "image", "--time", "day"), "has no column 'day'")
