"""The database of a search: its URL, what it tells of its failures, and trials that it lost."""

import sqlite3
import struct
from contextlib import closing

import numpy as np
import pytest
from optuna.trial import TrialState
from sqlalchemy.engine import make_url
from study_problems import SETTINGS

from goodfit.errors import InputError
from goodfit.regularizers.ranges import Space
from goodfit.studies.searching import database
from goodfit.studies.searching.asking import Proposer
from goodfit.studies.searching.choices import Choices
from goodfit.studies.searching.database import opening, url_of, using, with_driver
from goodfit.studies.searching.store import Store
from goodfit.urls import shown

SPACE = Space.parse("l2=off|1e-5..0.1, dropout=0..0.4, early_stopping=3")
CHOICES = Choices(SPACE, ((8,), ()), (0, 4), (False, True), (16, 32), (1e-3, 1e-2), SETTINGS)


@pytest.mark.parametrize(
    ("installed", "expected"),
    [(("psycopg2", "psycopg", "pg8000"), "psycopg2"), (("psycopg", "pg8000"), "psycopg"), (("pg8000",), "pg8000")],
)
def test_a_url_gets_the_driver_that_is_installed(installed, expected, monkeypatch):
    monkeypatch.setattr(database, "find_spec", lambda name: name in installed or None)
    for scheme in ("postgresql", "postgres"):
        assert with_driver(f"{scheme}://me@host/name") == f"postgresql+{expected}://me@host/name"
    for other in ("postgresql+asyncpg://host/name", "mysql://host/name", "sqlite:///trials.db", "nonsense"):
        assert with_driver(other) == other


def test_without_a_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(database, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"postgresql://\.\.\.@host/name needs .* install goodfit\[postgres\]") as told:
        with_driver("postgresql://me:secret@host/name")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@host/name",
        "postgresql://me:se/secret@host/name",
        "postgresql://me:a@secret@host/name",
        "postgresql://host/name?user=me&password=secret",
        "postgresql://:secret@/name",
    ],
)
def test_no_password_is_told(url):
    assert "secret" not in shown(url)
    for meet in (opening, using):
        with pytest.raises(InputError) as told, meet(url):
            raise OSError(f"no way to {url}")
        assert "secret" not in str(told.value)
    assert shown("sqlite:////a@b/trials.db") == "sqlite:////a@b/trials.db"


def test_a_password_in_what_a_driver_says_is_left_out():
    with pytest.raises(InputError) as told, using("postgresql://me:s%40cret@host/name"):
        raise OSError("can't connect with s@cret or s%40cret\nand more")
    assert "can't connect with ... or ...)" in str(told.value)
    assert "and more" not in str(told.value)


def test_a_path_may_hold_any_sign(tmp_path):
    path = tmp_path / "what? 100%25 #1" / "trials.db"
    assert make_url(url_of(path)).database == str(path)
    path.parent.mkdir()
    Proposer(CHOICES, 0, url_of(path)).close()
    assert path.is_file()


def test_other_errors_are_nobodys_fault_but_ours():
    with pytest.raises(KeyError), using("sqlite:///trials.db"):
        raise KeyError("hidden")


def test_trials_that_a_database_lost_are_put_back_under_their_numbers(tmp_path):
    first = Proposer(CHOICES, 0, url_of(tmp_path / "lost.db"))
    asked = first.ask(4)
    first.close()
    known = [(asked[0], 0.5), (asked[1], float("nan")), (asked[3], 0.25)]
    again = Proposer(CHOICES, 0, url_of(tmp_path / "new.db"))
    again.catch_up(known)
    again.catch_up(known)
    trials = again.study.get_trials()
    assert [(t.number, t.value) for t in trials] == [(0, 0.5), (1, None), (2, None), (3, 0.25)]
    assert [t.state for t in trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.FAIL, TrialState.COMPLETE]
    for trial in (trials[0], trials[3]):
        assert trial.params.keys() == again.distributions.keys()
    assert again.ask(1)[0].number == 4
    again.close()


def test_a_folder_has_a_study_of_its_own_in_a_database_of_others(tmp_path):
    one, other = (Store(tmp_path / name, "job", "postgresql://host/name") for name in "ab")
    assert one.study == Store(tmp_path / "a", "job", "postgresql://host/name").study
    assert one.study != other.study
    assert one.study.startswith(Store(tmp_path / "a", "job").study)
    (tmp_path / "a" / "name.txt").write_bytes(b"\xff damaged")
    assert one.study != other.study


def told_of(path):
    """A search's database of a dozen trials, and what was told of them."""
    proposer = Proposer(CHOICES, 0, url_of(path))
    known = [(proposal, 0.5 + proposal.number / 8) for proposal in proposer.ask(12)]
    for proposal, loss in known:
        proposer.tell(proposal.number, loss)
    proposer.close()
    return known


def caught_up(path, known):
    """What it says of them to a search that goes on; None where it is refused, in a line."""
    proposer = None
    try:
        proposer = Proposer(CHOICES, 0, url_of(path))
        proposer.catch_up(known)
        return {trial.number: trial.value for trial in proposer.study.get_trials(deepcopy=False)}
    except InputError as error:
        advised = "move the file away" in str(error) or "the same command goes on" in str(error)
        return None if advised and "\n" not in str(error) else {}
    finally:
        if proposer:
            proposer.close()


def test_a_database_with_flipped_bits_is_refused_or_says_what_was(tmp_path):
    path, random = tmp_path / "trials.db", np.random.default_rng(0)
    known = told_of(path)
    expected = {proposal.number: loss for proposal, loss in known}
    content = path.read_bytes()
    value = content.find(struct.pack(">d", known[5][1]))  # SQLite writes a real with its highest byte first
    assert value > 0
    places = [value + byte for byte in range(8)] + random.integers(0, len(content), 30).tolist()
    outcomes = []
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        found = caught_up(path, known)
        outcomes.append(found is not None)
        assert found is None or {number: found[number] for number in expected} == expected
    assert not any(outcomes[:8])
    assert any(outcomes[8:])


@pytest.mark.parametrize("damage", ["update trial_params set distribution_json = '{'", "delete from trial_values"])
def test_a_database_that_says_something_else_is_refused(damage, tmp_path):
    known = told_of(tmp_path / "trials.db")
    with closing(sqlite3.connect(tmp_path / "trials.db")) as database, database:
        database.execute(damage)
    assert caught_up(tmp_path / "trials.db", known) is None
