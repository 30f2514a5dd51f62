import math

import numpy as np
import pytest
from sklearn import metrics as twin

from goodfit.alarms import recall_at
from goodfit.errors import InputError
from goodfit.metrics import classification_scores, majority_scores, mean_scores, metrics_of, regression_scores


def draw(seed, rows=200, classes=2):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), rows)
    codes = np.array([rng.choice(classes, p=row) for row in probabilities])
    return codes, probabilities, rng.uniform(0.1, 2.0, rows)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_scores_come_under_the_metrics_keys_and_order(task):
    codes, probabilities, _ = draw(0, classes=3 if task == "multiclass" else 2)
    scores = (
        regression_scores(codes, probabilities[:, 0])
        if task == "regression"
        else classification_scores(codes, probabilities)
    )
    assert list(scores) == [metric.key for metric in metrics_of(task)]
    assert all(math.isfinite(score) for score in scores.values())


def test_an_unknown_task_is_named():
    with pytest.raises(InputError, match="'ranking'"):
        metrics_of("ranking")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positive", [None, 0, 1])
def test_binary_scores_equal_scikit_learns(positive, weighted):
    codes, probabilities, weights = draw(1)
    weight = weights if weighted else None
    scores = classification_scores(codes, probabilities, positive=positive, weights=weight)
    alarm = 1 if positive is None else positive
    truth, score, guess = codes == alarm, probabilities[:, alarm], probabilities.argmax(1)
    by_weight = {"sample_weight": weight}
    assert scores == pytest.approx(
        {
            "accuracy": twin.accuracy_score(codes, guess, **by_weight),
            "balanced_accuracy": twin.balanced_accuracy_score(codes, guess, **by_weight),
            "average_precision": twin.average_precision_score(truth, score, **by_weight),
            "roc_auc": twin.roc_auc_score(truth, score, **by_weight),
            "recall_at_1pct": recall_at(truth, score, weights=weight),
            "log_loss": twin.log_loss(codes, probabilities, **by_weight),
            "brier": twin.brier_score_loss(truth, score, **by_weight),
        }
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_multiclass_scores_equal_scikit_learns(weighted):
    codes, probabilities, weights = draw(2, classes=4)
    weight = weights if weighted else None
    guess, hot = probabilities.argmax(1), np.eye(4)[codes]
    aucs = [twin.roc_auc_score(hot[:, k], probabilities[:, k], sample_weight=weight) for k in range(4)]
    assert classification_scores(codes, probabilities, weights=weight) == pytest.approx(
        {
            "accuracy": twin.accuracy_score(codes, guess, sample_weight=weight),
            "balanced_accuracy": twin.balanced_accuracy_score(codes, guess, sample_weight=weight),
            "roc_auc": np.mean(aucs),
            "log_loss": twin.log_loss(codes, probabilities, sample_weight=weight),
            "brier": np.average(((probabilities - hot) ** 2).sum(1), weights=weight),
        }
    )
    if not weighted:
        assert np.mean(aucs) == pytest.approx(twin.roc_auc_score(codes, probabilities, multi_class="ovr"))


def test_a_class_absent_from_the_rows_is_left_out():
    codes, probabilities, _ = draw(3, classes=3)
    kept = codes != 2
    scores = classification_scores(codes[kept], probabilities[kept])
    aucs = [twin.roc_auc_score(codes[kept] == k, probabilities[kept, k]) for k in (0, 1)]
    recalls = [(probabilities[codes == k].argmax(1) == k).mean() for k in (0, 1)]
    assert scores["roc_auc"] == pytest.approx(np.mean(aucs))
    assert scores["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert math.isfinite(scores["log_loss"])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("code", [0, 1])
def test_one_class_only_leaves_the_comparing_scores_undefined(classes, code):
    _, probabilities, _ = draw(4, rows=30, classes=classes)
    scores = classification_scores(np.full(30, code), probabilities)
    undefined = {"balanced_accuracy", "roc_auc"} | ({"average_precision", "recall_at_1pct"} if classes == 2 else set())
    assert {key for key, score in scores.items() if math.isnan(score)} == undefined


def test_a_class_of_weight_zero_is_absent():
    codes, probabilities, _ = draw(5)
    assert math.isnan(classification_scores(codes, probabilities, weights=(codes == 0) * 1.0)["roc_auc"])


def test_whole_weights_equal_repeated_rows():
    codes, probabilities, _ = draw(6, rows=80)
    times = np.random.default_rng(6).integers(1, 4, 80)
    weighed = classification_scores(codes, probabilities, weights=times)
    repeated = classification_scores(codes.repeat(times), probabilities.repeat(times, axis=0))
    del weighed["recall_at_1pct"], repeated["recall_at_1pct"]  # alarms are counted in rows
    assert weighed == pytest.approx(repeated)
    y, prediction = probabilities[:, 0], probabilities[:, 1] ** 2
    assert regression_scores(y, prediction, times) == pytest.approx(
        regression_scores(y.repeat(times), prediction.repeat(times))
    )


def test_single_precision_probabilities_score_as_their_double_twins():
    codes, probabilities, _ = draw(7, classes=5)
    rough = classification_scores(codes, probabilities.astype(np.float32))
    assert rough == pytest.approx(classification_scores(codes, probabilities), rel=1e-5)


def test_a_certain_error_costs_the_clip_and_no_more():
    scores = classification_scores([0, 1], [[0.0, 1.0], [0.0, 1.0]])
    assert scores["log_loss"] == pytest.approx(-math.log(np.finfo(float).eps) / 2)


def test_a_diverged_network_scores_nan_throughout():
    assert all(math.isnan(s) for s in classification_scores([0, 1], [[math.nan] * 2, [0.5] * 2]).values())
    assert all(math.isnan(s) for s in regression_scores([0, 1], [math.inf, 0]).values())


@pytest.mark.parametrize(
    ("codes", "probabilities", "positive", "weights", "message"),
    [
        ([0, 2], [[0.5, 0.5]] * 2, None, None, "code 2 in row 2"),
        ([-1, 1], [[0.5, 0.5]] * 2, None, None, "code -1 in row 1"),
        ([0.0, 1.0], [[0.5, 0.5]] * 2, None, None, "give integers from 0 to 1"),
        ([0, 1, 1], [[0.5, 0.5]] * 2, None, None, "of one n"),
        ([], np.zeros((0, 2)), None, None, "of one n"),
        ([0, 0], [[1.0], [1.0]], None, None, "at least two"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.6]], None, None, "row 2 of probabilities"),
        ([0, 1], [[1.5, -0.5], [0.5, 0.5]], None, None, "row 1 of probabilities"),
        ([0, 1], [[0.5, 0.5]] * 2, 2, None, "positive is 2"),
        ([0, 1], [[0.5, 0.3, 0.2]] * 2, 1, None, "with 3 classes"),
        ([0, 1], [[0.5, 0.5]] * 2, None, [1.0], "weights must be 2"),
        ([0, 1], [[0.5, 0.5]] * 2, None, [0.0, 0.0], "not all 0"),
        ([0, 1], [[0.5, 0.5]] * 2, None, [2.0, -1.0], "not all 0"),
    ],
)
def test_classification_scores_name_what_is_wrong(codes, probabilities, positive, weights, message):
    with pytest.raises(InputError, match=message):
        classification_scores(codes, probabilities, positive=positive, weights=weights)


def test_the_majority_earns_its_share_and_nothing_else():
    codes = np.repeat([0, 1], [9500, 500])
    entropy = -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))
    assert majority_scores(codes, [0.95, 0.05], positive=1) == pytest.approx(
        {
            "accuracy": 0.95,
            "balanced_accuracy": 0.5,
            "average_precision": 0.05,
            "roc_auc": 0.5,
            "recall_at_1pct": 0.01,
            "log_loss": entropy,
            "brier": 0.95 * 0.05,
        }
    )
    three = majority_scores([0, 1, 2, 0], [0.5, 0.25, 0.25])
    assert three["balanced_accuracy"] == pytest.approx(1 / 3)
    assert three["roc_auc"] == 0.5


def test_regression_scores_equal_scikit_learns():
    rng = np.random.default_rng(8)
    y = rng.normal(size=50)
    prediction, weights = y + rng.normal(size=50), rng.uniform(size=50)
    assert regression_scores(y, prediction, weights) == pytest.approx(
        {
            "rmse": twin.root_mean_squared_error(y, prediction, sample_weight=weights),
            "mae": twin.mean_absolute_error(y, prediction, sample_weight=weights),
            "r2": twin.r2_score(y, prediction, sample_weight=weights),
        }
    )


def test_predicting_the_mean_explains_nothing():
    y = np.random.default_rng(9).normal(3, 2, 100)
    scores = mean_scores(y, float(y.mean()))
    assert scores["r2"] == pytest.approx(0, abs=1e-12)
    assert scores["rmse"] == pytest.approx(y.std())
    assert mean_scores(y, float(y.mean()) + 1)["r2"] < 0


def test_a_constant_target_leaves_r2_undefined():
    assert math.isnan(regression_scores([2.0, 2.0], [1.0, 3.0])["r2"])
    assert math.isnan(regression_scores([2.0], [1.0])["r2"])
    assert math.isnan(regression_scores([2.0, 2.0, 9.0], [1.0, 3.0, 9.0], [1.0, 1.0, 0.0])["r2"])


def test_regression_scores_name_what_is_wrong():
    with pytest.raises(InputError, match="row 2 is not finite"):
        regression_scores([1.0, math.nan], [1.0, 1.0])
    with pytest.raises(InputError, match="same number of rows"):
        regression_scores([1.0, 2.0], [1.0])
