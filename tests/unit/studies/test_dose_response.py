"""Doses of a technique: known best doses are found, parts add up, and a verdict needs more than luck."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from study_problems import problem_of

import goodfit
from goodfit import L2, Classifier, Dropout, InputError, MaxNorm, Recipe, Regressor, dose_response
from goodfit.decompositions import decompose
from goodfit.multiplicity import Fall
from goodfit.regularizers import along
from goodfit.statistics import Estimate
from goodfit.studies.dosing import _weighted, best_shares, respond_to_doses
from goodfit.studies.problem import read_problem
from goodfit.studies.response import _places, respond
from goodfit.studies.samples import repeated_folds, train_samples
from goodfit.studies.subject import Subject
from goodfit.training import Settings

SMALL = {"hidden": (8,), "max_epochs": 10}
LINEAR = {"hidden": (), "optimizer": "sgd", "learning_rate": 0.02, "max_epochs": 300, "batch_size": 100}
LAMBDAS = [0, 0.01, 0.03, 0.1, 0.3, 1, 3]


def linear(rows=60, width=42, seed=0, noise=3.0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, width))
    return X, X @ random.normal(size=width) + noise * random.normal(size=rows)


def classes(rows=120, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 4))
    return X, (X[:, 0] - X[:, 1] + random.normal(size=rows) > 0).astype(int)


@pytest.fixture(scope="module")
def ridge():
    X, y = linear()
    return dose_response("l2", X, y, LAMBDAS, estimator=Regressor("none", **LINEAR), repeats=3)


@pytest.fixture(scope="module")
def small():
    X, y = classes()
    return dose_response("l2", X, y, [0, 0.001, 0.1, 10], estimator=Classifier("none", **SMALL), repeats=2)


def test_the_best_penalty_is_that_of_ridge_regression(ridge):
    """Ridge of λ n on the same folds, whose target is standardized: the losses differ by the optimizer alone."""
    X, y = linear()
    problem = read_problem(X, y, task="regression").merged()
    table = np.stack([column.values for column in problem.table.columns], 1)
    losses = np.zeros(len(LAMBDAS))
    for sample in repeated_folds(problem, 5, 3, seed=0):
        train, out = sample.train, sample.held_out
        middle, spread = table[train].mean(0), table[train].std(0)
        inputs = (table - middle) / spread
        for place, strength in enumerate(LAMBDAS):
            model = Ridge(alpha=max(strength, 1e-9) * len(train)).fit(inputs[train], problem.target[train])
            losses[place] += ((model.predict(inputs[out]) - problem.target[out]) ** 2).mean() / 15
    assert ridge.frame()["held_out"].to_numpy()[1:] == pytest.approx(losses[1:], rel=0.15)
    assert abs(LAMBDAS.index(ridge.best) - int(losses.argmin())) <= 1
    assert 0 < ridge.best < LAMBDAS[-1]


def test_a_useful_penalty_beats_none_and_its_interval_holds_the_best(ridge):
    assert ridge.beats_neutral
    assert ridge.improvement.low > 0
    low, high = (LAMBDAS.index(end) for end in ridge.best_interval)
    assert low <= LAMBDAS.index(ridge.best) <= high < len(LAMBDAS) - 1
    fall = 1 - min(one.held_out.value for one in ridge.doses) / ridge.neutral.held_out.value
    assert ridge.improvement.value == pytest.approx(fall)
    assert ridge.improving == ridge.best


def test_the_improvement_is_told_of_the_dose_that_it_is_of(ridge):
    """The lowest loss may be luck, and a smaller fall of another dose sure."""
    losses = np.array([one.held_out.value for one in ridge.doses])
    losses[1] = np.nan
    found = respond(
        "l2", "strength", ridge.doses, losses, fall=Fall(1, Estimate(0.01, 0.005, 0.015), 0.001, 0.1), name=""
    )
    assert (found.improving, found.best) == (ridge.doses[3].dose, ridge.best)
    assert f"{found.improving:g} lowers the loss by 1.0%" in repr(found)
    assert found.to_dict()["improving"] == found.improving


def test_bias_rises_and_variance_falls_along_the_dose(ridge):
    frame = ridge.frame()
    assert frame["variance"].is_sorted(descending=True)
    assert frame["bias2"][-1] > frame["bias2"].min() * 1.1
    assert frame["training"].is_sorted()
    assert (frame["bias2"] + frame["variance"]).to_numpy() == pytest.approx(frame["held_out"].to_numpy())
    assert (frame["held_out_low"] < frame["held_out"]).all()


def test_at_the_extreme_only_the_constant_is_left(small):
    _, y = classes()
    extreme = small.doses[-1]
    assert extreme.held_out.value == pytest.approx(
        -np.log([1 - y.mean(), y.mean()]) @ [1 - y.mean(), y.mean()], abs=0.02
    )
    assert extreme.variance.value < 0.005
    assert small.best < 10


def test_the_parts_are_those_of_the_decomposition():
    problem = problem_of("regression", 40)
    subject = Subject(Recipe(), Settings(hidden=(4,), batch_size=16, max_epochs=3))
    found = respond_to_doses(problem, subject, along(L2(), [0, 1]), 2, seed=5)
    samples = repeated_folds(problem, 5, 2, seed=5)
    trained = train_samples(problem, subject, [Recipe((L2(1.0),))], samples)
    predicted = np.zeros((2, 40, 1))
    for place, sample in enumerate(samples):
        predicted[place // 5, sample.held_out] = trained.predicted(0, place)
    terms = decompose(predicted, problem.target, loss="squared")
    assert found.doses[1].variance.value == pytest.approx(terms.variance.mean(), rel=1e-4)
    assert found.doses[1].bias2.value == pytest.approx(terms.bias2.mean(), rel=1e-4)


def test_without_anything_to_cure_no_dose_beats_none():
    """Straight truth, a straight network, many rows: 10 studies, none or one of which may be wrong."""
    wins = 0
    for seed in range(10):
        X, y = linear(rows=200, width=2, seed=seed)
        model = Regressor("none", **(LINEAR | {"max_epochs": 60}))
        wins += dose_response("l2", X, y, [0, 1e-4, 1e-3, 0.01, 0.1, 1], estimator=model, repeats=2).beats_neutral
    assert wins <= 2


def test_doses_go_from_neutral_outwards_whatever_their_order():
    X, y = classes()
    model = Classifier("l2=0.5, dropout=0.9, early_stopping=3", **SMALL)
    found = dose_response(Dropout(0.3, input=0.2), X, y, [0.5, 0.1], estimator=model, repeats=2)
    assert [one.dose for one in found.doses] == [0, 0.1, 0.5]
    assert found.doses[2].recipe == "l2=0.5, early_stopping=3, dropout=0.5 input=0.2"
    assert (found.technique, found.setting) == ("dropout", "p")
    capped = dose_response(MaxNorm, X, y, [0.5, 3, 0], estimator=Classifier("none", **SMALL), repeats=2)
    assert [one.dose for one in capped.doses] == [math.inf, 3, 0.5, 0]
    assert capped.doses[-1].variance.value < 1e-3


def test_a_name_a_class_and_an_instance_are_the_same_study(small):
    X, y = classes()
    for given in (L2, L2(0.7)):
        again = dose_response(given, X, y, [10, 0, 0.001, 0.1], estimator=Classifier("none", **SMALL), repeats=2)
        assert again.frame().equals(small.frame())
    assert again.to_dict() == small.to_dict()


def test_without_an_estimator_it_is_the_usual_network():
    X, y = classes(rows=30)
    found = dose_response("batch_norm", X, y, [0, 1], repeats=2)
    usual = dose_response("batch_norm", X, y, [0, 1], estimator=Classifier("none"), repeats=2)
    assert found.frame().equals(usual.frame())
    assert found.loss == "log loss"


def test_early_stopping_is_scored_by_rows_that_it_did_not_watch():
    """On labels of pure chance the best epoch's own validation loss lies below that of other rows."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(100, 8)), random.integers(0, 2, 100)
    model = Classifier("none", hidden=(64,), max_epochs=60, learning_rate=0.01)
    found = dose_response("early_stopping", X, y, [math.inf, 10, 1], estimator=model, repeats=2)
    assert found.neutral.held_out.value > 1.5
    stopped = found.doses[1].held_out.value
    assert math.log(2) < stopped < 1
    assert found.beats_neutral


def test_a_dose_that_diverges_is_left_out_and_said():
    X, y = linear()
    model = Regressor("none", **(LINEAR | {"max_epochs": 30, "learning_rate": 0.1}))
    found = dose_response("l2", X, y, [0, 0.1, 1e6], estimator=model, repeats=2)
    gone = found.doses[-1]
    assert gone.diverged == 10
    assert np.isnan([gone.held_out.value, gone.training.value, gone.variance.low]).all()
    assert gone.best_share == 0
    assert found.best in (0, 0.1)
    assert np.isfinite(found.improvement.value)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["doses"][-1]["held_out"] is None
    found.plot()


def test_where_all_diverge_nothing_is_best():
    X, y = linear()
    model = Regressor("none", hidden=(8,), optimizer="sgd", learning_rate=1e8, max_epochs=3, standardize=False)
    found = dose_response("dropout", X, y, [0, 0.5], estimator=model, repeats=2)
    assert math.isnan(found.best)
    assert math.isnan(found.p)
    assert not found.beats_neutral
    assert found.to_dict()["best"] is None
    found.plot()


def test_heavy_rows_count_for_more_in_every_part():
    problem = problem_of("binary", 40)
    weights = np.where(problem.target == 0, 5.0, 1.0)
    subject = Subject(Recipe(), Settings(hidden=(4,), batch_size=16, max_epochs=3))
    found = respond_to_doses(replace(problem, weights=weights), subject, along(L2(), [0, 1]), 2, seed=0).doses[1]
    terms = decompose(np.random.default_rng(0).dirichlet([1, 1], (3, 40)), problem.target, loss="log_loss")
    for term in ("bias2", "variance", "error"):
        whole = np.average(getattr(terms, term), weights=weights)
        assert _weighted(terms, weights).mean(term).value == pytest.approx(whole)
    assert found.held_out.value == pytest.approx(found.bias2.value + found.variance.value)


def test_shares_of_the_resamples_follow_the_losses():
    random = np.random.default_rng(0)
    rows = random.exponential(size=(1, 2, 500))
    clear = np.concatenate([rows + 1, rows, rows + 0.5])
    assert best_shares(clear, np.ones(500), seed=0).tolist() == [0, 1, 0]
    even = best_shares(random.exponential(size=(2, 3, 2000)), np.ones(2000), seed=0)
    assert even.sum() == pytest.approx(1)
    clear[1, 0, 3] = np.nan
    assert best_shares(clear, np.ones(500), seed=0).tolist() == [0, 0, 1]
    assert best_shares(np.full((2, 2, 5), np.nan), np.ones(5), seed=0).tolist() == [0, 0]
    light = np.stack([np.repeat([[0.0, 1.0]], 2, 0), np.repeat([[0.5, 0.4]], 2, 0)])
    tiled = np.tile(light, (1, 1, 200))
    assert best_shares(tiled, np.tile([1.0, 9.0], 200), seed=0).tolist() == [0, 1]
    assert best_shares(tiled, np.tile([9.0, 1.0], 200), seed=0).tolist() == [1, 0]


def test_doses_are_drawn_by_logarithm_evenly_or_by_rank():
    assert _places([0, 0.001, 0.01, 0.1]).tolist() == pytest.approx([-1, 0, 1, 2])
    assert _places([math.inf, 100, 10, 1]).tolist() == pytest.approx([-1, 0, 1, 2])
    assert _places([0, 0.1, 0.2, 0.3]).tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert _places([math.inf, 3, 0]).tolist() == [0, 1, 2]
    assert _places([0, 0.5, 0.9, 0.99, 0.999]).tolist() == [0, 1, 2, 3, 4]


def test_the_plot_marks_the_best_dose_between_two_panels(small):
    made = small.plot()
    names = [trace.name for trace in made.data if trace.showlegend is not False]
    assert names == ["training loss", "held-out loss", "bias² and noise", "variance"]
    assert [trace.yaxis for trace in made.data if trace.stackgroup] == ["y2", "y2"]
    assert made.layout.xaxis.ticktext[0] == "0<br>(neutral)"
    assert f"{small.best:g}" in made.layout.annotations[0].text
    assert {shape.type for shape in made.layout.shapes} == {"rect", "line"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"regularizer": "ridge"}, "no technique is called 'ridge'; there are back_translation"),
        ({"regularizer": 3}, "regularizer is 3"),
        ({"regularizer": goodfit.Recipe}, "regularizer is"),
        ({"doses": [0.1]}, "two or more numbers"),
        ({"doses": [0.0, 0.0]}, "only l2's neutral one"),
        ({"doses": [0, -1]}, "strength is -1, outside"),
        ({"doses": [0, "much"]}, "'much' among the doses"),
        ({"doses": 5}, "doses is 5"),
        ({"repeats": 1}, "repeats is 1"),
        ({"estimator": "l2=1"}, "estimator is 'l2=1'"),
        ({"random_state": -1}, "random_state is -1"),
        ({"X": np.ones((120, 4))}, "different rows are too few"),
    ],
    ids=str,
)
def test_bad_input_is_one_line(change, said):
    X, y = classes()
    given = {"regularizer": "l2", "X": X, "y": y, "doses": [0, 1], "estimator": Classifier("none", **SMALL)} | change
    with pytest.raises(InputError, match=said) as error:
        dose_response(given.pop("regularizer"), given.pop("X"), given.pop("y"), given.pop("doses"), **given)
    assert "\n" not in str(error.value)


def test_smoothing_of_labels_is_refused_for_numbers():
    X, y = linear()
    with pytest.raises(InputError, match="label_smoothing changes classes"):
        dose_response("label_smoothing", X, y, estimator=Regressor("none", **SMALL))
