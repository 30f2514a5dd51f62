"""What a diagnosis' run.json says: each change with an interval of its own, bias and variance, the learning curve."""

import json
from dataclasses import replace

import numpy as np
import pytest
from summary_jobs import LABELS, TASKS, problem_of

from goodfit.multiplicity import largest_fall
from goodfit.regularizers import Recipe
from goodfit.report import render
from goodfit.report.diagnosing import changes_of, summarize_diagnosis
from goodfit.saving import json_text
from goodfit.studies.diagnosing import Diagnosed, diagnose_problem
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import Plan
from goodfit.studies.parts import dose_parts
from goodfit.studies.subject import Subject
from goodfit.training import Settings

SMALL = Settings(hidden=(8,), batch_size=32, max_epochs=4)


@pytest.fixture(scope="module", params=TASKS)
def found(request) -> Diagnosed:
    return diagnose_problem(problem_of(request.param), Subject(Recipe(), SMALL, Plan(learning_rate=0.02)))


def summary_of(found: Diagnosed):
    """The summary as it is read back from run.json, which holds nothing but strict JSON."""
    task = found.prepared.problem.task if found.prepared else "binary"
    return json.loads(json_text(summarize_diagnosis(found, problem_of(task), LABELS)), parse_constant=pytest.fail)


def test_every_change_has_its_losses_and_an_interval_of_its_own(found):
    evidence = found.evidence
    plain = changes_of(evidence)
    assert plain["asked"] == {
        "name": "none",
        "held_out": evidence.mean_loss(evidence.asked),
        "train": pytest.approx(evidence.asked.train_losses.mean()),
    }
    names = {trial.name: trial for trial in evidence.trials[1:]}
    assert {row["name"] for row in plain["changes"]} == set(names)
    for row in plain["changes"]:
        trial = names[row["name"]]
        fall = largest_fall(evidence.asked.losses, [trial.losses], weights=evidence.weights).fall
        assert row["kind"] == trial.kind
        assert row["held_out"] == pytest.approx(np.average(trial.losses, weights=evidence.weights))
        assert row["train"] == pytest.approx(trial.train_losses.mean())
        assert row["lower_by"] == pytest.approx(fall.to_dict())


def test_changes_that_can_not_be_compared_are_left_out(found):
    evidence = found.evidence
    gone = replace(evidence.trials[1], losses=np.full_like(evidence.trials[1].losses, np.nan))
    some = replace(evidence, trials=(evidence.asked, gone, *evidence.trials[2:]))
    assert gone.name not in {row["name"] for row in changes_of(some)["changes"]}
    assert changes_of(replace(evidence, trials=(evidence.asked,))) == {}
    assert changes_of(replace(evidence, trials=(gone, *evidence.trials[1:]))) == {}


def test_the_summary_is_strict_json_and_a_whole_page(found):
    plain = summary_of(found)
    trials = [trial for trial in found.evidence.trials if trial.kind == "dose"]
    page = render(plain, history_frame([trial.results for trial in trials]))
    assert "<aim>" not in page
    assert plain["headline"]
    assert [verdict["name"] for verdict in plain["verdicts"]] == [v.name for v in found.diagnosis.verdicts]
    assert plain["curves"][0] == "none"
    lowest = min(trials[1:], key=found.evidence.mean_loss)
    assert plain["curves"][1] == lowest.recipe
    assert plain["settings"]["recipe"] == "none"
    assert plain["settings"]["hidden"] == [8]
    assert plain["data"]["train"] == 120
    assert plain["data"]["notes"] == ["column 'flat' is the same in every row: not used"]
    assert ("calibration" in plain) == (found.evidence.task == "binary")


def test_the_learning_curve_is_the_mean_over_folds(found):
    growth = summary_of(found)["growth"]
    assert growth["rows"] == found.sizes.tolist()
    assert growth["mean"] == pytest.approx(found.growth.mean(0))
    assert all(
        low <= mean <= high for low, mean, high in zip(growth["low"], growth["mean"], growth["high"], strict=True)
    )
    assert growth["twice"]["rows"] == 2 * found.sizes[-1]
    assert growth["twice"]["value"] == pytest.approx(found.evidence.growth.loss.value)


def test_the_bias_and_variance_of_each_dose_is_told(found):
    parts = summary_of(found)["dose_parts"]
    expected = dose_parts(found)
    assert [row["name"] for row in parts["rows"]] == [own.name for own in expected]
    assert [row["variance"] for row in parts["rows"]] == pytest.approx([own.variance for own in expected])


def test_rows_that_allow_no_verdict_still_have_a_summary():
    few = problem_of("binary", rows=12)
    found = diagnose_problem(few, Subject(Recipe(), SMALL))
    plain = json.loads(json_text(summarize_diagnosis(found, few, LABELS)), parse_constant=pytest.fail)
    assert plain["headline"].startswith("Whether it overfits can't be told: 12 different rows are too few")
    assert {verdict["outcome"] for verdict in plain["verdicts"]} == {"not applicable"}
    assert "changes" not in plain
    assert "12 different rows are too few" in render(plain, history_frame([]))


def test_networks_that_diverged_leave_gaps_and_no_error():
    wild = replace(SMALL, optimizer="sgd", max_epochs=10, hidden=(32,))
    problem = problem_of("regression")
    for rate in (0.3, 1e6):
        found = diagnose_problem(problem, Subject(Recipe(), wild, Plan(learning_rate=rate)))
        assert "diverged" in found.diagnosis.fired
        plain = json.loads(json_text(summarize_diagnosis(found, problem, LABELS)), parse_constant=pytest.fail)
        assert {"overfitting", "underfitting"} & set(found.diagnosis.fired) or "diverged" in plain["headline"]
        render(plain, history_frame([trial.results for trial in found.evidence.trials if trial.kind == "dose"]))
