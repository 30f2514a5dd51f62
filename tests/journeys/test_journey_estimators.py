"""Classifier and Regressor as scikit-learn, pandas and polars users meet them."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from customers import make_table
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import goodfit
from goodfit import L2, Classifier, DoubtfulRecipe, Dropout, EarlyStopping, InputError, Regressor

Estimator = Classifier | Regressor
RECIPE = "l2=0.001, dropout=0.1"
QUICK: dict[str, Any] = {"hidden": (8,), "members": 2, "max_epochs": 5}
BOTH = pytest.mark.parametrize("kind", [Classifier, Regressor])


@pytest.fixture(scope="module")
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(500, 4))


@pytest.fixture(scope="module")
def y(X: np.ndarray) -> np.ndarray:
    """Two classes, one of them with a fifth of the rows; also fit for regression."""
    return (X[:, 0] + 0.5 * X[:, 1] > 0.95).astype(np.int64)


def outputs(model: Estimator, X: Any) -> np.ndarray:
    return model.predict_proba(X) if isinstance(model, Classifier) else model.predict(X)


@pytest.mark.parametrize("kind", [Classifier, pytest.param(Regressor, marks=pytest.mark.slow)])
def test_scikit_learn_s_own_checks(kind: type[Estimator]) -> None:
    assert_passes(kind(RECIPE, hidden=(16,), members=2))


@pytest.mark.slow
@BOTH
def test_scikit_learn_s_own_checks_with_default_settings(kind: type[Estimator]) -> None:
    assert_passes(kind())


def assert_passes(estimator: Estimator) -> None:
    """Every check, and none is skipped but the one that scikit-learn leaves out for want of an array library."""
    results = check_estimator(estimator, on_fail="raise", on_skip=None)
    assert len(results) > 40
    assert {r["check_name"] for r in results if r["status"] != "passed"} <= {"check_array_api_input"}


def test_pipeline_grid_search_and_cross_validation() -> None:
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Classifier(hidden=(16,), members=1, max_epochs=30, learning_rate=0.02)),
        {"classifier__recipe": ["none", "l2=0.001, early_stopping=5", L2(10.0), L2(0.01) + Dropout(0.1)]},
        cv=3,
    ).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_params_["classifier__recipe"] != L2(10.0)
    scores = search.cv_results_["mean_test_score"]
    assert scores[2] < scores[0]
    X, y = make_regression(100, 4, random_state=0)
    assert cross_val_score(Regressor("none", hidden=(), members=1, learning_rate=0.1), X, y, cv=3).min() > 0.9


@BOTH
def test_clone_and_parameters(kind: type[Estimator], X: np.ndarray, y: np.ndarray) -> None:
    recipe = L2(0.01) + EarlyStopping(3)
    model = kind(recipe, random_state=5, **QUICK)
    twin = clone(model)
    assert twin.get_params()["recipe"] == recipe
    assert repr(twin) == repr(model)
    assert not hasattr(twin, "model_")
    assert np.array_equal(outputs(twin.fit(X, y), X), outputs(model.fit(X, y), X))
    assert not np.array_equal(outputs(twin.set_params(recipe="l2=5").fit(X, y), X), outputs(model, X))


@BOTH
def test_fitted_model_comes_back_from_a_pickle(kind: type[Estimator], X: np.ndarray, y: np.ndarray) -> None:
    model = kind(RECIPE, **QUICK).fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(outputs(twin, X), outputs(model, X))
    assert twin.recipe_ == model.recipe_
    assert twin.history_.equals(model.history_)
    assert twin.diagnosis_.fired == model.diagnosis_.fired


def test_pandas_and_polars_are_alike(tmp_path: Path) -> None:
    frame = make_table()
    table, left = frame.drop("left"), frame["left"]
    pandas = table.to_pandas()
    pandas["town"] = pandas["town"].astype("category")
    tables = {"polars": table, "lazy": table, "pandas": pandas, "arrow": table.to_arrow()}
    models = {name: Classifier(RECIPE, **QUICK).fit(X, left.to_list()) for name, X in tables.items()}
    expected = models["polars"].predict_proba(table)
    for name, model in models.items():
        assert np.array_equal(model.predict_proba(tables[name]), expected)
        assert np.array_equal(models["polars"].predict_proba(tables[name]), expected)
        assert list(model.feature_names_in_) == table.columns
    for target in (left, left.to_pandas(), left.to_numpy(), left.to_list()):
        assert np.array_equal(Classifier(RECIPE, **QUICK).fit(table, target).predict_proba(table), expected)


@BOTH
def test_weight_three_is_a_row_thrice_and_weight_nought_is_no_row(
    kind: type[Estimator], X: np.ndarray, y: np.ndarray
) -> None:
    """Also where the size of batches follows from the number of rows."""
    times = np.repeat([0, 1, 3], [100, 50, 350])
    weighted = kind(RECIPE, **QUICK).fit(X, y, sample_weight=times)
    repeated = kind(RECIPE, **QUICK).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert np.array_equal(outputs(weighted, X), outputs(repeated, X))
    plain = kind(RECIPE, **QUICK).fit(X, y)
    assert not np.array_equal(outputs(weighted, X), outputs(plain, X))


@BOTH
def test_order_of_rows_does_not_matter(kind: type[Estimator], X: np.ndarray, y: np.ndarray) -> None:
    order = np.random.default_rng(1).permutation(len(X))
    one, other = kind(RECIPE, **QUICK).fit(X, y), kind(RECIPE, **QUICK).fit(X[order], y[order])
    assert np.array_equal(outputs(one, X), outputs(other, X))
    np.testing.assert_allclose(outputs(one, X[order]), outputs(one, X)[order], rtol=1e-12)


@BOTH
def test_random_state_decides(kind: type[Estimator], X: np.ndarray, y: np.ndarray) -> None:
    def fitted(seed: Any) -> np.ndarray:
        return outputs(kind(RECIPE, random_state=seed, **QUICK).fit(X, y), X)

    assert np.array_equal(fitted(3), fitted(3))
    assert not np.array_equal(fitted(3), fitted(4))
    assert np.array_equal(fitted(np.random.RandomState(3)), fitted(np.random.RandomState(3)))
    assert not np.array_equal(fitted(None), fitted(None))
    assert np.isfinite(fitted(-3)).all()


def test_balanced_classes_find_more_of_the_rare_one(X: np.ndarray, y: np.ndarray) -> None:
    noisy = np.where(np.random.default_rng(2).random(len(y)) < 0.2, 0, y)
    plain = Classifier("none", hidden=(), max_epochs=30).fit(X, noisy)
    balanced = Classifier("none", hidden=(), max_epochs=30, class_weight="balanced").fit(X, noisy)
    same = Classifier("none", hidden=(), max_epochs=30).fit(X, noisy, len(y) / (2 * np.bincount(noisy)[noisy]))
    assert balanced.predict(X).mean() > plain.predict(X).mean() + 0.1
    assert np.array_equal(balanced.predict_proba(X), same.predict_proba(X))


def test_costs_decide_what_is_predicted_and_change_no_probability(X: np.ndarray, y: np.ndarray, tmp_path: Path) -> None:
    settings, flips = QUICK | {"max_epochs": 40}, np.random.default_rng(2).random(len(y)) < 0.1
    y = np.where(flips, 1 - y, y)
    plain, wary, calm = (Classifier(RECIPE, **settings, costs=costs).fit(X, y) for costs in (None, (1, 30), (30, 1)))
    chances = plain.predict_proba(X)
    assert np.array_equal(plain.predict(X), plain.classes_[chances.argmax(1)])
    for model in (wary, calm):
        assert np.array_equal(model.predict_proba(X), chances)
        threshold = model.summary_["decision"]["threshold"]
        assert np.array_equal(model.predict(X) == 1, chances[:, 1] >= threshold)
        model.save(tmp_path)
        assert np.array_equal(goodfit.load(tmp_path).predict(X), model.predict(X))
    assert wary.predict(X).mean() > 2 * max(plain.predict(X).mean(), calm.predict(X).mean())


def test_balanced_accuracy_as_metric_is_served_by_a_threshold(X: np.ndarray, y: np.ndarray) -> None:
    model = Classifier(RECIPE, **QUICK, metric="balanced_accuracy").fit(X, y)
    assert model.model_.decision is not None
    assert model.summary_["decision"]["costs"] is None
    assert Classifier(RECIPE, **QUICK, metric="roc_auc").fit(X, y).model_.decision is None


def test_costs_are_for_two_classes_and_rows_held_out(X: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(InputError, match="costs are for a target of two classes, this one has 3 classes"):
        Classifier(RECIPE, **QUICK, costs=(1, 10)).fit(X, np.arange(500) % 3)
    with pytest.raises(InputError, match="validation=0 holds out no rows to choose a threshold"):
        Classifier(RECIPE, **QUICK, costs=(1, 10), validation=0).fit(X, y)
    assert "costs" not in Regressor().get_params()


def test_budget_ends_the_training(X: np.ndarray, y: np.ndarray) -> None:
    model = Classifier(RECIPE, hidden=(8,), members=2, max_epochs=10**6, budget="0.5s").fit(X, y)
    assert 1 <= model.history_["epoch"].max() < 10**6
    assert np.isfinite(model.predict_proba(X)).all()
    assert Classifier(RECIPE, budget=0.001, **QUICK).fit(X, y).history_["epoch"].max() == 1


@BOTH
def test_early_stopping_without_rows_to_watch_is_doubtful(kind: type[Estimator], X: np.ndarray, y: np.ndarray) -> None:
    with pytest.warns(DoubtfulRecipe, match="no validation rows to watch"):
        kind("early_stopping=3", validation=0, **QUICK).fit(X, y)
    kind(RECIPE, validation=0, **QUICK).fit(X, y)


@BOTH
def test_no_recipe_and_no_rows_to_choose_by(kind: type[Estimator], X: np.ndarray, y: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulRecipe)
        with pytest.raises(InputError, match="validation=0 holds out no rows to choose a recipe by; give a recipe"):
            kind(validation=0, **QUICK).fit(X, y)


@pytest.mark.parametrize("kind", [Classifier, pytest.param(Regressor, marks=pytest.mark.slow)])
def test_it_finds_the_recipe(kind: type[Estimator], X: np.ndarray, y: np.ndarray) -> None:
    model = kind(hidden=(8,), members=2, max_epochs=3, batch_size=128, budget=15).fit(X, y)
    tried = model.history_["recipe"].unique().to_list()
    assert "none" in tried
    assert len(tried) > 1
    assert str(model.recipe_) in tried


def test_linear_model_s_weights_are_its_predictions(X: np.ndarray, y: np.ndarray) -> None:
    settings: dict[str, Any] = {"hidden": (), "members": 1, "standardize": False}
    regressor = Regressor("l2=0.01", **settings).fit(X, X[:, 0] * 3 + 7)
    assert [w.shape for w in regressor.coefs_] == [(4, 1)]
    assert [b.shape for b in regressor.intercepts_] == [(1,)]
    expected = X @ regressor.coefs_[0] + regressor.intercepts_[0]
    np.testing.assert_allclose(regressor.predict(X), expected[:, 0], rtol=1e-12)
    classifier = Classifier("l2=0.01", **settings).fit(X, y)
    logits = X @ classifier.coefs_[0] + classifier.intercepts_[0]
    np.testing.assert_allclose(classifier.predict_proba(X)[:, 1], 1 / (1 + np.exp(-logits[:, 0])), rtol=1e-12)
    three = Classifier("l2=0.01", **settings).fit(X, y + (X[:, 2] > 1))
    exponents = np.exp(X @ three.coefs_[0] + three.intercepts_[0])
    np.testing.assert_allclose(three.predict_proba(X), exponents / exponents.sum(1, keepdims=True), rtol=1e-12)


def test_hidden_layers_weights_are_its_predictions(X: np.ndarray) -> None:
    model = Regressor("l2=0.01", hidden=(8, 5), members=1, standardize=False, max_epochs=3).fit(X, X[:, 0])
    rows = X
    for w, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        rows = np.maximum(rows @ w + b, 0)
    expected = rows @ model.coefs_[-1] + model.intercepts_[-1]
    np.testing.assert_allclose(model.predict(X), expected[:, 0], rtol=1e-12, atol=1e-12)


def test_exact_zeros_under_l1(X: np.ndarray) -> None:
    model = Regressor("l1=0.3", hidden=(), members=1, learning_rate=0.01).fit(X, X[:, 0])
    assert model.coefs_[0][0, 0] > 0.5
    assert (model.coefs_[0][1:] == 0).all()


def test_several_networks_have_no_one_set_of_weights(X: np.ndarray, y: np.ndarray) -> None:
    model = Classifier(RECIPE, **QUICK).fit(X, y)
    for name in ("coefs_", "intercepts_"):
        with pytest.raises(AttributeError, match="2 networks; make it with members=1"):
            getattr(model, name)
    assert not hasattr(model, "coefs_")


@BOTH
def test_what_is_known_after_fit(kind: type[Estimator], X: np.ndarray, y: np.ndarray, tmp_path: Path) -> None:
    model = kind("l2=1e-3, early_stopping=2", **QUICK).fit(X, y)
    assert str(model.recipe_) == "l2=0.001, early_stopping=2"
    assert model.history_.columns == ["recipe", "member", "seed", "epoch", "train_loss", "validation_loss"]
    assert model.history_["member"].unique().sort().to_list() == [0, 1]
    assert model.history_.select(pl.col("train_loss", "validation_loss").is_finite().all()).row(0) == (True, True)
    names = {verdict.name for verdict in model.diagnosis_.verdicts}
    assert {"overfitting", "collapsed"} <= names
    assert set(model.diagnosis_.fired) <= names
    if isinstance(model, Classifier):
        assert model.classes_.tolist() == [0, 1]
    model.report(tmp_path / "report.html")
    assert "l2=0.001" in (tmp_path / "report.html").read_text()
    with pytest.raises(InputError, match="doesn't exist"):
        model.report(tmp_path / "none" / "report.html")


def test_before_fit() -> None:
    for act in (lambda m: m.predict([[1.0]]), lambda m: m.save("x"), lambda m: m.report("x"), lambda m: m.coefs_):
        with pytest.raises(NotFittedError):
            act(Classifier())


SETTINGS: dict[str, list[Any]] = {
    "hidden": [(0,), (8, -1), (2.5,), (True,), 8, "8"],
    "channels": [(0,), (8, -1), (2.5,), 8, "8"],
    "optimizer": ["rmsprop", None, ["sgd"]],
    "learning_rate": [0, -0.1, np.nan, np.inf, "fast"],
    "batch_size": [0, -5, 2.5, "all"],
    "max_epochs": [0, -1, 1.5],
    "schedule": ["linear", {}],
    "scaling": [-1, np.nan, np.inf, "fast", True],
    "validation": [-0.1, 0.6, np.nan, "some", None],
    "ensemble": [0, 1.5, None],
    "members": [0, -2, 1.5, True, None],
    "metric": ["beauty", 3],
    "budget": ["soon", 0, -1, "5 parsecs"],
    "device": ["tpu", 3, None],
    "threads": [0, -1, 1.5, "many"],
    "recipe": ["magic=1", "l2=-1", "dropout=2", 5, "l2=1, l2=2"],
    "random_state": ["x", 2.5],
    "class_weight": ["even"],
    "costs": [(1, 0), (-1, 2), (1, np.nan), (1, np.inf), (1,), (1, 2, 3), "1:10", 10, (True, 2)],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in SETTINGS.items() for value in values])
@BOTH
def test_setting_out_of_range(kind: type[Estimator], name: str, value: Any, X: np.ndarray, y: np.ndarray) -> None:
    if name in ("class_weight", "costs") and kind is Regressor:
        with pytest.raises(TypeError):
            kind(**{name: value})
        return
    with pytest.raises(InputError) as caught:
        kind(**{"recipe": RECIPE, **QUICK, name: value}).fit(X, y)
    assert len(str(caught.value).splitlines()) == 1
    assert name in str(caught.value) or name == "recipe"


DATA: dict[str, tuple[Any, Any, Any, str]] = {
    "infinite": ([[1.0], [np.inf]], [0, 1], None, "'x0' has 1 infinite"),
    "no rows": (np.empty((0, 2)), [], None, "no rows"),
    "one class": ([[1.0], [2.0]], ["a", "a"], None, "one class only, a"),
    "gap in the target": ([[1.0], [2.0], [3.0]], [0, 1, np.nan], None, "1 missing value .* row 3"),
    "negative weight": ([[1.0], [2.0]], [0, 1], [1, -1], "sample weight in row 2 is -1"),
    "weights all nought": ([[1.0], [2.0]], [0, 1], [0, 0], "all sample weights are zero"),
    "equal names": (pl.DataFrame([[1.0, 2.0]]).to_pandas().iloc[:, [0, 0]], [0, 1], None, "more than one column"),
    "nested": (pl.DataFrame({"a": [[1], [2]]}), [0, 1], None, "'a' holds values of type List"),
}


@pytest.mark.parametrize(("X", "y", "weights", "message"), DATA.values(), ids=DATA)
def test_data_that_cannot_be_used(X: Any, y: Any, weights: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Classifier(RECIPE, **QUICK).fit(X, y, weights)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("age", "old", "'age' holds text, e.g. 'old' in row 1"), ("town", 3.0, "'town' holds numbers, e.g. 3 in row 1")],
)
def test_new_rows_of_another_type(column: str, value: Any, message: str) -> None:
    frame = make_table()
    model = Classifier(RECIPE, **QUICK).fit(frame.drop("left"), frame["left"])
    with pytest.raises(InputError, match=message):
        model.predict(frame.drop("left").with_columns(pl.lit(value).alias(column)))


def test_ten_thousand_columns() -> None:
    X = np.random.default_rng(0).normal(size=(200, 10_000))
    model = Classifier("l1=0.01", hidden=(), members=1, max_epochs=5, learning_rate=0.01).fit(X, X[:, 0] > 0)
    assert model.n_features_in_ == 10_000
    assert model.predict(X).dtype == bool
    assert model.coefs_[0].shape == (10_000, 1)
    assert goodfit.compare(X[:, :50], X[:, 0] > 0, ["none"], seeds=2, hidden=(), max_epochs=2).frame().height == 2
