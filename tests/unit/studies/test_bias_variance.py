"""bias_variance: samples, rows out of the bag, results, bad input."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from goodfit import Classifier, InputError, Recipe, Regressor, bias_variance
from goodfit.studies import replicates as studied
from goodfit.studies.rows import read_rows, split_rows
from goodfit.studies.scoring import stops_early

SMALL = {"hidden": (8,), "max_epochs": 3}


def numbers(rows=60, seed=0, inputs=2):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, inputs))
    return X, X[:, 0] + random.normal(size=rows)


def draw_numbers(seed):
    return numbers(30 + seed % 40, seed)


def added_up(result):
    parts = result.bias2.value + result.variance.value + (result.noise.value if result.separate else 0.0)
    return parts == pytest.approx(result.expected_error.value, abs=1e-12)


def test_no_copy_of_a_row_in_the_bag_is_watched():
    X, y = numbers(30)
    X, y = np.repeat(X, 3, axis=0), np.repeat(y, 3)
    rows = read_rows(X, y, "squared")
    for replicate in studied.bootstrap_replicates(rows, 50, seed=0, watched=True):
        train, watched = replicate.sample.train, replicate.sample.held_out
        assert len(train) == len(y)
        assert not {tuple(row) for row in X[train]} & {tuple(row) for row in X[watched]}
        assert {tuple(row) for row in X[train]} | {tuple(row) for row in X[watched]} == {tuple(row) for row in X}


def test_a_bootstrap_sample_is_drawn_with_replacement():
    X, y = numbers(400)
    rows = read_rows(X, y, "squared")
    samples = [r.sample.train for r in studied.bootstrap_replicates(rows, 40, seed=3, watched=False)]
    shares = [len(np.unique(train)) / 400 for train in samples]
    assert np.mean(shares) == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert all(len(train) == 400 for train in samples)
    assert len({tuple(train) for train in samples}) == 40


@pytest.mark.parametrize(("recipe", "watched"), [("early_stopping=2", True), ("none", False)])
def test_early_stopping_watches_the_rows_out_of_the_bag_and_nothing_else_does(recipe, watched, monkeypatch):
    seen = []

    def spy(problem, subject, recipes, samples, schema):
        seen.extend(samples)
        return train(problem, subject, recipes, samples, schema)

    train = studied.train_samples
    monkeypatch.setattr(studied, "train_samples", spy)
    X, y = numbers(60)
    X_test, y_test = numbers(20, seed=1)
    bias_variance(Regressor(recipe, **SMALL), X, y, X_test=X_test, y_test=y_test, replicates=6)
    assert len(seen) == 6
    for sample in seen:
        outside = np.setdiff1d(np.arange(60), sample.train) if watched else []
        assert len(sample.train) == 60
        np.testing.assert_array_equal(sample.held_out, outside)


def test_a_recipe_that_stops_is_told_from_one_that_does_not():
    assert stops_early(Recipe.parse("l2=0.1, early_stopping=3"))
    assert not stops_early(Recipe.parse("l2=0.1, dropout=0.2"))


def test_of_fresh_draws_a_share_is_watched():
    rows = [read_rows(*draw_numbers(seed), "squared") for seed in range(3)]
    for replicate, own in zip(studied.fresh_replicates(rows, seed=0, held=0.2), rows, strict=True):
        train, held = replicate.sample.train, replicate.sample.held_out
        assert len(held) == round(0.2 * own.problem.rows)
        assert sorted([*train, *held]) == list(range(own.problem.rows))


def test_test_rows_are_a_quarter_and_hold_no_copy_of_a_training_row():
    X, y = numbers(40)
    X, y = np.repeat(X, 2, axis=0), np.repeat(y, 2)
    train, test = split_rows(read_rows(X, y, "squared"), 0.25, 0)
    assert len(test.X) == 20
    assert not {tuple(row) for row in train.X} & {tuple(row) for row in test.X}
    np.testing.assert_array_equal(test.X[:, 0], test.problem.table.columns[0].values)


@pytest.mark.parametrize("loss", ["zero_one", "log_loss", "brier"])
@pytest.mark.parametrize("kind", ["own", "scikit-learn"])
def test_classes_of_all_losses(loss, kind):
    X, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    estimator = Classifier("early_stopping=2", **SMALL) if kind == "own" else KNeighborsClassifier()
    result = bias_variance(estimator, X, names, loss=loss, replicates=8)
    assert result.replicates == 8
    assert not result.separate
    assert added_up(result)
    assert np.isnan(result.noise.value)
    frame = result.frame()
    assert frame.columns == ["bias2_and_noise", "variance", "expected_error"]
    assert frame["expected_error"].mean() == pytest.approx(result.expected_error.value)
    # a quarter of each class, copies together
    assert 36 <= len(frame) <= 40
    assert result.to_dict()["terms"]["bias2_and_noise"]["value"] == result.bias2.value


@pytest.mark.parametrize("estimator", [Regressor("early_stopping=2", **SMALL), Ridge()], ids=["own", "ridge"])
def test_fresh_draws_with_truth_and_noise(estimator):
    result = bias_variance(
        estimator, None, None, sampler=draw_numbers, truth=lambda X: X[:, 0], noise=1.0, replicates=8
    )
    assert result.separate
    assert added_up(result)
    assert result.noise.to_dict() == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert result.variance.value > 0


def test_own_networks_are_as_good_on_fresh_draws_as_alone():
    """A linear network without regularization is least squares, whatever else trains beside it."""
    X_test, y_test = numbers(200, seed=999)
    settings = {"hidden": (), "learning_rate": 0.05, "max_epochs": 150, "optimizer": "adam", "standardize": True}
    kept = {"X_test": X_test, "y_test": y_test, "sampler": draw_numbers, "replicates": 12}
    ours = bias_variance(Regressor("none", **settings), None, None, **kept)
    theirs = bias_variance(LinearRegression(), None, None, **kept)
    np.testing.assert_allclose(ours.expected_error.value, theirs.expected_error.value, rtol=0.02)
    np.testing.assert_allclose(ours.frame()["bias2_and_noise"], theirs.frame()["bias2_and_noise"], atol=0.3)


def test_own_linear_networks_agree_with_least_squares_on_the_same_bootstrap_samples():
    X, y = numbers(80)
    X_test, y_test = numbers(100, seed=1)
    settings = {"hidden": (), "learning_rate": 0.05, "max_epochs": 150, "optimizer": "adam"}
    ours, theirs = (
        bias_variance(estimator, X, y, X_test=X_test, y_test=y_test, replicates=20)
        for estimator in (Regressor("none", **settings), LinearRegression())
    )
    assert ours.variance.value == pytest.approx(theirs.variance.value, rel=0.1)
    assert ours.expected_error.value == pytest.approx(theirs.expected_error.value, rel=0.02)


def test_the_same_seed_gives_the_same_result_and_another_another():
    X, y = numbers()
    one, same, other = (
        bias_variance(Regressor("none", **SMALL), X, y, replicates=4, random_state=seed).to_dict() for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_members_are_ignored_and_the_estimator_stays_as_it_is():
    X, y = numbers()
    few, many = Regressor("none", members=1, **SMALL), Regressor("none", members=5, **SMALL)
    assert bias_variance(few, X, y, replicates=3).to_dict() == bias_variance(many, X, y, replicates=3).to_dict()
    assert not [name for name in vars(many) if name.endswith("_")]


def test_chunks_of_a_population_change_nothing(monkeypatch):
    X, y = numbers()
    whole = bias_variance(Regressor("none", **SMALL), X, y, replicates=5)
    monkeypatch.setattr(studied, "MOST_BYTES_OF_VIEWS", 2 * 4 * 45 * 2)
    parts = bias_variance(Regressor("none", **SMALL), X, y, replicates=5)
    np.testing.assert_allclose(parts.frame().to_numpy(), whole.frame().to_numpy(), rtol=1e-5)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("estimator", [LinearRegression(), Regressor("none", **SMALL)], ids=["linear", "own"])
def test_frames_give_what_arrays_give(frame, estimator):
    X, y = numbers()
    columns = {"one": X[:, 0], "two": X[:, 1]}
    whole = bias_variance(estimator, X, y, replicates=4)
    named = bias_variance(estimator, frame(columns), y, replicates=4)
    np.testing.assert_allclose(named.frame().to_numpy(), whole.frame().to_numpy(), rtol=1e-6)


def test_a_forest_in_a_pipeline_gets_another_seed_for_each_replicate():
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(3, bootstrap=True, random_state=0, max_features=1))
    draws = lambda seed: (X[::2], y[::2])  # noqa: E731 - equal rows: only the forest's own chance is left
    result = bias_variance(model, None, None, sampler=draws, loss="brier", replicates=5, X_test=X[1::2], y_test=y[1::2])
    assert result.variance.value > 0
    assert model.get_params()["randomforestclassifier__random_state"] == 0


def test_a_class_that_a_replicate_has_not_seen_has_no_probability_there():
    X = np.arange(12.0)[:, None]
    y = np.array(["b"] * 5 + ["c"] * 6 + ["a"])
    known = {"X_test": [[11.0], [0.0]], "y_test": ["a", "b"], "loss": "log_loss", "replicates": 60}
    errors = bias_variance(KNeighborsClassifier(1), X, y, **known).frame()["expected_error"]
    made = studied.bootstrap_replicates(read_rows(X, y, "log_loss"), 60, seed=0, watched=False)
    seen = np.mean([11 in replicate.sample.train for replicate in made])
    assert 0 < seen < 1
    assert errors[0] == pytest.approx((1 - seen) * -np.log(1e-12), rel=1e-6)
    assert errors[1] == pytest.approx(0.0, abs=1e-6)


def test_repeated_rows_tell_noise_from_bias():
    random = np.random.default_rng(0)
    places = np.repeat(np.linspace(-2, 2, 60), 2)[:, None]
    measure = lambda X: X[:, 0] ** 2 + random.normal(0, 0.5, len(X))  # noqa: E731
    X_test, y_test = places, measure(places)
    result = bias_variance(LinearRegression(), places, measure(places), X_test=X_test, y_test=y_test, replicates=40)
    pairs = y_test.reshape(-1, 2)
    assert result.separate
    assert "estimated from 120 test rows" in result.note
    assert result.noise.value == pytest.approx(np.mean((pairs[:, 0] - pairs[:, 1]) ** 2 / 2))
    assert result.noise.low < 0.25 < result.noise.high
    assert added_up(result)
    # a straight line through a parabola on an even grid
    bias = np.var(places[:, 0] ** 2)
    assert result.bias2.low < bias < result.bias2.high


def test_too_few_repeated_rows_leave_one_term():
    X, y = numbers(100)
    X_test = np.concatenate([X[:14], X[:14]])
    result = bias_variance(LinearRegression(), X, y, X_test=X_test, y_test=np.arange(28.0), replicates=3)
    assert not result.separate
    assert "one term" in result.note


class Failing(RegressorMixin, BaseEstimator):
    """Infinite on samples that lack the first row."""

    def fit(self, X, y):
        self.value_ = 1.0 if (X[:, 0] == 0).any() else np.inf
        return self

    def predict(self, X):
        return np.full(len(X), self.value_)


def test_replicates_that_diverged_are_left_out_and_counted():
    X = np.arange(20.0)[:, None]
    result = bias_variance(Failing(), X, X[:, 0], X_test=X, y_test=X[:, 0], replicates=30)
    assert 0 < result.left_out < 30
    assert result.replicates + result.left_out == 30
    assert f"{result.left_out} of 30 replicates diverged" in result.note
    assert result.variance.value == 0


def test_networks_that_all_diverge_are_an_error():
    X, y = numbers()
    with pytest.raises(InputError, match="replicates diverged"):
        bias_variance(Regressor("none", optimizer="sgd", learning_rate=1e6, **SMALL), X, y, replicates=3)


def test_the_plot_stacks_the_parts_beside_the_error():
    X, y = numbers()
    result = bias_variance(LinearRegression(), X, y, replicates=5, truth=lambda X: X[:, 0])
    bars = {bar.name: bar.y[0] for bar in result.plot().data}
    assert list(bars) == ["bias²", "variance", "noise", "expected error"]
    assert bars["bias²"] + bars["variance"] + bars["noise"] == pytest.approx(bars["expected error"])
    joint = bias_variance(LinearRegression(), X, y, replicates=5).plot()
    assert [bar.name for bar in joint.data] == ["bias² + noise", "variance", "expected error"]


X, Y = numbers(40)
CLASSES = (Y > 0).astype(int)


@pytest.mark.parametrize(
    ("estimator", "changes", "said"),
    [
        (Regressor, {"X": X}, "estimator is"),
        ("ridge", {}, "estimator is 'ridge'"),
        (Ridge(), {"loss": "hinge"}, "loss is 'hinge'"),
        (Ridge(), {"replicates": 1}, "replicates is 1"),
        (Ridge(), {"replicates": 2.5}, "replicates is 2.5"),
        (Ridge(), {"random_state": None}, "random_state is None"),
        (Ridge(), {"X_test": X}, "only one of X_test and y_test"),
        (Ridge(), {"loss": "zero_one"}, "Ridge predicts numbers"),
        (Regressor(), {"loss": "brier"}, "Regressor predicts numbers"),
        (Classifier(), {}, "Classifier predicts classes"),
        (LinearSVC(), {"y": CLASSES, "loss": "log_loss"}, "LinearSVC has no predict_proba"),
        (Ridge(), {"X": X[:1], "y": Y[:1]}, "one row"),
        (Ridge(), {"y": Y[:7]}, "40 rows"),
        (Ridge(), {"X_test": X[:, :1], "y_test": Y}, "differ in their columns"),
        (Regressor("none"), {"X_test": X[:, :1], "y_test": Y}, "differ in their columns"),
        (Ridge(), {"X_test": X, "y_test": Y[:5]}, "40 rows, the target 5"),
        (Ridge(), {"truth": lambda X: X}, "truth has shape"),
        (Ridge(), {"noise": -1}, "noise must be a variance"),
        (Ridge(), {"sampler": lambda seed: X}, "sampler returned ndarray"),
        (Ridge(), {"sampler": lambda seed: (X, Y[:3])}, "one for each row"),
        (Ridge(), {"sampler": lambda seed: (X[:1], Y[:1])}, "one row only"),
        (LogisticRegression(), {"y": CLASSES, "loss": "brier", "truth": lambda X: X[:, 0]}, "in \\[0, 1\\]"),
        (LogisticRegression(), {"y": CLASSES, "loss": "brier", "X_test": X, "y_test": CLASSES + 1}, "holds class 2"),
        (Ridge(alpha=-1.0), {}, "Ridge failed on replicate 1"),
        (Classifier("none", class_weight="even"), {"y": CLASSES, "loss": "brier"}, "class_weight is 'even'"),
    ],
)
def test_bad_input_is_one_line(estimator, changes, said):
    arguments = {"X": X, "y": Y, "replicates": 3, **changes}
    with pytest.raises(InputError, match=said) as caught:
        bias_variance(estimator, **arguments)
    assert "\n" not in str(caught.value)


def test_class_weights_are_heard():
    X, y = load_iris(return_X_y=True)
    X, y = X[40:110], (y[40:110] > 0).astype(int)
    plain, weighted = (
        bias_variance(Classifier("none", class_weight=weight, **SMALL), X, y, loss="brier", replicates=3)
        for weight in (None, {0: 100.0, 1: 1.0})
    )
    assert plain.expected_error.value != weighted.expected_error.value


def test_it_shows_its_parts_in_a_line():
    shown = repr(bias_variance(LinearRegression(), *numbers(), replicates=5))
    assert shown.startswith("BiasVariance(loss='squared', replicates=5, bias2_and_noise=")
    assert len(shown) < 250
