"""Learning curves: the same folds and seeds at each point, losses as they are measured, and known laws found."""

import json
import warnings
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from study_problems import problem_of

import goodfit
from goodfit import Classifier, InputError, Regressor, learning_curve
from goodfit.studies.growing import _by_epoch
from goodfit.studies.samples import part_of, repeated_folds
from goodfit.studies.scoring import sample_losses, stops_early, watching

SMALL = {"hidden": (8,), "max_epochs": 8}


def classes(rows=120, seed=0, noise=0.5):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 4))
    return X, np.where(X[:, 0] - X[:, 1] + noise * random.normal(size=rows) > 0, "yes", "no")


def numbers(rows, width=20, seed=0, noise=1.0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, width))
    return X, X @ random.normal(size=width) + noise * random.normal(size=rows)


def held_out(curve, place=None):
    return curve.held_out[:, curve.own if place is None else place]


@settings(deadline=None, max_examples=25)
@given(shares=st.lists(st.floats(0.02, 1), min_size=2, max_size=5, unique=True), fold=st.integers(0, 4))
def test_smaller_parts_lie_within_larger_ones_and_keep_every_class(shares, fold):
    problem = problem_of("multiclass", 90)
    sample = repeated_folds(problem, 5, 1, seed=3)[fold]
    whole = np.bincount(problem.target[sample.train])
    before: set[int] = set()
    for share in sorted(shares):
        part = part_of(problem, sample, share)
        assert before <= set(part.train) <= set(sample.train)
        before = set(part.train)
        assert len(part.train) == max(1, round(share * len(sample.train)))
        assert (part.held_out == sample.held_out).all()
        if len(part.train) >= 3:
            counts = np.bincount(problem.target[part.train], minlength=3)
            assert counts.min() >= 1
            assert np.abs(counts - share * whole).max() <= 2
    assert (part_of(problem, sample, 1.0).train == sample.train).all()


def test_the_estimators_own_point_is_the_same_network_along_every_axis():
    X, y = classes()
    model = Classifier("l2=0.001", **SMALL)
    curves = [learning_curve(model, X, y, over, repeats=1) for over in ("rows", "width", "depth", "epochs")]
    for curve in curves:
        assert held_out(curve) == pytest.approx(held_out(curves[0]), rel=1e-5)
        assert curve.training[:, curve.own] == pytest.approx(curves[0].training[:, curves[0].own], rel=1e-5)
    assert [curve.at[curve.own] for curve in curves] == [96, 8, 1, 8]
    assert curves[0].gap.value == pytest.approx((held_out(curves[0]) - curves[0].training[:, -1]).mean())
    assert [curve.extrapolation is not None for curve in curves] == [True, False, False, False]


def test_regression_by_epoch_and_by_rows_has_the_targets_own_unit():
    X, y = numbers(100, width=3)
    model = Regressor("none", **SMALL)
    by_epoch, by_rows = (learning_curve(model, X, 100 * y, over, repeats=1) for over in ("epochs", "rows"))
    assert held_out(by_epoch) == pytest.approx(held_out(by_rows), rel=1e-4)
    assert 0.5 < held_out(by_rows).mean() / np.var(100 * y) < 2
    assert by_rows.loss == "squared error"


def test_by_epoch_a_network_that_stopped_keeps_its_last_loss():
    X, y = classes(noise=2.0)
    model = Classifier("early_stopping=1", hidden=(32,), max_epochs=60, learning_rate=0.02)
    curve = learning_curve(model, X, y, repeats=1)
    steps = np.diff(curve.held_out, axis=1) != 0
    ends = [np.flatnonzero(row).max() + 2 for row in steps]
    assert len(set(ends)) > 1
    assert max(ends) == curve.at[-1] < 60
    assert np.isfinite(curve.held_out).all()
    short = learning_curve(model, X, y, points=[1, 2, 60], repeats=1)
    assert (short.held_out[:, :2] == curve.held_out[:, :2]).all()
    assert (short.held_out[:, -1] == curve.held_out[:, -1]).all()


def test_more_rows_bring_least_squares_what_theory_says():
    width, rows = 20, 600
    curve = learning_curve(LinearRegression(), *numbers(rows, width), "rows", repeats=4)
    n = curve.at

    def excess(n):
        return width / (n - width - 2)

    assert curve.frame()["rows"].to_list() == [60, 120, 240, 360, 480]
    assert curve.held_out.mean(0) == pytest.approx(1 + excess(n), rel=0.15)
    law = curve.extrapolation
    assert law.gain.low <= excess(480) - excess(960) <= law.gain.high
    assert law.gain.low > 0
    assert 0.7 < law.rate <= 2


def test_more_rows_help_a_network_and_make_training_harder():
    X, y = numbers(400, width=10)
    curve = learning_curve(Regressor("l2=0.003", hidden=(), max_epochs=60, learning_rate=0.02), X, y, "rows")
    frame = curve.frame()
    assert frame["held_out"][0] > frame["held_out"][-1]
    assert frame["training"][0] < frame["training"][-1]
    assert (frame["gap_low"] < frame["gap"]).all()
    assert curve.best.at > 100
    assert curve.test_share == pytest.approx(0.25)


def test_wider_and_deeper_networks_fit_better():
    X, y = classes(noise=1.0)
    model = Classifier("none", hidden=(16, 8), max_epochs=40, learning_rate=0.01)
    wide = learning_curve(model, X, y, "width", points=np.array([0.05, 1, 4]), repeats=1)
    assert wide.at.tolist() == [1, 16, 64]
    assert wide.own == 1
    assert wide.frame()["training"].is_sorted(descending=True)
    deep = learning_curve(model, X, y, "depth", points=[0, 3], repeats=1)
    assert deep.at.tolist() == [0, 2, 3]
    assert deep.own == 1
    assert deep.frame()["training"][0] > deep.frame()["training"][1]


def test_the_epoch_of_early_stopping_is_not_chosen_on_the_rows_that_score_it():
    problem = problem_of("binary", 100)
    samples = repeated_folds(problem, 5, 1, seed=0)
    stopping, plain = (goodfit.Recipe.parse(text) for text in ("l2=0.1, early_stopping=5", "early_stopping=inf"))
    assert (stops_early(stopping), stops_early(plain)) == (True, False)
    for taught, sample in zip(watching(problem, samples, [plain, stopping], 0.25), samples, strict=True):
        assert set(taught.train) | set(taught.held_out) == set(sample.train)
        assert not set(taught.train) & set(taught.held_out)
        assert len(taught.held_out) == round(0.25 * len(sample.train))
    for taught, sample in zip(watching(problem, samples, [plain], 0.25), samples, strict=True):
        assert (len(taught.held_out), len(taught.train)) == (0, len(sample.train))


def test_a_network_that_diverges_is_said_and_the_rest_goes_on():
    X, y = numbers(60, width=3)
    model = Regressor("none", hidden=(8,), optimizer="sgd", learning_rate=1e8, max_epochs=3, standardize=False)
    for over in ("rows", "epochs", "width"):
        curve = learning_curve(model, X, y, over, repeats=1)
        assert curve.frame()["diverged"][-1] > 0
        assert np.isnan(curve.gap.value)
        told = json.dumps(curve.to_dict(), allow_nan=False)
        assert '"gap": {"value": null' in told
        curve.plot()


@pytest.mark.parametrize("over", ["epochs", "rows", "width", "depth"])
def test_a_curve_is_a_frame_a_plot_and_strict_json(over):
    X, y = classes()
    curve = learning_curve(Classifier("none", **SMALL), X, y, over, repeats=1)
    frame, told = curve.frame(), json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert frame.columns[0] == told["over"] == over
    assert frame.height == len(told["points"]) >= 5
    assert (frame["held_out_low"] <= frame["held_out"]).all()
    assert told["best"]["held_out"]["value"] == pytest.approx(frame["held_out"].min())
    names = [trace.name for trace in curve.plot().data if trace.showlegend is not False]
    assert names[:2] == ["training loss", "held-out loss"]
    assert len(names) == (4 if over == "rows" else 2)


def test_one_seed_gives_one_curve_and_the_order_of_rows_plays_no_part():
    X, y = classes()
    model = Classifier("none", **SMALL)
    order = np.random.default_rng(0).permutation(len(X))
    first = learning_curve(model, X, y, "rows", repeats=1)
    assert first.frame().equals(learning_curve(model, X[order], y[order], "rows", repeats=1).frame())
    other = learning_curve(model, X, y, "rows", repeats=1, random_state=1)
    assert not np.allclose(first.held_out, other.held_out)


def test_an_estimator_stays_as_it_is_and_a_fitted_one_lends_its_recipe():
    X, y = classes()
    fresh = Classifier("l2=1", **SMALL)
    before = dict(vars(fresh))
    learning_curve(fresh, X, y, repeats=1)
    assert vars(fresh) == before
    choosing = Classifier(**SMALL)
    choosing.recipe_ = goodfit.Recipe.parse("l2=1")
    assert learning_curve(choosing, X, y, repeats=1).frame().equals(learning_curve(fresh, X, y, repeats=1).frame())


def test_a_budget_does_not_cut_points_short():
    X, y = classes()
    curves = [learning_curve(Classifier("none", budget=b, **SMALL), X, y, "rows", repeats=1) for b in (None, "0.001s")]
    assert curves[0].frame().equals(curves[1].frame())


def test_class_weights_count_in_the_losses():
    X, y = classes()
    y[: len(y) // 2] = "no"
    plain, weighted = (
        learning_curve(Classifier("none", class_weight=weight, **SMALL), X, y, "rows", repeats=1)
        for weight in (None, "balanced")
    )
    assert held_out(weighted).mean() > held_out(plain).mean()


@pytest.mark.parametrize(
    "learner", [LogisticRegression(), RandomForestClassifier(5, random_state=0), KNeighborsClassifier(3)], ids=str
)
def test_any_classifier_with_probabilities_will_do_for_rows(learner):
    X, y = classes()
    frame = pl.DataFrame(X, schema=[*"abcd"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = learning_curve(learner, X, y, "rows", points=[0.5, 1], repeats=1)
        again = learning_curve(clone(learner), frame, pl.Series(y), "rows", points=[0.5, 1], repeats=1)
    assert np.isfinite(curve.held_out).all()
    assert curve.loss == "log loss"
    assert again.held_out == pytest.approx(curve.held_out)


def test_copies_of_a_row_are_never_on_both_sides():
    X, y = classes(rows=60)
    y = np.random.default_rng(0).permutation(y)
    copies = np.tile(np.arange(60), 3)
    curve = learning_curve(KNeighborsClassifier(1), X[copies], y[copies], "rows", repeats=2)
    assert curve.training[:, -1].max() < 1e-6
    assert held_out(curve).mean() > 5


def test_a_row_given_three_times_counts_three_times():
    X, y = classes(rows=60)
    y = np.repeat(["no", "yes"], 30)
    rows = np.concatenate([np.arange(60), np.arange(30, 60), np.arange(30, 60)])
    curve = learning_curve(DummyClassifier(strategy="prior"), X[rows], y[rows], "rows", points=[0.5, 1], repeats=1)
    assert curve.training[:, -1] == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    assert held_out(curve) == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))


def test_a_diverged_network_has_no_losses_from_the_epoch_on():
    history = SimpleNamespace(train=np.array([1.0, 2.0, 9e30]), validation=np.full(3, np.nan))
    results = [SimpleNamespace(failed=failed, history=history) for failed in (True, False)]
    trained = SimpleNamespace(results=(results,), prepared=SimpleNamespace(scales=()))
    assert np.isnan(sample_losses(trained, 0, 0, np.arange(3))).all()
    gone, stopped = _by_epoch(trained, "train", np.arange(1, 6))
    assert gone == pytest.approx([1, 2, np.nan, np.nan, np.nan], nan_ok=True)
    assert stopped.tolist() == [1, 2, 9e30, 9e30, 9e30]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"over": "seeds"}, "over is 'seeds'"),
        ({"estimator": Classifier}, "give an estimator"),
        ({"estimator": "l2=1"}, "give an estimator"),
        ({"estimator": LogisticRegression()}, "LogisticRegression can be followed over='rows' only"),
        ({"estimator": LinearSVC(), "over": "rows"}, "neither numbers nor probabilities"),
        ({"repeats": 0}, "repeats is 0"),
        ({"repeats": 1.5}, "repeats is 1.5"),
        ({"random_state": None}, "random_state is None"),
        ({"points": [1]}, "two or more different epochs"),
        ({"points": [1, 99]}, "up to epoch 99; give epochs up to 8"),
        ({"points": [0, 4]}, "points hold 0"),
        ({"points": [1, 2.5]}, "points hold 2.5"),
        ({"over": "rows", "points": [0.5, 1.5]}, "points hold 1.5"),
        ({"over": "rows", "points": [0.0, 0.5]}, "points hold 0"),
        ({"over": "rows", "points": "half"}, "two or more different shares"),
        ({"over": "width", "points": [-1, 1]}, "points hold -1"),
        ({"over": "depth", "points": [1, 99]}, "points hold 99"),
        ({"over": "width", "estimator": Classifier("none", hidden=())}, "no hidden layer"),
        ({"X": np.ones((120, 4))}, "different rows are too few"),
        ({"estimator": Classifier("none", max_epochs=0)}, "max_epochs is 0"),
    ],
    ids=str,
)
def test_bad_input_is_one_line(change, said):
    X, y = classes()
    given = {"estimator": Classifier("none", **SMALL), "X": X, "y": y, "over": "epochs"} | change
    with pytest.raises(InputError, match=said) as error:
        learning_curve(given.pop("estimator"), given.pop("X"), given.pop("y"), given.pop("over"), **given)
    assert "\n" not in str(error.value)
