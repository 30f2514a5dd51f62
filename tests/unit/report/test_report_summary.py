"""What a run tells of itself: strict JSON, a whole page, and a headline that its table bears out."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from summary_jobs import LABELS, SETTINGS, TASKS, TEXTS, on_test, problem_of, recipes

from goodfit.diagnosis import diagnose
from goodfit.regularizers import Recipe
from goodfit.report import render
from goodfit.report.page import SECTIONS
from goodfit.report.summary import summarize_comparison, summarize_fit
from goodfit.report.tables import OnTest, comparison_table, fit_table
from goodfit.saving import json_text
from goodfit.statistics import mean_interval
from goodfit.studies.comparison import Comparison, Repeats, compare
from goodfit.studies.findings import history_frame
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.predicting import held_out_predictions
from goodfit.studies.problem import read_problem
from goodfit.studies.rating import threshold_of
from goodfit.studies.testing import Predictor, score_on, split_test
from goodfit.studies.trials import gather_evidence

ALL = set(SECTIONS) - {"evidence", "repair", "search"}


@pytest.fixture(scope="module", params=TASKS)
def job(request, _few_draws):
    """A fit with its diagnosis and its scores on test rows."""
    train, test = split_test(problem_of(request.param), 0.2, seed=0)
    plan = Plan(learning_rate=0.02)
    fitted = fit(train, recipes(*TEXTS), plan=plan, settings=SETTINGS)
    return fitted, diagnose(gather_evidence(fitted)), on_test(fitted, test)


@pytest.fixture(scope="module", params=TASKS)
def compared(request) -> Comparison:
    repeats = Repeats(3, learning_rate=0.02)
    return compare(problem_of(request.param), recipes(*TEXTS), repeats=repeats, settings=SETTINGS)


@pytest.fixture(scope="module")
def _few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("goodfit.studies.testing.REPLICATES", 20)
        yield


def written(summary):
    """The summary as it is read back from run.json, which holds nothing but strict JSON."""
    return json.loads(json_text(summary), parse_constant=pytest.fail)


def sections_of(summary, results) -> set[str]:
    page = render(written(summary), history_frame(results))
    assert "<aim>" not in page
    assert "<yes>" not in page
    assert render(summary, history_frame(results)).count("<section") == page.count("<section")
    return set(re.findall(r'id="section-(\w+)"', page)) | set(re.findall(r'id="figure-(\w+)"', page)) & set(SECTIONS)


# -- whole summaries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tested", [False, True])
def test_a_fits_summary_is_strict_json_and_a_whole_page(job, tested):
    fitted, diagnosis, test = job
    summary = summarize_fit(fitted, diagnosis, LABELS, test if tested else None)
    binary = fitted.prepared.problem.task == "binary"
    found = sections_of(summary, [candidate.results for candidate in fitted.candidates])
    assert found == (ALL if binary else ALL - {"calibration", "confusion"})
    plain = written(summary)
    assert (plain["command"], plain["title"], plain["task"]) == ("fit", LABELS.title, fitted.prepared.problem.task)
    assert plain["chosen"] == str(fitted.best.recipe)
    assert plain["curves"] == list(dict.fromkeys(["none", plain["chosen"]]))
    assert [verdict["name"] for verdict in plain["verdicts"]] == [v.name for v in diagnosis.verdicts]
    assert [item["recipe"] for item in plain["weights"]] == list(TEXTS)
    assert [turn["recipe"] for turn in plain["turns"]] == list(TEXTS)
    assert plain["features"]["recipe"] == TEXTS[1]
    assert {row["name"] for row in plain["features"]["rows"]} == {f"<c{i}>" for i in range(4)}
    assert plain["settings"]["max_epochs"] == 12
    assert plain["settings"]["members"] == 5
    assert plain["data"]["notes"] == ["column 'flat' is the same in every row: not used"]


def test_a_comparisons_summary_is_strict_json_and_a_whole_page(compared):
    summary = summarize_comparison(compared, LABELS, [{"label": "the truth", "cells": {}}])
    binary = compared.prepared.problem.task == "binary"
    found = sections_of(summary, compared.results)
    assert found == ALL - {"verdicts"} - (set() if binary else {"calibration", "confusion"})
    plain = written(summary)
    assert plain["curves"] == [item["recipe"] for item in plain["weights"]] == list(TEXTS)
    assert plain["table"]["baselines"][1]["label"] == "the truth"
    assert (plain["data"]["rows"], plain["data"]["train"], plain["data"]["test"]) == (120, 96, 24)


def test_rows_and_classes_are_counted_over_training_and_test_rows(job):
    fitted, diagnosis, test = job
    without, whole = (summarize_fit(fitted, diagnosis, LABELS, t)["data"] for t in (None, test))
    assert (without["rows"], without["train"], without.get("test")) == (96, 96, None)
    assert (whole["rows"], whole["train"], whole["test"]) == (120, 96, 24)
    assert whole["columns"] == 5
    if fitted.prepared.problem.task != "regression":
        assert sum(without["counts"]) == 96
        assert sum(whole["counts"]) == 120
        problem = problem_of(fitted.prepared.problem.task)
        assert whole["counts"] == np.bincount(problem.target).tolist()
        assert whole["classes"] == [str(c) for c in problem.classes]


def test_the_confusion_counts_the_rows_at_the_threshold_of_rows_held_out():
    train, test = split_test(problem_of("binary"), 0.2, seed=0)
    fitted = fit(train, recipes(*TEXTS), plan=Plan(learning_rate=0.02), settings=SETTINGS)
    problem = fitted.prepared.problem
    rows, held = held_out_predictions(fitted.prepared, fitted.best.results)
    threshold = threshold_of(problem, held, rows)
    predicted = model_of(fitted, fitted.best).predict(test.table)
    told = OnTest(test, predicted, {}, score_on(test, [Predictor(predicted)], 0)[0])
    diagnosis = diagnose(gather_evidence(fitted))
    for given, truth, chance in ((None, problem.target[rows], held), (told, test.target, predicted)):
        found = summarize_fit(fitted, diagnosis, LABELS, given)["confusion"]
        alarm, flagged = truth == problem.positive, chance[:, problem.positive] >= threshold
        expected = [
            [(~alarm & ~flagged).sum(), (~alarm & flagged).sum()],
            [(alarm & ~flagged).sum(), (alarm & flagged).sum()],
        ]
        assert found["counts"] == np.array(expected).tolist()
        assert found["threshold"] == threshold
        assert found["classes"] == ["no & never", "<yes>"]


@pytest.mark.parametrize("rare", [1, 2])
def test_a_class_too_rare_for_every_part_leaves_the_confusion_out_and_nothing_else(rare):
    """Of two rows one is tested on and one learned from: none is left to choose a threshold on."""
    random = np.random.default_rng(0)
    problem = read_problem(random.normal(size=(60, 3)), np.arange(60) < rare)
    compared = compare(problem, recipes("none", "l2=0.05"), repeats=Repeats(2), settings=SETTINGS)
    summary = summarize_comparison(compared, LABELS)
    assert "confusion" not in summary
    assert {"table", "weights", "curves", "data", "settings"} <= sections_of(summary, compared.results)
    fitted = fit(problem, recipes("none", "l2=0.05"), plan=Plan(), settings=SETTINGS)
    summary = summarize_fit(fitted, diagnose(gather_evidence(fitted)), LABELS)
    assert ALL - {"features"} == sections_of(summary, [candidate.results for candidate in fitted.candidates])


def test_networks_that_diverged_leave_gaps_and_no_error():
    wild = replace(SETTINGS, optimizer="sgd")
    texts = recipes("none", "max_norm=0.001")
    compared = compare(problem_of("regression"), texts, repeats=Repeats(2, learning_rate=1e6), settings=wild)
    assert {result.outcome for result in compared.results[0]} == {"diverged"}
    summary = summarize_comparison(compared, LABELS)
    assert {"table", "weights", "data", "settings"} <= sections_of(summary, compared.results)
    assert written(summary)["table"]["rows"][0]["cells"]["test_rmse"]["value"] is None
    fitted = fit(problem_of("regression"), texts, plan=Plan(learning_rate=1e6), settings=wild)
    summary = summarize_fit(fitted, diagnose(gather_evidence(fitted)), LABELS)
    assert {"verdicts", "table"} <= sections_of(summary, [candidate.results for candidate in fitted.candidates])
    assert summary["headline"].startswith(
        f"{sum(r.outcome == 'diverged' for c in fitted.candidates for r in c.results)} of 10 networks diverged."
    )


def test_without_rows_held_out_there_is_still_a_summary():
    plan = Plan(validation=0, members=1)
    fitted = fit(problem_of("binary"), recipes("l2=0.05"), plan=plan, settings=SETTINGS)
    summary = summarize_fit(fitted, diagnose(gather_evidence(fitted)), LABELS)
    assert "confusion" not in summary
    assert summary["turns"] == []
    found = sections_of(summary, [candidate.results for candidate in fitted.candidates])
    assert {"verdicts", "curves", "table", "weights", "data", "settings"} <= found


def test_a_recipe_given_twice_has_a_summary(compared):
    twice = compare(compared.prepared.problem, recipes("none", "none"), repeats=Repeats(2), settings=SETTINGS)
    assert "table" in sections_of(summarize_comparison(twice, LABELS), twice.results)


# -- tables -----------------------------------------------------------------------------------------------------------


def test_the_comparison_table_shows_the_estimates_and_paired_differences(compared):
    table = comparison_table(compared, LABELS)
    keys = [metric["key"] for metric in table["metrics"]]
    lead = "rmse" if compared.prepared.problem.task == "regression" else "accuracy"
    assert keys[:3] == [f"train_{lead}", f"test_{lead}", f"gap_{lead}"]
    assert len(set(keys)) == len(keys)
    assert [row["label"] for row in table["rows"]] == ["no regularization", TEXTS[1], "L2 & only"]
    for i, row in enumerate(table["rows"]):
        assert list(row["cells"]) == keys
        for key in keys:
            assert row["cells"][key] == compared.estimate(i, key).to_dict()
            if i:
                assert row["differences"][key] == compared.difference(i, key).to_dict()
    assert table["rows"][0]["differences"] == {}
    assert table["baselines"][0]["cells"] == {key: compared.constant(key).to_dict() for key in keys}
    assert "3 seeds" in table["note"]
    for metric in table["metrics"]:
        expected = {"log_loss": False, "rmse": False, "mae": False}.get(metric["key"].split("_", 1)[1], True)
        assert metric["higher_is_better"] == (expected if metric["key"].startswith("test_") else None)


def test_the_fit_table_shows_losses_over_folds_and_test_scores_where_tested(job):
    fitted, _, test = job
    table = fit_table(fitted, LABELS, test)
    tested = {0, fitted.chosen}
    for i, (row, candidate) in enumerate(zip(table["rows"], fitted.candidates, strict=True)):
        expected = mean_interval(candidate.losses, test_share=0.25)
        assert row["cells"]["held_out_loss"] == expected.to_dict()
        trained = [r.history.train[r.best_epoch - 1] for r in candidate.results]
        assert row["cells"]["train_loss"] == mean_interval(trained, test_share=0.25).to_dict()
        shown = {key for key in row["cells"] if key.startswith("test_")}
        assert bool(shown) == (i in tested)
        for key in shown:
            assert row["cells"][key] == test.tested[i].scores[key.removeprefix("test_")].to_dict()
        if i:
            difference = mean_interval(candidate.losses - fitted.candidates[0].losses, test_share=0.25)
            assert row["differences"]["held_out_loss"] == difference.to_dict()
    assert {metric["key"] for metric in table["metrics"]} >= set(table["rows"][0]["cells"])
    assert len(table["baselines"]) == 1
    alone = fit_table(fitted, LABELS, None)
    assert [metric["key"] for metric in alone["metrics"]] == ["train_loss", "held_out_loss"]
    assert alone["baselines"] == []


def test_the_constant_prediction_is_named_by_what_it_says(job):
    fitted, _, test = job
    problem = fitted.prepared.problem
    label = fit_table(fitted, LABELS, test)["baselines"][0]["label"]
    if problem.task == "regression":
        assert label == "the mean for every row"
    else:
        assert label == f"everything '{problem.classes[np.bincount(problem.target).argmax()]}'"


def test_a_recipe_is_called_by_its_name_for_people():
    assert LABELS.of(Recipe()) == "no regularization"
    assert LABELS.of(Recipe.parse("l2=0.05")) == "L2 & only"
    assert LABELS.of(Recipe.parse("dropout=0.1")) == "dropout=0.1"
