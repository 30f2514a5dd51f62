"""What a report says of decisions: at whose threshold, and what that costs beside flagging none or all."""

import re
from dataclasses import replace

import numpy as np
import pytest

from goodfit.report.deciding import TEST, decisions
from goodfit.report.page import render
from goodfit.studies.fitting import Plan
from goodfit.studies.problem import read_problem

TARGET = np.array(["<bad>"] * 2 + ["good"] * 6)
CHANCE = np.array([0.4, 0.1, 0.2, 0.2, 0.05, 0.05, 0.05, 0.05])
PROBLEM = read_problem(np.arange(8.0)[:, None], TARGET)
PREDICTED = np.column_stack([CHANCE, 1 - CHANCE])
COSTS = Plan(costs=(1.0, 10.0))


def told(plan, shown=PROBLEM):
    return decisions("l2=0.1", (PROBLEM, PREDICTED), (shown, PREDICTED), where=TEST, plan=plan)


def test_costs_are_said_beside_those_of_flagging_none_or_all():
    """At 0.075 two of eight rows are false alarms and no bad one is missed."""
    found = told(COSTS)
    assert found["confusion"]["counts"] == [[4, 2], [0, 2]]
    assert found["confusion"]["threshold"] == found["decision"]["threshold"] == pytest.approx(0.075)
    assert (found["decision"]["positive"], found["decision"]["costs"]) == ("<bad>", (1.0, 10.0))
    assert found["confusion"]["note"] == (
        "threshold 0.075 for costs of 1 a false alarm and 10 a miss, chosen on rows held out of training; "
        "on these rows that costs 0.25 a row, flagging none 2.5, flagging all 0.75"
    )
    assert found["decision"]["told"] == f"alarms for '<bad>': {found['confusion']['note']}"


def test_a_row_of_weight_two_costs_twice():
    weights = np.where(TARGET == "<bad>", 2.0, 1.0)
    assert "flagging none 4, flagging all 0.6" in told(COSTS, replace(PROBLEM, weights=weights))["confusion"]["note"]


def test_balanced_accuracy_as_metric_has_a_threshold_of_its_own_and_no_costs():
    found = told(Plan(metric="balanced_accuracy"))
    assert found["decision"]["costs"] is None
    assert found["confusion"]["note"].endswith("for balanced accuracy, chosen on rows held out of training")


@pytest.mark.parametrize("plan", [None, Plan(), Plan(metric="roc_auc")])
def test_without_a_threshold_of_its_own_the_confusion_is_that_of_balanced_accuracy(plan):
    found = told(plan)
    assert "decision" not in found
    assert found["confusion"]["note"] == "threshold chosen for balanced accuracy on rows held out of training"


def test_the_page_says_the_threshold_once():
    page = render(told(COSTS), None)
    assert len(re.findall("[Tt]hreshold 0.075", page)) == 1
    assert "Threshold 0.075." not in page


def test_rows_of_one_class_show_no_decisions():
    assert told(COSTS, replace(PROBLEM, target=np.zeros(8, np.int64))) == {}
