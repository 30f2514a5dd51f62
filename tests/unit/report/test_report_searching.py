"""What a search's summary says, and that its page shows it."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

import goodfit
from goodfit.report import tested as scores
from goodfit.report.deciding import HELD_OUT, TEST
from goodfit.report.page import render
from goodfit.report.searching import _shorter, add_tested, advice, estimate_line, sentences, summarize_search
from goodfit.saving import json_text
from goodfit.statistics import Estimate
from goodfit.studies.ablation import Effect
from goodfit.studies.baselines import CONSTANT
from goodfit.studies.rating import threshold_of

SPACE = "l2=off|1e-5..0.1, early_stopping=3"


@pytest.fixture(scope="module")
def searched():
    from sklearn.datasets import make_classification

    X, y = make_classification(160, n_features=6, flip_y=0.1, random_state=0)
    return goodfit.search(X, y, space=SPACE, budget=3, random_state=1)


@pytest.fixture(scope="module")
def numbers():
    from sklearn.datasets import make_regression

    X, y = make_regression(120, n_features=4, noise=5.0, random_state=0)
    return goodfit.search(X, y, space=SPACE, budget=3, random_state=1)


def test_a_search_says_how_good_its_model_is_and_what_else_there_is(searched):
    found = json.loads(json_text(searched.to_dict()))
    assert found["estimate"]["naive"] <= found["estimate"]["corrected"]["value"]
    assert {baseline["name"] for baseline in found["baselines"]} >= {"constant", "logistic regression"}
    assert found["trials"]["all"] == searched.trials().height
    assert sum(pick["share"] for pick in found["model"]["picks"]) == pytest.approx(1)
    assert len(found["sentences"]) == (len(searched.effects) if searched.found.ablation.asked else 1)  # a busy machine
    page = render(json.loads(json_text(searched.estimator.summary_)), searched.estimator.history_)
    assert 'id="section-search"' in page
    assert found["told"] in page
    fair = found["estimate"]["corrected"]["value"]
    assert f"networks together, with a held-out log loss of {fair:.3f} (" in searched.estimator.summary_["headline"]


def test_test_scores_of_the_model_and_the_baselines_stand_in_the_table(searched):
    found = searched.found
    tested = scores.tested_search(found, found.ablation.fit.prepared.problem, 0)
    summary = json.loads(json_text(searched.estimator.summary_))
    summary["table"]["metrics"].append({"key": "test_log_loss", "label": "", "percent": False})
    add_tested(summary, tested)
    assert "networks together" in summary["table"]["rows"][-1]["label"]
    assert summary["table"]["rows"][-1]["cells"]["test_log_loss"]["value"] > 0
    there_was_time = {baseline.name for baseline in found.baselines if not baseline.note} - {CONSTANT}
    assert {row["label"] for row in summary["table"]["baselines"]} >= there_was_time


def test_the_decisions_shown_are_those_of_the_model_itself(searched):
    found = searched.found
    problem, chosen = found.ablation.fit.prepared.problem, found.chosen
    tested = scores.tested_search(found, problem, 0)
    networks = f"the model: {len(chosen.model.members)} networks together"
    told = summarize_search(found), summarize_search(found, tested)
    for summary, target, predicted in zip(
        told,
        (problem.target[chosen.rows], problem.target),
        (chosen.predicted, chosen.model.predict(problem.table)),
        strict=True,
    ):
        threshold = threshold_of(problem, chosen.predicted, chosen.rows)
        alarm, flagged = target == problem.positive, predicted[:, problem.positive] >= threshold
        assert summary["confusion"]["counts"][1] == [(alarm & ~flagged).sum(), (alarm & flagged).sum()]
        assert summary["confusion"]["counts"][0] == [(~alarm & ~flagged).sum(), (~alarm & flagged).sum()]
        assert [item["recipe"] for item in summary["calibration"]] == [networks]
        assert sum(item["rows"] for item in summary["calibration"][0]["bins"]) == len(target)
    assert [summary["confusion"]["rows"] for summary in told] == [HELD_OUT, TEST]
    assert searched.estimator.summary_["confusion"] == told[0]["confusion"]


@pytest.mark.parametrize(
    ("without", "verdict", "said"),
    [
        (Estimate(-0.02, -0.03, -0.01), "helps", "dropout helps: without it the held-out loss rises by 2.0 % to 6.0 %"),
        (Estimate(0.02, 0.01, 0.03), "harms", "dropout harms: without it the held-out loss falls by 2.0 % to 6.0 %"),
        (Estimate(-0.02, -0.03, -0.01), "unclear", "2.0 % to 6.0 %, which chance brings among so many questions"),
        (Estimate(0.0, -0.01, 0.02), "unclear", "these rows; without it the held-out loss changes by -4.0 % to 2.0 %"),
        (Estimate(0.0, -1e-9, 1e-9), "unclear", "these rows; without it the held-out loss changes by 0.0 % to 0.0 %"),
    ],
)
def test_a_technique_gets_a_plain_sentence_in_shares_of_the_loss(without, verdict, said):
    assert said in sentences(ablation_of(without, verdict))[0]


def test_what_there_was_no_time_for_is_not_blamed_on_the_rows():
    line = sentences(ablation_of(Estimate(0.0, -0.01, 0.02), "unclear", complete=False))[0]
    assert "since the time ran out" in line
    assert "rows" not in line


def ablation_of(without, verdict, *, complete=True):
    """An ablation of one technique, with a loss of 0.5 with all of them."""
    effect = Effect("dropout", without, 0.5, without, 0.5, verdict)
    losses = [Estimate(0.9, 0.8, 1.0), Estimate(0.5, 0.4, 0.6)]
    fit = SimpleNamespace(chosen=1, settings=SimpleNamespace(max_epochs=12))
    return SimpleNamespace(effects=[effect], losses=losses, fit=fit, complete=complete, asked=True)


def test_a_shorter_training_than_the_winner_s_is_told():
    helps = ablation_of(Estimate(-0.02, -0.03, -0.01), "helps")
    unclear = ablation_of(Estimate(0.0, -0.01, 0.02), "unclear")
    assert sentences(helps, 40)[0].endswith("rises by 2.0 % to 6.0 %, from 12 epochs")
    assert "can't be told from 12 epochs; without it" in sentences(unclear, 40)[0]
    assert "epochs" not in sentences(helps, 12)[0] + sentences(unclear, 12)[0]


def test_luck_is_a_number():
    corrected = {"value": 0.25, "low": 0.2, "high": 0.3}
    line = estimate_line({"name": "log loss", "naive": 0.2, "corrected": corrected}, 12)
    assert line.startswith(
        "Held-out log loss of the model 0.200; corrected for the choice among 12 trials and of their epochs"
    )
    assert line.endswith("0.250 (0.200 to 0.300): 20.0 % of it was luck.")
    line = estimate_line({"name": "log loss", "naive": 0.25, "corrected": corrected}, 12)
    assert line.endswith("0.250 (0.200 to 0.300): that the model averages more networks makes up for luck.")


def test_numbers_have_the_root_of_their_squared_error(numbers):
    found = numbers.to_dict()["estimate"]
    assert found["name"] == "RMSE"
    assert found["naive"] == pytest.approx(numbers.estimate.naive**0.5)
    assert found["corrected"]["value"] == pytest.approx(numbers.estimate.estimate.value**0.5)


def test_a_budget_that_was_too_short_says_what_would_have_done(searched):
    late = dataclasses.replace(searched.found, batches=searched.found.batches[:1], budget=0.1, seconds=4.0)
    assert advice(late)[0] == "0.1 s are too few: one short batch took 4 s, the least that does"
    slow = dataclasses.replace(late, batches=searched.found.batches[:1] * 2)
    for fine in (slow, dataclasses.replace(late, budget=4.0)):
        assert not any("too few" in line for line in advice(fine))


def test_a_table_says_that_its_recipes_had_less_time_than_the_model():
    assert _shorter(3, 40).startswith(" There was time for 3 epochs of the networks of each recipe")
    assert "up to 40: it is ahead by that" in _shorter(1, 40)
