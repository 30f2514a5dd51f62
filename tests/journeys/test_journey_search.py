"""Searching from the command line: a model within its time, interrupted and gone on with, and what is refused."""

import json
import signal
from pathlib import Path

import polars as pl
import pytest
from commandline import RUN_FILES, assert_done, assert_refused, goodfit
from searches import SEARCH, batches, struck_by


def test_a_search_leaves_a_run_that_predicts(csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = goodfit("fit", csv, *SEARCH, "--budget", "6s", "--out", run, "--json")
    assert_done(done)
    found = json.loads(done.out)
    assert {path.name for path in run.iterdir()} == RUN_FILES | {"search"}
    assert [path.name for path in (run / "search").iterdir()] == ["trials.db"]
    assert found["search"]["estimate"]["naive"] <= found["search"]["estimate"]["corrected"]["value"]
    assert "networks together" in found["table"]["rows"][-1]["label"]
    predicted = goodfit("predict", run, csv, "-o", tmp_path / "new.csv")
    assert_done(predicted)
    assert pl.read_csv(tmp_path / "new.csv").height == pl.read_csv(csv).height
    assert_done(goodfit("report", run))


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_the_same_command_goes_on_where_a_search_was_stopped(name: str, csv: Path, tmp_path: Path) -> None:
    command = ("fit", csv, *SEARCH, "--budget", "20s", "--out", tmp_path / "run")
    stopped = struck_by(f"import os, signal; os.kill(os.getpid(), signal.{name})", *command)
    assert stopped.status == (-signal.SIGKILL if name == "SIGKILL" else 130), stopped.err
    assert batches(tmp_path / "run") == ["batch-0000.safetensors"]
    done = goodfit(*command, "--json")
    assert_done(done)
    found = json.loads(done.out)["search"]
    assert found["trials"]["all"] >= 4
    assert batches(tmp_path / "run") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--recipe", "l2=1..0.1"), ("l2",)),
        (("--recipe", "l2=1e-3..nought"), ("l2",)),
        (("--budget", "soon"), ("budget is 'soon'",)),
        (("--store", "nonsense"), ("the store nonsense can't be used",)),
        (("--store", "postgresql://me:secret@127.0.0.1:1/none"), ("the store postgresql://...@127.0.0.1:1/none",)),
    ],
)
def test_what_a_search_refuses(options: tuple[str, ...], words: tuple[str, ...], csv: Path, tmp_path: Path) -> None:
    refused = goodfit("fit", csv, "--target", "left", *options, "--out", tmp_path / "run")
    assert_refused(refused, *words)
    assert "secret" not in refused.err


def test_ranges_are_for_searches_alone(csv: Path) -> None:
    assert_refused(goodfit("compare", csv, "--target", "left", "--recipe", "l2=1e-5..0.1"), "range")
