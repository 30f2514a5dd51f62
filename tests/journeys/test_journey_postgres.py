"""A search's trials in a PostgreSQL server: killed and gone on with, a server that goes, and no password anywhere."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Done, assert_done, assert_refused, goodfit, program
from postgres import PASSWORD, Server, run_server
from searches import KILLED, SEARCH, WAITING, batches, command_of, struck_by

ENDED = "select count(*) from trials where state in ('COMPLETE', 'FAIL')"
NETWORKS = "batch-0000.safetensors"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture
def empty(server: Server) -> Server:
    """The server without anything in its database."""
    server.query("drop schema public cascade; create schema public; select 1")
    return server


def assert_no_password(folder: Path, *ended: Done) -> None:
    for done in ended:
        assert PASSWORD not in done.out + done.err
    for path in folder.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_a_killed_search_goes_on_with_the_trials_of_the_server(empty: Server, csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("fit", csv, *SEARCH, "--budget", "15s", "--store", empty.url, "--out", run)
    killed = struck_by(KILLED, *command)
    assert killed.status == -signal.SIGKILL, killed.err
    assert batches(run) == [NETWORKS]
    assert empty.query(ENDED) == [0]
    done = goodfit(*command)
    assert_done(done)
    assert empty.query(ENDED)[0] > 3
    assert len(empty.query("select study_name from studies")) == 1
    assert empty.query("select count(*) from trials where state = 'RUNNING'") == [0]
    assert not (run / "search" / "trials.db").exists()
    assert_no_password(tmp_path, killed, done)


@pytest.mark.slow
def test_a_server_that_stops_loses_nothing_that_was_kept(empty: Server, csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("fit", csv, *SEARCH, "--budget", "15s", "--store", empty.url, "--out", run)
    search = subprocess.Popen(
        command_of(WAITING, *command), stdin=-1, stdout=-1, stderr=-1, encoding="utf-8", text=True
    )
    assert search.stdout.readline() == "kept\n"
    empty.stop()
    try:
        failed = Done(2, *search.communicate("go on\n"))
        assert search.returncode == 2, failed.err
        assert_refused(failed, "the store postgresql://...@127.0.0.1", "failed (", "the same command goes on")
        away = program(*command)
        assert_refused(away, "the store postgresql://...@127.0.0.1", "can't be used (")
        assert batches(run) == [NETWORKS]
    finally:
        empty.start()
    done = goodfit(*command)
    assert_done(done)
    assert_no_password(tmp_path, failed, away, done)


@pytest.mark.slow
def test_what_the_server_refuses_is_told_in_its_words(empty: Server, csv: Path, tmp_path: Path) -> None:
    for wrong, words in (
        (empty.url.replace(PASSWORD, "forgotten"), "password authentication failed"),
        (empty.url.replace("/postgres", "/none"), 'database "none" does not exist'),
    ):
        refused = program("fit", csv, *SEARCH, "--store", wrong, "--out", tmp_path / "run")
        assert_refused(refused, words, "give the URL of a database that is there")
        assert "forgotten" not in refused.err
        assert_no_password(tmp_path, refused)


@pytest.mark.slow
def test_two_folders_on_one_server_have_a_study_each(empty: Server, csv: Path, tmp_path: Path) -> None:
    """The second search of the same rows doesn't take the first one's trials away."""
    first, second = (
        ("fit", csv, *SEARCH, "--budget", "8s", "--store", empty.url, "--out", tmp_path / name) for name in "ab"
    )
    assert struck_by(KILLED, *first).status == -signal.SIGKILL
    assert_done(goodfit(*second))
    assert len(empty.query("select study_name from studies")) == 2
    assert_done(goodfit(*first))
