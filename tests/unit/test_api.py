"""`goodfit.compare` from arrays and frames to scores."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_diabetes, load_iris

from goodfit import L2, Dropout, EarlyStopping, InputError, Recipe, compare
from goodfit.report.tables import Labels, comparison_table
from goodfit.studies.comparison import Comparison

LABELS = Labels("compare", "", "", "y", {}, ())
SMALL = {"seeds": 3, "hidden": (16,), "max_epochs": 30}


@pytest.fixture(scope="module")
def iris() -> Comparison:
    X, y = load_iris(return_X_y=True)
    return compare(X, y, ["none", L2(1000.0), L2(1e-4) + EarlyStopping(5)], **SMALL)


@pytest.fixture(scope="module")
def diabetes() -> Comparison:
    frame = load_diabetes(as_frame=True).frame
    return compare(frame.drop(columns="target"), frame["target"], ["none", "l1=100"], **SMALL)


def test_iris_is_learned_and_a_crushing_penalty_unlearns_it(iris):
    assert iris.prepared.problem.task == "multiclass"
    assert [str(recipe) for recipe in iris.recipes] == ["none", "l2=1000", "l2=0.0001, early_stopping=5"]
    assert iris.estimate(0, "test_accuracy").value > 0.85
    assert iris.estimate(1, "test_accuracy").value < 0.5
    worse = iris.difference(1, "test_log_loss")
    assert worse.low > 0
    assert iris.constant("test_accuracy").value == pytest.approx(1 / 3, abs=0.05)


def test_diabetes_is_learned_and_a_crushing_penalty_unlearns_it(diabetes):
    assert diabetes.prepared.problem.task == "regression"
    assert diabetes.prepared.problem.name == ""
    assert diabetes.estimate(0, "test_r2").value > 0.25
    assert abs(diabetes.estimate(1, "test_r2").value) < 0.1
    assert diabetes.estimate(1, "test_rmse").value == pytest.approx(diabetes.constant("test_rmse").value, rel=0.02)
    assert diabetes.difference(1, "test_rmse").value > 0


@pytest.mark.parametrize("kind", ["iris", "diabetes"])
def test_the_answer_is_a_frame_and_strict_json(kind, request):
    found = request.getfixturevalue(kind)
    assert found.frame().height == len(found.recipes) * 3
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["repeats"] == 3


def test_one_seed_gives_one_answer_from_any_kind_of_frame(iris):
    X, y = load_iris(return_X_y=True)
    recipes = ["none", L2(1000.0), L2(1e-4) + EarlyStopping(5)]
    again = compare(X, y, recipes, **SMALL)
    assert again.frame().equals(iris.frame())
    for frame in (pd.DataFrame(X, columns=[*"abcd"]), pl.DataFrame(X, schema=[*"abcd"])):
        assert compare(frame, y, recipes, **SMALL).frame().equals(iris.frame())
    other = compare(X, y, recipes, random_state=1, **SMALL)
    assert not np.isin(other.frame()["test_log_loss"], iris.frame()["test_log_loss"]).any()


def test_recipes_may_be_texts_regularizers_or_recipes():
    X, y = load_iris(return_X_y=True)
    found = compare(X, y, ["l2=0.5", L2(0.5), Recipe((L2(0.5),)), Dropout(0.1)], seeds=2, hidden=(), max_epochs=2)
    assert [str(recipe) for recipe in found.recipes] == ["l2=0.5"] * 3 + ["dropout=0.1"]
    assert found.settings.hidden == ()


def test_a_budget_ends_what_is_still_training_and_the_table_says_so(iris):
    X, y = load_iris(return_X_y=True)
    short = compare(X, y, ["none", "l2=0.01"], **SMALL | {"max_epochs": 10_000}, budget=1e-3)
    assert {result.outcome for own in short.results for result in own} == {"out of time"}
    assert {result.epochs for own in short.results for result in own} == {1}
    note = comparison_table(short, LABELS)["note"]
    assert "The budget ended 6 of 6 networks before they were done, after 1 epoch" in note
    assert "budget" not in comparison_table(iris, LABELS)["note"]
    ample = compare(X, y, ["none", L2(1000.0), L2(1e-4) + EarlyStopping(5)], **SMALL, budget="1h")
    assert ample.frame().equals(iris.frame())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seeds": 1}, "seeds is 1"),
        ({"budget": "soon"}, "budget is 'soon'; give a time"),
        ({"recipes": []}, "no recipe"),
        ({"recipes": ["l3=1"]}, "no technique is called 'l3'"),
        ({"recipes": "none"}, "recipes is 'none'; give a list"),
        ({"recipes": L2(0.1) + Dropout(0.1)}, "give a list"),
        ({"max_epochs": 0}, "max_epochs is 0"),
        ({"hidden": (8, 0)}, r"hidden is \(8, 0\)"),
        ({"y": [0, 1] * 74 + [1]}, "the table has 150 rows, the target 149"),
        ({"y": [1] * 150}, "one class only"),
        ({"task": "ranking"}, "task is 'ranking'"),
    ],
)
def test_what_can_not_be_used_is_said_in_a_line(wrong, message):
    X, y = load_iris(return_X_y=True)
    given = {"X": X, "y": y, "recipes": ["none"], "max_epochs": 2, "hidden": (4,)} | wrong
    with pytest.raises(InputError, match=message) as caught:
        compare(**given)
    assert len(str(caught.value).splitlines()) == 1
