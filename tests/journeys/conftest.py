"""A small table with a column of every kind, and a run trained on it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commandline import assert_done, goodfit

QUICK = ("--recipe", "l2=0.001, early_stopping=2")


def make_table(rows: int = 120, seed: int = 0) -> pl.DataFrame:
    """Customers who leave or stay: numbers, a number with gaps, text, dates, booleans, and the target."""
    random = np.random.default_rng(seed)
    age, spent = random.normal(45, 12, rows), random.lognormal(3, 1, rows)
    member = random.random(rows) < 0.5
    score = (age - 45) / 12 + member + random.normal(0, 0.7, rows)
    return pl.DataFrame(
        {
            "age": age,
            "spent": np.where(random.random(rows) < 0.15, np.nan, spent),
            "town": random.choice(["Bath", "York", "Leeds"], rows),
            "since": np.datetime64("2020-01-01") + random.integers(0, 1500, rows),
            "member": member,
            "left": np.where(score > 0.5, "yes", "no"),
        }
    ).with_columns(pl.col("spent").fill_nan(None), pl.when(pl.col("age") < 30).then(None).otherwise("town").alias("town"))


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    return make_table()


@pytest.fixture(scope="session")
def csv(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    table.write_csv(path)
    return path


@pytest.fixture(scope="session")
def trained(csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that tests read but leave as it is."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert_done(goodfit("fit", csv, "--target", "left", *QUICK, "--out", folder))
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run folder."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes | pl.DataFrame], Path]:
    """Write a file of the test's own."""

    def file(name: str, content: str | bytes | pl.DataFrame) -> Path:
        path = tmp_path / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path) if path.suffix == ".parquet" else content.write_csv(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file
