"""A plan's threshold: for which problems there is one, that it serves its costs on held-out rows, and who uses it."""

from dataclasses import replace

import numpy as np
import pytest
from study_problems import SETTINGS, TASKS, problem_of, recipes

from goodfit.alarms import confusion_at
from goodfit.decision import Decision
from goodfit.errors import InputError
from goodfit.regularizers.ranges import Space
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.predicting import held_out_predictions
from goodfit.studies.rating import check_costs, decides, decision_of, rated, scores_of
from goodfit.studies.searching.choices import Choices
from goodfit.studies.searching.finding import find
from goodfit.studies.searching.pace import Pace
from goodfit.training import Execution

COSTS = Plan(costs=(1.0, 10.0))
BALANCED = Plan(metric="balanced_accuracy")
SPACE = Space.parse("l2=1e-5..0.1, early_stopping=3")
CHOICES = Choices(SPACE, ((8,),), (0,), (False,), (16,), (1e-3, 1e-2), SETTINGS)


def chances(problem, seed=7):
    """Noisy probabilities `(n, C)`, the rarer class at about 0.3 of what it should have."""
    suspicion = 0.3 * np.clip((problem.target == problem.positive) + np.random.default_rng(seed).normal(size=90), 0, 1)
    predicted = np.empty((problem.rows, 2))
    predicted[:, problem.positive], predicted[:, 1 - problem.positive] = suspicion, 1 - suspicion
    return predicted


def cost_of(problem, suspicion, threshold):
    found = confusion_at(problem.target == problem.positive, suspicion, threshold)
    return found.false_positives + 10 * found.false_negatives


def assert_cheapest(problem, rows, predicted, decision):
    held, suspicion = problem.take(rows), predicted[:, problem.positive]
    assert decision.positive == problem.positive
    least = min(cost_of(held, suspicion, threshold) for threshold in [0.0, *suspicion, 2.0])
    assert cost_of(held, suspicion, decision.threshold) == least


@pytest.mark.parametrize("task", TASKS)
def test_only_two_classes_and_a_plan_that_asks_get_a_threshold(task):
    problem = problem_of(task)
    predicted, rows = np.full((90, 2), 0.5), np.arange(90)
    for plan in (Plan(), Plan(metric="accuracy" if task != "regression" else "mae"), COSTS, BALANCED):
        asked = task == "binary" and plan in (COSTS, BALANCED)
        assert decides(problem, plan) == asked
        assert (decision_of(problem, predicted, rows, plan) is not None) == asked


def test_it_costs_least_on_the_rows_that_it_is_chosen_on():
    problem = problem_of("binary")
    predicted, rows = chances(problem), np.arange(10, 80)
    assert_cheapest(problem, rows, predicted[rows], decision_of(problem, predicted[rows], rows, COSTS))
    cheap = decision_of(problem, predicted, np.arange(90), Plan(costs=(10.0, 1.0)))
    dear = decision_of(problem, predicted, np.arange(90), COSTS)
    assert cheap.threshold > dear.threshold


def test_costs_come_before_the_metric_and_a_row_of_weight_two_counts_twice():
    problem = problem_of("binary")
    predicted, rows = chances(problem), np.arange(90)
    both = replace(BALANCED, costs=COSTS.costs)
    assert decision_of(problem, predicted, rows, both) == decision_of(problem, predicted, rows, COSTS)
    assert decision_of(problem, predicted, rows, BALANCED) != decision_of(problem, predicted, rows, COSTS)
    count = np.where(problem.target == problem.positive, 1, 3)
    weighed = replace(problem, weights=count.astype(float))
    twice = problem.take(rows.repeat(count))
    for plan in (COSTS, BALANCED):
        expected = decision_of(twice, predicted.repeat(count, axis=0), np.arange(count.sum()), plan)
        assert decision_of(weighed, predicted, rows, plan) == expected


def test_balanced_accuracy_is_rated_at_its_best_threshold_and_no_other_metric_is():
    problem = problem_of("binary")
    predicted, rows = chances(problem), np.arange(90)
    plain = scores_of(problem, predicted)
    cuts = [0.0, *predicted[:, problem.positive]]
    best = max(scores_of(problem, predicted, threshold=cut)["balanced_accuracy"] for cut in cuts)
    assert rated(problem, predicted, rows, "balanced_accuracy") == pytest.approx(best)
    assert best > plain["balanced_accuracy"] == 0.5
    assert rated(problem, predicted, rows, "accuracy") == plain["accuracy"]


@pytest.mark.parametrize("plan", [COSTS, BALANCED])
def test_a_fits_model_has_the_threshold_of_its_held_out_rows(plan):
    plan = replace(plan, members=3)
    fitted = fit(problem_of("binary", copies=20), recipes("none", "l2=0.1"), plan=plan, settings=SETTINGS)
    problem = fitted.prepared.problem
    for candidate in fitted.candidates:
        rows, predicted = held_out_predictions(fitted.prepared, candidate.results)
        assert model_of(fitted, candidate).decision == decision_of(problem, predicted, rows, plan)
    plain = replace(fitted, plan=Plan())
    assert model_of(plain, plain.best).decision is None


@pytest.mark.parametrize("plan", [Plan(), COSTS, BALANCED])
def test_a_searchs_blend_has_the_threshold_of_its_held_out_rows(plan):
    problem = problem_of("binary", 120).merged()
    found = find(problem, CHOICES, plan=plan, pace=Pace(2.0), execution=Execution())
    chosen = found.chosen
    expected = decision_of(problem, chosen.predicted, chosen.rows, plan)
    assert chosen.model.decision == expected
    assert isinstance(expected, Decision) == (plan != Plan())
    if plan is COSTS:
        assert_cheapest(problem, chosen.rows, chosen.predicted, expected)


@pytest.mark.parametrize(
    ("task", "validation", "words"),
    [
        ("regression", 0.2, "costs are for a target of two classes, this one is a number"),
        ("multiclass", 0.2, "costs are for a target of two classes, this one has 3 classes"),
        ("binary", 0, "validation=0 holds out no rows to choose a threshold for costs by"),
    ],
)
def test_costs_that_no_threshold_can_be_chosen_by_are_refused(task, validation, words):
    plan = replace(COSTS, validation=validation)
    with pytest.raises(InputError, match=words):
        fit(problem_of(task), recipes("none"), plan=plan, settings=SETTINGS)
    if task != "binary":
        with pytest.raises(InputError, match=words):
            find(problem_of(task), CHOICES, plan=plan, pace=Pace(2.0), execution=Execution())


def test_rows_held_out_of_one_class_choose_no_threshold():
    problem = problem_of("binary")
    one = np.flatnonzero(problem.target == 0)
    with pytest.raises(InputError, match="the rows held out are of one class"):
        check_costs(COSTS.costs, problem, [one[:5], one[5:]])
    check_costs(None, problem, [])
    assert decision_of(problem, np.full((len(one), 2), 0.5), one, BALANCED) is None
