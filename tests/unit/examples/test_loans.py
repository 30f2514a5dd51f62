from pathlib import Path

import polars as pl

import goodfit.examples
from goodfit.examples import load_loans


def test_the_loans_are_those_described():
    loans = load_loans()
    assert loans.shape == (9857, 23)
    assert dict(loans["target"].value_counts().iter_rows()) == {"bad": 517, "good": 9340}
    assert loans.null_count().sum_horizontal().item() == 0
    assert loans["int_rate"].is_between(5, 30).all()


def test_the_file_among_the_examples_is_the_shipped_one():
    file = Path(__file__).parents[3] / "examples" / "lending_club.parquet"
    assert pl.read_parquet(file).equals(load_loans())


def test_the_licence_travels_with_the_data():
    text = Path(goodfit.examples.__file__).with_name("LICENSES.md").read_text(encoding="utf-8")
    assert "modeldata" in text
    assert "MIT License" in text
