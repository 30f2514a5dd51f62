"""What a search's summary says, and that its page shows it."""

import json
from types import SimpleNamespace

import pytest

import goodfit
from goodfit.report import tested as scores
from goodfit.report.page import render
from goodfit.report.searching import add_tested, estimate_line, sentences
from goodfit.saving import json_text
from goodfit.statistics import Estimate
from goodfit.studies.ablation import Effect

SPACE = "l2=off|1e-5..0.1, early_stopping=3"


@pytest.fixture(scope="module")
def searched():
    from sklearn.datasets import make_classification

    X, y = make_classification(160, n_features=6, flip_y=0.1, random_state=0)
    return goodfit.search(X, y, space=SPACE, budget=3, random_state=1)


def test_a_search_says_how_good_its_model_is_and_what_else_there_is(searched):
    found = json.loads(json_text(searched.to_dict()))
    assert found["estimate"]["naive"] <= found["estimate"]["corrected"]["value"]
    assert {baseline["name"] for baseline in found["baselines"]} >= {"constant", "logistic regression"}
    assert found["trials"]["all"] == searched.trials().height
    assert sum(pick["share"] for pick in found["model"]["picks"]) == pytest.approx(1)
    assert len(found["sentences"]) == len(searched.effects)
    page = render(json.loads(json_text(searched.estimator.summary_)), searched.estimator.history_)
    assert 'id="section-search"' in page
    assert found["told"] in page


def test_test_scores_of_the_model_and_the_baselines_stand_in_the_table(searched):
    found = searched.found
    tested = scores.tested_search(found, found.ablation.fit.prepared.problem, 0)
    summary = json.loads(json_text(searched.estimator.summary_))
    summary["table"]["metrics"].append({"key": "test_log_loss", "label": "", "percent": False})
    add_tested(summary, tested)
    assert "networks together" in summary["table"]["rows"][-1]["label"]
    assert summary["table"]["rows"][-1]["cells"]["test_log_loss"]["value"] > 0
    assert "logistic regression" in [row["label"] for row in summary["table"]["baselines"]]


@pytest.mark.parametrize(
    ("without", "verdict", "said"),
    [
        (
            Estimate(-0.02, -0.03, -0.01),
            "helps",
            "dropout helps: leaving it out raises the held-out loss by 0.010 to 0.030",
        ),
        (
            Estimate(0.02, 0.01, 0.03),
            "harms",
            "dropout harms: leaving it out lowers the held-out loss by 0.010 to 0.030",
        ),
        (Estimate(0.0, -0.01, 0.02), "unclear", "leaving it out changes the held-out loss by -0.020 to 0.010"),
    ],
)
def test_a_technique_gets_a_plain_sentence(without, verdict, said):
    effect = Effect("dropout", without, 0.5, without, 0.5, verdict)
    assert said in sentences(SimpleNamespace(effects=[effect]))[0]


def test_luck_is_a_number():
    corrected = {"value": 0.25, "low": 0.2, "high": 0.3}
    line = estimate_line({"naive": 0.2, "corrected": corrected, "optimism": 0.2}, 12)
    assert (
        "0.200; corrected for having been chosen among 12 trials 0.250 (0.200 to 0.300): 20.0 % of it was luck" in line
    )
