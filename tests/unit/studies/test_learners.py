"""Baselines' estimators: the same as scikit-learn's by hand, on what the training rows tell and nothing else."""

import contextlib
import datetime
import math

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from study_problems import TASKS, problem_of

from goodfit.data.encoder import fit_encoder
from goodfit.data.media import picture_table, sound_table
from goodfit.data.schema import Schema
from goodfit.data.table import to_table
from goodfit.studies import learners
from goodfit.studies.learners import Constant, boosted, constant, linear
from goodfit.studies.problem import Problem, read_problem


def weighted(task, rows: int = 120) -> Problem:
    """Rows some of which stand for two."""
    return problem_of(task, rows, copies=30).merged()


def by_hand(problem: Problem) -> np.ndarray:
    """Numbers as they are, categories as the alphabet orders them, nan where missing."""
    columns = []
    for column in problem.table.columns:
        values = column.values.astype(np.float64)
        columns.append(np.where(column.missing, np.nan, values))
    return np.stack(columns, axis=1)


# -- constants --------------------------------------------------------------------------------------------------------


def test_the_constant_is_the_weighted_mean_or_the_weighted_shares():
    numbers = read_problem([[0.0], [1.0], [2.0]], [0.5, 1.5, 5.0], weights=[1.0, 1.0, 2.0])
    assert constant(numbers).predict(numbers.table).tolist() == [[3.0]] * 3
    classes = read_problem([[0.0], [1.0], [2.0]], ["a", "b", "c"], weights=[1.0, 1.0, 2.0])
    assert constant(classes).predict(classes.table.take(np.arange(2))).tolist() == [[0.25, 0.25, 0.5]] * 2


def test_one_class_or_no_value_leaves_the_constant():
    problem = read_problem([[float(i)] for i in range(6)], ["a", "b"] * 3)
    one = problem.take(np.array([0, 2, 4]))
    schema = Schema.of(problem.table)
    for learned in (linear(one, schema=schema), boosted(one, schema=schema, seed=0)):
        assert isinstance(learned, Constant)
        assert learned.predict(problem.table).tolist() == [[1.0, 0.0]] * 6
    gaps = read_problem([[None], [None], [1.0], [2.0]] * 2, ["a", "b"] * 4)
    empty = gaps.take(np.array([0, 1, 4, 5]))
    found = boosted(empty, schema=Schema.of(gaps.table), seed=0)
    assert found.predict(gaps.table).tolist() == [[0.5, 0.5]] * 8


def test_a_class_that_the_training_rows_have_not_is_never_expected():
    problem = read_problem([[float(i)] for i in range(60)], ["a", "b", "c"] * 20)
    schema, train = Schema.of(problem.table), problem.take(np.flatnonzero(np.arange(60) % 3 != 1))
    for learned in (constant(train), linear(train, schema=schema), boosted(train, schema=schema, seed=0)):
        predicted = learned.predict(problem.table)
        assert (predicted[:, 1] == 0).all()
        np.testing.assert_allclose(predicted[:, 0] + predicted[:, 2], 1)


# -- linear models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_the_linear_model_is_scikit_learns_on_the_networks_inputs(task):
    problem = weighted(task)
    train, schema = problem.take(np.arange(80)), Schema.of(problem.table)
    encoder = fit_encoder(train.table, schema, weights=train.weights)
    X, every = encoder.transform(train.table, np.float64), encoder.transform(problem.table, np.float64)
    weights = train.weights / train.weights.mean()
    learned = linear(train, schema=schema).predict(problem.table)
    if task == "regression":
        expected = Ridge(alpha=1.0).fit(X, train.target, sample_weight=weights).predict(every)[:, None]
    else:
        expected = LogisticRegression(max_iter=1000).fit(X, train.target, sample_weight=weights).predict_proba(every)
    np.testing.assert_allclose(learned, expected, rtol=1e-6, atol=1e-6)


def test_texts_are_described_by_the_training_rows_words():
    texts = ["good film", "bad film", "good plot", "bad plot"] * 5 + ["unheard words", "good good"]
    problem = read_problem(texts, np.array([1, 0, 1, 0] * 5 + [0, 1]), task="binary")
    learned = linear(problem.take(np.arange(20)), schema=Schema.of(problem.table))
    predicted = learned.predict(problem.table)
    assert (predicted[:20].argmax(1) == problem.target[:20]).all()
    assert predicted[21, 1] > 0.9
    words = learned.read.args[0].vocabulary.terms
    assert "good film" in words
    assert not {"unheard", "words", "good good"} & set(words)
    numbers = read_problem(texts, np.array([text.count("good") for text in texts], float), task="regression")
    assert linear(numbers, schema=Schema.of(numbers.table)).predict(numbers.table)[21, 0] > 0.8


def test_texts_in_parts_are_texts_at_once(monkeypatch):
    problem = read_problem([f"word{i % 7} word{i % 3}" for i in range(30)], np.arange(30) % 3 == 0)
    schema = Schema.of(problem.table)
    whole = linear(problem, schema=schema).predict(problem.table)
    monkeypatch.setattr(learners, "CHUNK", 4)
    np.testing.assert_allclose(linear(problem, schema=schema).predict(problem.table), whole, rtol=1e-9)


def test_texts_without_a_word_leave_the_constant():
    problem = read_problem([".", ";", ",", ".;"] * 2, np.arange(8) % 2)
    assert isinstance(linear(problem, schema=Schema.of(problem.table)), Constant)


@pytest.mark.parametrize("medium", ["picture", "sound"])
def test_pictures_and_sounds_are_their_raw_inputs(medium):
    random = np.random.default_rng(0)
    target = np.arange(60) % 2
    if medium == "picture":
        pixels = random.integers(0, 100, (60, 6, 6)).astype(np.uint8)
        pixels[target == 1, 0, 0] = 255
        table = picture_table(pixels)
    else:
        decibels = random.normal(-60, 3, (60, 8, 5)).astype(np.float32)
        decibels[target == 1, 0] += 30
        table = sound_table(decibels)
    problem = read_problem(table, target, task="binary")
    learned = linear(problem.take(np.arange(40)), schema=Schema.of(problem.table))
    assert (learned.predict(problem.table)[40:].argmax(1) == target[40:]).mean() > 0.8


def test_what_did_not_converge_says_nothing_and_predicts(monkeypatch):
    """Warnings are errors here."""
    monkeypatch.setattr(learners, "ITERATIONS", 1)
    problem = weighted("multiclass")
    predicted = linear(problem, schema=Schema.of(problem.table)).predict(problem.table)
    np.testing.assert_allclose(predicted.sum(1), 1)


def test_inputs_of_many_cells_are_in_single_precision(monkeypatch):
    problem = weighted("binary")
    schema = Schema.of(problem.table)
    double = linear(problem, schema=schema)
    monkeypatch.setattr(learners, "MANY_CELLS", 10)
    single = linear(problem, schema=schema)
    assert (double.model.coef_.dtype, single.model.coef_.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(single.predict(problem.table), double.predict(problem.table), atol=1e-3)


# -- boosted trees ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_boosted_trees_are_scikit_learns_on_the_columns_as_they_are(task):
    problem = weighted(task)
    train = problem.take(np.arange(80))
    X, every = by_hand(train), by_hand(problem)
    weights, mask = train.weights / train.weights.mean(), [False, False, False, True]
    learned = boosted(train, schema=Schema.of(problem.table), seed=3).predict(problem.table)
    if task == "regression":
        tree = HistGradientBoostingRegressor(categorical_features=mask)
        expected = tree.fit(X, train.target, sample_weight=weights).predict(every)[:, None]
    else:
        tree = HistGradientBoostingClassifier(categorical_features=mask)
        expected = tree.fit(X, train.target, sample_weight=weights).predict_proba(every)
    np.testing.assert_allclose(learned, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("task", ["regression", "binary"])
def test_numbers_of_many_values_are_binned_as_scikit_learn_bins_them(task, uneven):
    random = np.random.default_rng(0)
    X = random.lognormal(size=(1500, 3)) * [1, 1e6, 1e-6]
    X[::7, 1], X[:, 2] = np.nan, np.round(X[:, 2], 6)
    signal = X[:, 0] + (np.nan_to_num(X[:, 1]) > 1e6) + random.normal(size=1500)
    target = signal if task == "regression" else signal > 1.5
    weights = random.uniform(0.5, 2, 1500) if uneven else np.full(1500, 3.0)
    problem = read_problem(X, target, weights=weights, task=task)
    train = problem.take(np.arange(1000))
    learned = boosted(train, schema=Schema.of(problem.table), seed=3).predict(problem.table)
    given = weights[:1000] / weights[:1000].mean()
    if task == "regression":
        expected = HistGradientBoostingRegressor().fit(X[:1000], target[:1000], sample_weight=given).predict(X)
    else:
        tree = HistGradientBoostingClassifier().fit(X[:1000], target[:1000], sample_weight=given)
        expected = tree.predict_proba(X)[:, 1]
    # where a quantile lies exactly between two rows' weights scikit-learn takes the middle: a cut may move by a row
    np.testing.assert_allclose(np.squeeze(learned[:, -1]), expected, rtol=1e-3, atol=1e-3)


def test_a_category_is_a_category_and_its_gaps_and_new_levels_are_missing():
    """Every second letter is of one class: as an ordered code it would take many cuts."""
    letters = [chr(97 + i % 20) for i in range(800)]
    problem = read_problem(pl.DataFrame({"letter": letters, "one": np.arange(800.0) % 7}), np.arange(800) % 20 % 2)
    learned = boosted(problem, schema=Schema.of(problem.table), seed=0)
    assert (learned.predict(problem.table).argmax(1) == problem.target).all()
    new = to_table(pl.DataFrame({"letter": ["a", "unheard of", None, "b"], "one": [1.0] * 4}))
    read = learned.read(new)
    assert np.isnan(read[:, 0]).tolist() == [False, True, True, False]
    assert len(set(read[[0, 3], 0])) == 2


def test_of_more_than_255_levels_the_rarest_share_one():
    names = [f"level {i:03}" for i in range(300)]
    column = [name for i, name in enumerate(names) for _ in range(3 if i % 2 else 2)] + [names[0]] * 5
    problem = read_problem(pl.DataFrame({"name": column}), np.arange(len(column)) % 2)
    learned = boosted(problem, schema=Schema.of(problem.table), seed=0)
    codes = dict(zip(column, learned.read(problem.table)[:, 0].tolist(), strict=True))
    assert sorted(set(codes.values())) == list(range(255))
    assert codes[names[0]] == 0
    shared = [name for name, code in codes.items() if code == 254]
    assert len(shared) == 300 - 254
    assert all(names.index(name) % 2 == 0 for name in shared)


def test_dates_are_seconds_and_an_empty_column_is_left_out():
    day = datetime.datetime(2020, 1, 1)
    frame = pl.DataFrame(
        {
            "when": [day + datetime.timedelta(hours=i) for i in range(60)],
            "late": [None] * 50 + [1.0] * 10,
            "sort": ["x"] * 3 + [None] * 57,
            "told": [i % 3 == 0 for i in range(60)],
        }
    )
    problem = read_problem(frame, np.arange(60) > 25)
    learned = boosted(problem.take(np.arange(3, 50)), schema=Schema.of(problem.table), seed=0)
    read = learned.read(problem.table)
    assert read[:, 0].tolist() == [
        datetime.datetime.timestamp(day.replace(tzinfo=datetime.UTC)) + 3600 * i for i in range(60)
    ]
    assert read[:, 1].tolist() == [float(i % 3 == 0) for i in range(60)]
    assert (learned.predict(problem.table).argmax(1) == problem.target).mean() > 0.9


def test_early_stopping_is_scikit_learns_unless_a_class_has_one_row():
    X = np.arange(60.0)[:, None]
    for target, stops in (
        (np.arange(60) % 3, "auto"),
        (np.minimum(np.arange(60), 2), False),
        (np.arange(60) % 20, False),
    ):
        problem = read_problem(X, target, task="multiclass")
        assert boosted(problem, schema=Schema.of(problem.table), seed=5).model.early_stopping == stops
    numbers = read_problem(X, X[:, 0] ** 2, task="regression")
    learned = boosted(numbers, schema=Schema.of(numbers.table), seed=5)
    assert (learned.model.early_stopping, learned.model.random_state) == ("auto", 5)


@pytest.mark.parametrize("task", TASKS)
def test_trees_that_have_time_are_those_that_have_no_end_and_others_are_not_grown(task, monkeypatch):
    problem = weighted(task)
    schema, asked = Schema.of(problem.table), []
    free, granted = (boosted(problem, schema=schema, seed=0, seconds=seconds) for seconds in (math.inf, 60.0))
    np.testing.assert_allclose(granted.predict(problem.table), free.predict(problem.table), rtol=1e-6, atol=1e-9)
    fit = learners._fitted
    monkeypatch.setattr(learners, "_fitted", lambda m, *a, **k: asked.append(m.max_iter) or fit(m, *a, **k))
    # 4 seconds of reading and binning a fit, a tenth of a second a tree: 4.3, 4.6 and 13.1
    for seconds, fits in ((22.1, [3, 9, 100]), (21.9, [3, 9])):
        clock, asked[:] = iter([0.0, 4.3, 8.9]), []
        monkeypatch.setattr(learners.time, "monotonic", lambda clock=clock: next(clock))
        with contextlib.suppress(TimeoutError):
            boosted(problem, schema=schema, seed=0, seconds=seconds)
        assert asked == fits
    monkeypatch.setattr(learners.time, "monotonic", iter([0.0, 4.3, 8.9]).__next__)
    with pytest.raises(TimeoutError):
        boosted(problem, schema=schema, seed=0, seconds=21.9)


def test_trees_that_stop_early_are_the_same_with_a_limit_of_time():
    random = np.random.default_rng(0)
    problem = read_problem(random.normal(size=(11_000, 2)), random.normal(size=11_000), task="regression")
    schema = Schema.of(problem.table)
    free, granted = (boosted(problem, schema=schema, seed=0, seconds=seconds) for seconds in (math.inf, 600.0))
    assert free.model.n_iter_ == granted.model.n_iter_ < 30
    np.testing.assert_allclose(granted.predict(problem.table), free.predict(problem.table), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_of_many_rows_some_show_how_long_trees_take_and_teach_none(task, monkeypatch):
    problem = weighted(task)
    schema, fit, rows = Schema.of(problem.table), learners._fitted, []
    free = boosted(problem, schema=schema, seed=0)
    monkeypatch.setattr(learners, "TRIED_ROWS", problem.rows // 3)
    monkeypatch.setattr(learners, "_fitted", lambda m, r, t, **k: rows.append(t.rows) or fit(m, r, t, **k))
    granted = boosted(problem, schema=schema, seed=0, seconds=60.0)
    assert rows[0] == rows[1] <= problem.rows / 3 + 1
    assert rows[2] == problem.rows
    np.testing.assert_array_equal(granted.predict(problem.table), free.predict(problem.table))
    # of each fit 4 seconds are reading and binning, a tenth of a second a tree; all rows take `step` times as long
    step = math.ceil(problem.rows / (problem.rows // 3))
    needed = 4.5 + 5.5 + step * (4 + 100 * 0.1)
    for seconds, fits in ((needed + 0.1, 3), (needed - 0.1, 2)):
        monkeypatch.setattr(learners.time, "monotonic", iter([0.0, 4.5, 10.0]).__next__)
        rows.clear()
        with contextlib.suppress(TimeoutError):
            boosted(problem, schema=schema, seed=0, seconds=seconds)
        assert len(rows) == fits


def test_trees_are_tried_on_some_rows_that_have_one_of_a_rare_class(monkeypatch):
    """Above 10,000 rows trees stop early by rows that are held out class by class."""
    monkeypatch.setattr(learners, "TRIED_ROWS", 10_500)
    target = np.arange(21_000) // 2 % 3
    target[[0, 1]] = 3
    problem = read_problem(np.arange(21_000.0)[:, None], target, task="multiclass")
    learned = boosted(problem, schema=Schema.of(problem.table), seed=0, seconds=600.0)
    assert learned.model.early_stopping == "auto"
    assert learned.model.classes_.tolist() == [0, 1, 2, 3]


def test_threads_are_given_back():
    before = torch.get_num_threads()
    problem = weighted("binary")
    boosted(problem, schema=Schema.of(problem.table), seed=0).predict(problem.table)
    assert torch.get_num_threads() == before


# -- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_the_units_of_weights_and_target_play_no_part(task):
    problem = weighted(task)
    unit = 1e40 if task == "regression" else 1
    other = Problem(
        problem.table,
        problem.target * unit,
        problem.classes,
        problem.task,
        problem.weights * 1e-9,
        positive=problem.positive,
    )
    schema = Schema.of(problem.table)
    for learn in (constant, lambda p: linear(p, schema=schema), lambda p: boosted(p, schema=schema, seed=0)):
        one, two = learn(problem).predict(problem.table), learn(other).predict(problem.table)
        np.testing.assert_allclose(two / unit, one, rtol=1e-3, atol=1e-4)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.integers(3, 25), st.sampled_from(["binary", "multiclass"]))
def test_few_and_strange_rows_give_probabilities(seed, rows, task):
    random = np.random.default_rng(seed)
    table = to_table(
        pl.DataFrame(
            {
                "id": np.arange(rows, dtype=float),
                "huge": np.where(random.random(rows) < 0.5, None, random.choice([-1e300, 0.0, 1e300], rows)).tolist(),
                "sort": random.choice(["x", "y", None], rows).tolist(),
            },
            strict=False,
        )
    )
    target = np.r_[np.arange(2), random.integers(0, 2 if task == "binary" else 4, rows - 2)]
    problem = read_problem(table, target, task=task)
    schema, train = Schema.of(problem.table), problem.take(np.flatnonzero(random.random(rows) < 0.7)[: rows - 1])
    if not train.rows:
        return
    for learned in (constant(train), linear(train, schema=schema), boosted(train, schema=schema, seed=seed)):
        predicted = learned.predict(problem.table)
        assert predicted.shape == (rows, len(problem.classes))
        np.testing.assert_allclose(predicted.sum(1), 1)
        assert (predicted >= 0).all()
        assert (predicted[:, np.setdiff1d(np.arange(len(problem.classes)), train.target)] == 0).all()
