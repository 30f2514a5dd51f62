"""A small table as a file, and a run trained on it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from browsing import open_browser
from commandline import QUICK, assert_done, goodfit
from customers import make_table
from selenium import webdriver

from goodfit.studies import testing


@pytest.fixture(scope="session", autouse=True)
def few_replicates() -> Iterator[None]:
    """Intervals from 10 resamplings of the test rows: most of a small fit's time goes into them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "REPLICATES", 10)
        yield


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    yield from open_browser(tmp_path_factory.mktemp("profile"))


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
            with path.open("wb") as opened:
                content.write_parquet(opened) if path.suffix == ".parquet" else content.write_csv(opened)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file
