"""goodfit diagnose on a table: from a file to verdicts and an exit status; and goodfit.diagnose from Python."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commandline import assert_done, assert_refused, goodfit, program
from sklearn.linear_model import LogisticRegression

from goodfit import Classifier, InputError, Regressor, diagnose
from goodfit.diagnosis import QUESTIONS
from goodfit.studies.diagnosing import FEWEST_ROWS

NAMES = [question.NAME for question in QUESTIONS]
Write = Callable[[str, str | bytes | pl.DataFrame], Path]


def table_of(rows: int, *, columns: int = 3, noise: float = 0.3, seed: int = 0) -> pl.DataFrame:
    """A number that is a line through the others, and noise."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, columns))
    names = [f"c{i}" for i in range(columns)]
    aim = X[:, 0] - X[:, 1] + noise * random.normal(size=rows)
    return pl.DataFrame(dict(zip(names, X.T, strict=True)) | {"aim": aim})


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows enough for what they hold, and a penalty under which no network overfits."""
    path = tmp_path_factory.mktemp("healthy") / "healthy.csv"
    table_of(200, columns=2, noise=1.0).write_csv(path)
    return path


@pytest.fixture(scope="session")
def overfitting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels of pure noise, which a network of the usual size memorizes."""
    path = tmp_path_factory.mktemp("overfitting") / "noise.csv"
    random = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": random.normal(size=80) for i in range(8)})
    frame.with_columns(aim=pl.Series(random.choice(["no", "yes"], 80))).write_csv(path)
    return path


def flat(text: str) -> str:
    """Text as one line: how it is wrapped is another matter."""
    return " ".join(text.split())


HEALTHY = ("--target", "aim", "--recipe", "l2=0.01, early_stopping=10")


def test_what_it_shows_and_writes(overfitting: Path, tmp_path: Path) -> None:
    done = goodfit("diagnose", overfitting, "--target", "aim", "--out", tmp_path / "run")
    assert_done(done)
    said = flat(done.out)
    assert said.startswith("Overfitting: ")
    line = next(line for line in done.out.splitlines() if line.startswith("yes") and " overfitting " in line)
    assert line.split()[:2] == ["yes", "overfitting"]
    assert max(map(len, done.out.splitlines()[:-1])) <= 80
    assert re.search(
        r"a regularizer lowers the held-out loss \(the loss falls by [0-9.]+ % \[[0-9., ]+\]\); train with ", said
    )
    assert "not asked: stopped_wrong (its recipe has no early stopping)" in said
    assert done.out.splitlines()[-1] == f"report: {tmp_path / 'run' / 'report.html'}"
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"run.json", "history.parquet", "report.html"}
    summary = json.loads((tmp_path / "run" / "run.json").read_text())
    assert summary["command"] == "diagnose"
    assert said.startswith(summary["headline"])
    assert " brings the held-out loss from " in summary["headline"]
    assert summary["headline"] in (tmp_path / "run" / "report.html").read_text()
    assert set(pl.read_parquet(tmp_path / "run" / "history.parquet")["recipe"]) >= {"none", "early_stopping=10"}


def test_json_is_the_whole_diagnosis_of_a_healthy_network_and_nothing_fails(healthy: Path) -> None:
    done = goodfit("diagnose", healthy, *HEALTHY, "--json", "--fail-on", "overfitting", "--fail-on", "leak")
    assert done.status == 0
    told = json.loads(done.out, parse_constant=pytest.fail)
    assert [verdict["name"] for verdict in told["verdicts"]] == NAMES
    assert set(told) == {"fired", "verdicts", "headline"}
    assert not {"overfitting", "leak"} & set(told["fired"])
    assert told["fired"] == [verdict["name"] for verdict in told["verdicts"] if verdict["outcome"] == "fired"]


def test_fail_on_sets_the_exit_status(overfitting: Path) -> None:
    failed = goodfit("diagnose", overfitting, "--target", "aim", "--fail-on", "overfitting", "--json")
    assert (failed.status, failed.err) == (1, "")
    assert "overfitting" in json.loads(failed.out)["fired"]


def test_through_the_program_in_the_time_granted(healthy: Path) -> None:
    done = program("diagnose", healthy, "--target", "aim", "--budget", "5s", "--json")
    assert done.status == 0
    assert [verdict["name"] for verdict in json.loads(done.out)["verdicts"]] == NAMES


def test_too_few_rows_are_told_and_nothing_fails(write: Write, tmp_path: Path) -> None:
    path = write("few.csv", table_of(10))
    done = goodfit("diagnose", path, "--target", "aim", "--out", tmp_path / "run", "--fail-on", "overfitting")
    reason = f"10 different rows are too few; {FEWEST_ROWS} or more can tell something"
    assert (done.status, done.err) == (0, f"goodfit diagnose: note: overfitting is not applicable: {reason}\n")
    assert flat(done.out).startswith(f"Whether it overfits can't be told: {reason}.")
    assert f"not asked: {', '.join(NAMES)} ({reason})" in flat(done.out)
    assert reason in (tmp_path / "run" / "report.html").read_text()
    told = json.loads(goodfit("diagnose", path, "--target", "aim", "--json").out)
    assert {verdict["outcome"] for verdict in told["verdicts"]} == {"not applicable"}


def test_what_is_refused(healthy: Path, write: Write, tmp_path: Path) -> None:
    refused = goodfit("diagnose", healthy, "--target", "aim", "--fail-on", "overfiting")
    assert_refused(refused, "no verdict has this name", "overfiting", "overfitting")
    assert_refused(goodfit("diagnose", healthy, "--target", "aims"), "has no column 'aims'", "did you mean 'aim'?")
    assert_refused(goodfit("diagnose", tmp_path / "none.csv", "--target", "aim"), "none.csv")
    assert_refused(goodfit("diagnose", healthy, "--target", "aim", "--recipe", "l3=1"), "l3")
    assert_refused(goodfit("diagnose", healthy, "--target", "aim", "--budget", "soon"), "budget is 'soon'")
    assert_refused(goodfit("diagnose", write("one.csv", "aim\n1\n2\n"), "--target", "aim"), "no column but the target")
    assert_refused(goodfit("diagnose", healthy, "--target", "aim", "--out", healthy), "is a file")


# -- from Python ------------------------------------------------------------------------------------------------------

QUICK = {"hidden": (8,), "max_epochs": 3}


def outcomes(diagnosis) -> dict[str, str]:
    return {verdict.name: verdict.outcome for verdict in diagnosis.verdicts}


def test_a_seed_makes_it_reproducible() -> None:
    frame = table_of(80)
    X, y = frame.drop("aim"), frame["aim"]
    one, again, other = (diagnose(X, y, estimator=Regressor("none", **QUICK), random_state=seed) for seed in (1, 1, 2))
    assert one.to_dict() == again.to_dict()
    assert one["overfitting"].evidence != other["overfitting"].evidence
    assert list(outcomes(one)) == NAMES


def test_numbers_text_dates_and_missing_values() -> None:
    random, rows = np.random.default_rng(0), 90
    frame = pl.DataFrame(
        {
            "number": random.normal(size=rows),
            "gaps": pl.Series(random.normal(size=rows).tolist()).set(pl.Series(random.random(rows) < 0.2), None),
            "text": random.choice(["x", "y", "ž"], rows),
            "day": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 30), eager=True),
        }
    )
    told = (frame["number"].to_numpy() + (frame["text"] == "x").to_numpy() > 0).astype(int)
    diagnosis = diagnose(frame, np.array(["no", "yes"])[told], estimator=Classifier("none", **QUICK))
    assert diagnosis["overfitting"].outcome != "not applicable"
    assert diagnosis["leak"].evidence["most telling column"] in {"number", "text"}
    answer = diagnose(frame.with_columns(told=pl.Series(told)), told, estimator=Classifier("none", **QUICK))
    assert "column 'told' alone tells the target" in answer["leak"].advice


@pytest.mark.parametrize("estimator", [Regressor("l2=0.01, early_stopping=2", **QUICK), None])
def test_a_number_is_regression_and_some_questions_are_not_asked_of_it(estimator) -> None:
    frame = table_of(60)
    found = diagnose(frame.drop("aim"), frame["aim"], estimator=estimator, budget=None if estimator else 1e-6)
    asked = outcomes(found)
    assert asked["label_noise"] == asked["miscalibrated"] == asked["accuracy_misleads"] == "not applicable"
    assert asked["overfitting"] != "not applicable"
    assert (asked["stopped_wrong"] == "not applicable") == (estimator is None)


def test_a_fitted_estimator_is_asked_about_as_it_was_trained() -> None:
    frame = table_of(80)
    X, y = frame.drop("aim"), (frame["aim"] > 0).to_numpy()
    network = Classifier("l2=0.02", **QUICK).fit(X, y)
    before = network.predict_proba(X)
    found = diagnose(X, y, estimator=network)
    assert outcomes(found) == outcomes(diagnose(X, y, estimator=Classifier("l2=0.02", **QUICK)))
    np.testing.assert_array_equal(network.predict_proba(X), before)


def test_in_next_to_no_time_there_is_still_an_answer() -> None:
    frame = table_of(80)
    found = diagnose(frame.drop("aim"), frame["aim"], budget="0.001s")
    assert list(outcomes(found)) == NAMES
    assert found["underfitting"].outcome == "not applicable"


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"estimator": LogisticRegression()}, "give a goodfit.Classifier or a goodfit.Regressor"),
        ({"estimator": "none"}, "give a goodfit.Classifier or a goodfit.Regressor"),
        ({"budget": "soon"}, "budget is 'soon'"),
        ({"budget": -1}, "budget is -1"),
    ],
)
def test_what_it_refuses_it_refuses_in_one_line(keywords, words) -> None:
    frame = table_of(60)
    with pytest.raises(InputError) as refused:
        diagnose(frame.drop("aim"), frame["aim"], **keywords)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_columns_and_targets_of_other_lengths_and_a_target_that_can_not_be_learned_are_refused() -> None:
    frame = table_of(60)
    for target, words in ((frame["aim"][:59], "60 rows, the target 59"), (np.full(60, np.nan), "target")):
        with pytest.raises(InputError, match=words):
            diagnose(frame.drop("aim"), target)
