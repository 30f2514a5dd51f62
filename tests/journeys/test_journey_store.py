"""The store of a search that fails: a full disk, a database that is locked, damaged, or not for this goodfit."""

import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from commandline import Done, assert_done, assert_refused, goodfit, program
from searches import KILLED, SEARCH, WAITING, batches, command_of, struck_by

NETWORKS = ["batch-0000.safetensors"]
FILL = """
with open({path!r}, "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def killed(csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of a search that was killed after its first batch."""
    run = tmp_path_factory.mktemp("killed") / "run"
    assert struck_by(KILLED, *search_of(csv, run)).status == -signal.SIGKILL
    return run


@pytest.fixture
def left(killed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    run = shutil.copytree(killed, tmp_path / "run")
    assert batches(run) == NETWORKS
    return run


def search_of(csv: Path, run: Path, budget: str = "8s") -> tuple[object, ...]:
    return ("fit", csv, *SEARCH, "--budget", budget, "--out", run)


def trials_of(run: Path) -> dict[int, str]:
    """What the database says of each trial of the newest study."""
    with sqlite3.connect(run / "search" / "trials.db") as database:
        found = database.execute(
            "select number, state from trials where study_id = (select max(study_id) from studies)"
        )
        told = dict(found.fetchall())
    database.close()
    return told


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one that can be filled."""
    folder, mount = tmp_path / "disk", shutil.which("mount")
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", "size=24m", "none", folder)
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("after the first", "trials.db failed (database or disk is full"),
        ("before the second", "batch-0001.safetensors: no space left"),
    ],
    ids=["Optuna", "networks"],
)
def test_a_full_disk_leaves_what_was_kept(when: str, words: str, csv: Path, disk: Path) -> None:
    """Full when Optuna is told of a batch, and when one is written."""
    run, filler = disk / "run", disk / "filler"
    refused = struck_by(FILL.format(path=str(filler)), *search_of(csv, run, "60s"), when=when)
    assert_refused(refused, str(run / "search"), words, "free some")
    assert batches(run) == NETWORKS
    again = program(*search_of(csv, run))
    assert_refused(again, "full", "free some")
    assert batches(run) == NETWORKS
    filler.unlink()
    assert_done(goodfit(*search_of(csv, run)))
    assert {"COMPLETE"} <= set(trials_of(run).values()) <= {"COMPLETE", "FAIL"}


@pytest.mark.parametrize(
    "damage",
    [
        "cut in half",
        *(pytest.param(d, marks=pytest.mark.slow) for d in ("not a database", "pages overwritten", "a folder")),
    ],
)
def test_a_damaged_database_is_told_and_the_networks_are_gone_on_with(damage: str, csv: Path, left: Path) -> None:
    path = left / "search" / "trials.db"
    content = path.read_bytes()
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    else:
        changed = {"not a database": b"mine" * 1000, "cut in half": content[: len(content) // 2]}
        path.write_bytes(changed.get(damage, content[:4096] + bytes(len(content) - 4096)))
    refused = program(*search_of(csv, left))
    assert_refused(refused, f"the store sqlite:///{path}", "move the file away", "the networks beside it")
    assert batches(left) == NETWORKS
    path.rename(path.with_name("moved"))
    assert_done(goodfit(*search_of(csv, left)))
    found = trials_of(left)
    assert sorted(found) == list(range(len(found)))
    assert "COMPLETE" in found.values()


@pytest.mark.slow
def test_a_database_of_a_newer_optuna_is_told(csv: Path, left: Path) -> None:
    with sqlite3.connect(left / "search" / "trials.db") as database:
        database.execute("update alembic_version set version_num = 'v99.0.0.a'")
    database.close()
    refused = program(*search_of(csv, left))
    assert_refused(refused, "trials.db", "updating optuna", "move the file away")
    assert batches(left) == NETWORKS


@pytest.mark.slow
def test_a_database_that_another_process_has_locked_is_told(csv: Path, left: Path) -> None:
    database = sqlite3.connect(left / "search" / "trials.db", isolation_level=None)
    database.execute("begin exclusive")
    refused = program(*search_of(csv, left))
    assert_refused(refused, "trials.db", "database is locked", "end what else uses it")
    database.execute("rollback")
    database.close()
    assert batches(left) == NETWORKS
    assert_done(goodfit(*search_of(csv, left)))


@pytest.mark.slow
def test_a_study_that_is_deleted_in_the_midst_is_told(csv: Path, tmp_path: Path) -> None:
    """As by a click on 'delete' in optuna-dashboard."""
    run, command = tmp_path / "run", command_of(WAITING, *search_of(csv, tmp_path / "run", "60s"))
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as search:
        assert search.stdout.readline() == "kept\n"
        database = optuna.storages.RDBStorage(f"sqlite:///{run / 'search' / 'trials.db'}")
        for study in database.get_all_studies():
            database.delete_study(study._study_id)
        database.engine.dispose()
        out, told = search.communicate("go on\n")
    assert_refused(Done(search.returncode, out, told), "trials.db failed (", "the same command goes on")
    assert batches(run) == NETWORKS
    assert_done(goodfit(*search_of(csv, run)))


@pytest.mark.parametrize("changed", ["FORMAT", "version"])
def test_another_goodfit_starts_anew(changed: str, csv: Path, left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"goodfit.studies.searching.store.{changed}", 99 if changed == "FORMAT" else lambda _: "9.9")
    assert_done(goodfit(*search_of(csv, left)))
    with sqlite3.connect(left / "search" / "trials.db") as database:
        assert database.execute("select count(*) from studies").fetchone() == (2,)
    database.close()
    assert batches(left) == []
