"""Run folders and models that older versions wrote are read, and say what they said then."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commandline import assert_done
from commandline import goodfit as command
from release.formats import predictions, write
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import goodfit
from goodfit.saving import FORMAT, FORMAT_OF_BLENDS, FORMAT_OF_DECISIONS, read_summary

FORMATS = Path(__file__).parents[2] / "formats"
PAGE = Path(__file__).parents[3] / "docs" / "versions.md"
VERSIONS = sorted(FORMATS.iterdir())
SAVED = [
    pytest.param(path, id=f"{folder.name}-{path.name}")
    for folder in VERSIONS
    for path in sorted(folder.iterdir())
    if path.is_dir() or path.suffix == ".safetensors"
]


def told(path: Path) -> dict[str, list[object]]:
    return json.loads((path.parent / "predictions.json").read_text(encoding="utf-8"))[path.name]


def format_of(path: Path) -> int:
    with safe_open(path / "model.safetensors" if path.is_dir() else path, "np") as file:
        return int(file.metadata()["format"])


@pytest.mark.parametrize("path", SAVED)
def test_what_an_older_version_saved_predicts_what_it_did(path):
    found = predictions(path, pl.read_csv(path.parent / "new.csv", try_parse_dates=True))
    for name, values in told(path).items():
        if isinstance(values[0], str):
            assert found[name] == values
        else:
            np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("folder", [path / "run" for path in VERSIONS], ids=lambda path: path.parent.name)
def test_an_older_run_folder_is_reported_and_its_rows_are_predicted(folder, tmp_path):
    summary, history = read_summary(folder)
    assert summary["goodfit"].startswith(folder.parent.name)
    assert history.height > 0
    assert_done(command("report", folder, "-o", tmp_path / "report.html"))
    assert (tmp_path / "report.html").stat().st_size > 50_000
    assert_done(command("predict", folder, folder.parent / "new.csv", "-o", tmp_path / "predicted.csv"))
    assert pl.read_csv(tmp_path / "predicted.csv")["prediction"].to_list() == told(folder)["predict"]


def test_every_format_that_is_written_is_kept_and_documented():
    kept = {format_of(param.values[0]) for param in SAVED}
    assert kept == {FORMAT, FORMAT_OF_BLENDS, FORMAT_OF_DECISIONS}
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert {int(row[1]) for row in rows if row[1].strip().isdecimal()} == kept


def test_the_kept_files_are_small():
    assert sum(path.stat().st_size for path in FORMATS.rglob("*") if path.is_file()) < 100_000


def test_todays_version_writes_the_formats_that_are_kept(tmp_path):
    write(tmp_path / "today")
    newest = VERSIONS[-1]
    written = {path.name: format_of(path) for path in (tmp_path / "today").iterdir() if path.name in _names(newest)}
    assert written == {path.name: format_of(path) for path in newest.iterdir() if path.name in written}
    assert set(written) == _names(newest)
    mine, old = (read_summary(folder / "run")[0] for folder in (tmp_path / "today", newest))
    assert set(old) <= set(mine), "a minor version may add to run.json, and take nothing away"


def test_a_newer_format_is_refused_with_what_to_do(tmp_path):
    path = FORMATS / "0.1" / "number.safetensors"
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    save_file(load_file(path), tmp_path / "new.safetensors", metadata | {"format": "5", "goodfit": "9.0"})
    with pytest.raises(goodfit.InputError, match=r"written by goodfit 9.0 in format 5.*: upgrade goodfit"):
        goodfit.load(tmp_path / "new.safetensors")


def test_a_newer_run_is_refused_with_what_to_do(tmp_path):
    summary = json.loads((FORMATS / "0.1" / "run" / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "run.json").write_text(json.dumps(summary | {"format": 2, "goodfit": "9.0"}), encoding="utf-8")
    with pytest.raises(goodfit.InputError, match=r"written by goodfit 9.0 in format 2.*: upgrade goodfit"):
        read_summary(tmp_path)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir() or path.suffix == ".safetensors"}
