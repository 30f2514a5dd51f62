"""goodfit diagnose on training logs: from a file to an exit status."""

import json
from pathlib import Path

import numpy as np
import pytest
from commandline import assert_done, assert_refused, goodfit, program
from event_files import scalar_file
from log_curves import drawn

EPOCHS = np.arange(40)


def log(rise: float) -> str:
    noise = 0.008 * drawn(np.random.default_rng(0), 2, len(EPOCHS), 0.3)
    train = 0.1 + np.exp(-EPOCHS / 8) + 0.2 * noise[0]
    held_out = 1 + np.exp(-EPOCHS / 4) + rise * np.maximum(0, EPOCHS - 15) + noise[1]
    rows = [f"{e},{a:.6f},{b:.6f}" for e, a, b in zip(EPOCHS, train, held_out, strict=True)]
    return "\n".join(["epoch,loss,val_loss", *rows, ""])


@pytest.fixture
def overfitted(tmp_path: Path) -> Path:
    path = tmp_path / "overfitted.csv"
    path.write_text(log(0.03))
    return path


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    path = tmp_path / "healthy.csv"
    path.write_text(log(0.0))
    return path


def test_what_it_shows(overfitted: Path) -> None:
    done = goodfit("diagnose", overfitted)
    assert_done(done)
    lines = done.out.splitlines()
    assert lines[0].startswith("It overfits: the validation loss turns at epoch 1")
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.out
    for words in (
        "yes  overfitting",
        "no   underfitting",
        "keep: epoch 1",
        "a log can't tell:",
        "● validation loss",
    ):
        assert words in done.out
    assert "not asked: collapsed, leak" in done.out


def test_fail_on_sets_the_exit_status(overfitted: Path, healthy: Path) -> None:
    assert goodfit("diagnose", overfitted, "--fail-on", "overfitting").status == 1
    assert goodfit("diagnose", overfitted, "--fail-on", "diverged", "--fail-on", "stopped_wrong").status == 1
    assert_done(goodfit("diagnose", overfitted, "--fail-on", "diverged"))
    assert_done(goodfit("diagnose", healthy, "--fail-on", "overfitting"))
    assert goodfit("diagnose", healthy, "--fail-on", "good_fit").status == 1


def test_through_the_program(overfitted: Path) -> None:
    done = program("diagnose", overfitted, "--fail-on", "overfitting", "--json")
    assert (done.status, done.err) == (1, "")
    assert json.loads(done.out)["fired"] == ["overfitting", "stopped_wrong"]


def test_a_verdict_that_no_log_tells_does_not_fail_but_is_said(overfitted: Path) -> None:
    done = goodfit("diagnose", overfitted, "--fail-on", "leak", "--json")
    assert done.status == 0
    assert done.err == "goodfit diagnose: note: leak is not applicable: a log holds no columns and no rows\n"
    assert json.loads(done.out)["headline"].startswith("It overfits")


def test_json_is_the_whole_diagnosis(healthy: Path) -> None:
    done = goodfit("diagnose", healthy, "--json")
    assert_done(done)
    told = json.loads(done.out)
    assert told["fired"] == ["good_fit"]
    assert {"verdicts", "turn", "keep", "curves", "unknown", "notes", "unit", "source", "kind"} <= set(told)
    assert told["keep"]["epoch"] == 39


def test_the_fields_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(log(0.03).replace("loss", "error", 1).replace("val_loss", "dev_error"))
    assert_refused(goodfit("diagnose", path), "--validation NAME")
    done = goodfit("diagnose", path, "--train", "error", "--validation", "dev_error")
    assert_done(done)
    assert done.out.startswith("It overfits")


def test_folders(tmp_path: Path) -> None:
    folder = tmp_path / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text(log(0.03))
    done = goodfit("diagnose", folder, "--json")
    assert json.loads(done.out)["kind"] == "CSV"
    rows = [line.split(",") for line in log(0.03).splitlines()[1:]]
    for side, column in (("train", 1), ("validation", 2)):
        place = tmp_path / "keras" / side
        place.mkdir(parents=True)
        values = [(int(row[0]), float(row[column])) for row in rows]
        (place / "events.out.tfevents.1").write_bytes(scalar_file("epoch_loss", values))
    done = goodfit("diagnose", tmp_path / "keras", "--fail-on", "overfitting")
    assert (done.status, done.err) == (1, "")
    assert done.out.startswith("It overfits: the validation loss turns at epoch 1")


def test_a_run_of_ones_own(trained: Path) -> None:
    done = goodfit("diagnose", trained, "--json")
    assert_done(done)
    assert json.loads(done.out)["kind"] == "goodfit run"


def test_what_is_refused(tmp_path: Path, healthy: Path) -> None:
    assert_refused(goodfit("diagnose", healthy, "--fail-on", "overfiting"), "no verdict has this name", "overfitting")
    assert_refused(goodfit("diagnose", tmp_path / "none.csv"), "there is no file")
    (tmp_path / "empty").mkdir()
    assert_refused(goodfit("diagnose", tmp_path / "empty"), "a folder without a log")
    (tmp_path / "empty.csv").touch()
    assert_refused(goodfit("diagnose", tmp_path / "empty.csv"), "is empty")


def test_a_log_too_short_to_tell_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss,val_loss\n1,2,3\n2,1,4\n")
    done = goodfit("diagnose", path, "--fail-on", "overfitting")
    assert done.status == 0
    assert done.out.startswith("It can't be told: fewer than 8 epochs")
    assert "overfitting is undecided" in done.err
