"""The verdicts on a search: of its model's own predictions, and of an ablation that trained long enough to tell."""

from dataclasses import replace

import numpy as np
import pytest
from study_problems import SETTINGS, problem_of

import goodfit
from goodfit.regularizers.ranges import Space
from goodfit.studies.fitting import Plan
from goodfit.studies.rating import scores_of
from goodfit.studies.searching import finding
from goodfit.studies.searching.choices import Choices
from goodfit.studies.searching.diagnosing import NO_TIME, OF_PREDICTIONS, diagnose_search
from goodfit.studies.searching.extent import Extent
from goodfit.training import Execution

SPACE = Space.parse("dropout=0.1..0.4, early_stopping=3")
CHOICES = Choices(SPACE, ((8,),), (0,), (False,), (16,), (1e-3, 1e-2), replace(SETTINGS, max_epochs=8))


@pytest.fixture(scope="module")
def problem():
    return problem_of("binary", 120).merged()


def found_with(problem, ablated: Extent, monkeypatch):
    """What a search found whose ablation is planned for so much and has all the time for it."""
    monkeypatch.setattr(finding, "extent", lambda *_, **__: ablated)
    monkeypatch.setattr(finding, "SHARE_OF_ABLATION", 1000.0)
    pace = finding.Pace(2.0)
    return finding.find(problem, CHOICES, plan=Plan(), pace=pace, execution=Execution())


@pytest.mark.parametrize("techniques", [False, True])
def test_an_ablation_of_hardly_an_epoch_speaks_for_nobody(techniques, problem, monkeypatch):
    found = found_with(problem, Extent(2, 1, techniques=techniques), monkeypatch)
    assert found.lengths[0] == 1
    assert found.lengths[1] > 2
    assert not found.diagnosable
    told, evidence = diagnose_search(found)
    assert evidence is None
    own = {question.NAME for question in OF_PREDICTIONS}
    silent = [verdict for verdict in told.verdicts if verdict.name not in own]
    assert len(silent) + len(own) == len(told.verdicts)
    assert {(verdict.outcome, verdict.reason) for verdict in silent} == {("not applicable", NO_TIME)}
    assert all(told[name].outcome != "not applicable" for name in own)


@pytest.mark.parametrize("techniques", [False, True])
def test_one_that_trained_as_long_is_diagnosed(techniques, problem, monkeypatch):
    found = found_with(problem, Extent(2, 8, techniques=techniques), monkeypatch)
    assert found.diagnosable
    told, evidence = diagnose_search(found)
    assert evidence is not None
    assert NO_TIME not in {verdict.reason for verdict in told.verdicts}


@pytest.mark.parametrize("ablated", [Extent(2, 1, techniques=False), Extent(2, 8, techniques=True)])
def test_calibration_and_accuracy_are_those_of_the_model_itself(ablated, problem, monkeypatch):
    found = found_with(problem, ablated, monkeypatch)
    told, _ = diagnose_search(found)
    scores = scores_of(problem, found.chosen.predicted, found.chosen.rows)
    assert told["miscalibrated"].evidence["log loss as it is"] == pytest.approx(found.chosen.corrected.naive)
    for name, key in {"accuracy": "accuracy", "balanced accuracy": "balanced_accuracy", "log loss": "log_loss"}.items():
        assert told["accuracy_misleads"].evidence[name] == pytest.approx(scores[key])


def test_an_estimator_s_headline_and_changes_say_no_more_than_its_verdicts(monkeypatch):
    monkeypatch.setattr(finding, "extent", lambda *_, **__: Extent(2, 1, techniques=False))
    X = np.random.default_rng(0).normal(size=(120, 3))
    model = goodfit.Classifier(budget=2, random_state=0).fit(X, X[:, 0] > 0)
    assert model.summary_["headline"].startswith("There was too little time to tell whether it overfits")
    assert model.diagnosis_["overfitting"].reason == NO_TIME
    assert "changes" not in model.summary_
