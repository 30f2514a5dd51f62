"""From a table to an ONNX file by commands, and its predictions beside goodfit's own."""

import json
import sys

import numpy as np
import polars as pl
import pytest
from commandline import QUICK, assert_done, assert_refused, goodfit
from exported import answers, fed, session


def customers(rows=300, seed=0):
    random = np.random.default_rng(seed)
    age = random.normal(45, 15, rows).round(1)
    frame = pl.DataFrame(
        {
            "age": [
                None if draw < 0.1 else value for draw, value in zip(random.random(rows), age.tolist(), strict=True)
            ],
            "income": random.lognormal(10, 1, rows).round(2),
            "region": random.choice(["north", "south", "öst", None], rows).tolist(),
            "joined": pl.date_range(pl.date(2019, 1, 1), pl.date(2024, 12, 31), eager=True).sample(rows, seed=seed),
            "left": np.where(age + random.normal(0, 10, rows) > 50, "yes", "no"),
        }
    )
    return frame


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    customers().write_parquet(folder / "customers.parquet")
    assert_done(goodfit("fit", folder / "customers.parquet", "--target", "left", *QUICK, "--out", folder / "run"))
    return folder / "run"


def test_an_exported_run_predicts_a_new_table_as_predict_does(run, tmp_path):
    path, new = tmp_path / "model.onnx", customers(80, seed=1).drop("left")
    done = goodfit("export", run, "-o", path)
    assert_done(done)
    assert done.out.splitlines()[0].startswith(f"{path}: 5 networks, ")
    assert done.out.splitlines()[1] == "inputs: age, income, region, joined"
    new.write_parquet(tmp_path / "new.parquet")
    assert_done(goodfit("predict", run, tmp_path / "new.parquet", "-o", tmp_path / "predicted.parquet"))
    predicted = pl.read_parquet(tmp_path / "predicted.parquet")
    said = answers(session(path), fed(new, new.columns))
    assert said["label"].tolist() == predicted["prediction"].to_list()
    both = predicted.select("probability_no", "probability_yes").to_numpy()
    np.testing.assert_allclose(said["probabilities"], both, atol=1e-9)


def test_for_programs_it_says_what_is_in_the_file(run, tmp_path):
    done = goodfit("export", run / "model.safetensors", "--out", tmp_path / "model.onnx", "--json")
    assert_done(done)
    told = json.loads(done.out)
    assert told["path"] == str(tmp_path / "model.onnx")
    assert told["bytes"] == (tmp_path / "model.onnx").stat().st_size
    assert told["inputs"] == ["age", "income", "region", "joined"]
    assert len(told["units"]) == len(told["units_dropped"]) == 2


def test_bad_input_is_one_line(run, tmp_path, monkeypatch):
    assert_refused(goodfit("export", tmp_path / "nothing"), "no model at", "run folder")
    assert_refused(goodfit("export", run, "-o", tmp_path), "is a folder", "model.onnx")
    (tmp_path / "file").write_text("")
    assert_refused(goodfit("export", run, "-o", tmp_path / "file" / "model.onnx"), "choose another place")
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert_refused(goodfit("export", run, "-o", tmp_path / "model.onnx"), 'pip install "goodfit[onnx]"')
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_its_help_has_an_example():
    done = goodfit("export", "--help")
    assert done.status == 0
    assert "goodfit export loans-run -o loans.onnx" in done.out
    assert "goodfit[onnx]" in done.out
