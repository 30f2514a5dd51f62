import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as twin

from goodfit.errors import InputError
from goodfit.metrics import (
    best_threshold,
    calibration_bins,
    classification_scores,
    confusion_at,
    majority_scores,
    mean_scores,
    metrics_of,
    recall_at,
    regression_scores,
)


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
        ([0, 1], [[0.5, 0.5]] * 2, None, [1.0, -1.0], "not all 0"),
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


@given(st.integers(1, 500), st.floats(0.001, 1.0))
def test_a_constant_score_finds_the_flagged_share(rows, share):
    positive = np.arange(rows) % 7 == 0
    assert recall_at(positive, np.zeros(rows), share) == pytest.approx(math.ceil(share * rows - 1e-9) / rows)


@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.07, 0.3, 1.0]))
def test_recall_at_is_the_expected_recall_of_random_tie_breaking(seed, share):
    rng = np.random.default_rng(seed)
    positive, score = rng.random(6) < 0.5, rng.integers(0, 3, 6)
    positive[0] = True
    flagged = math.ceil(share * 6 - 1e-9)
    chance = [  # that the row is among the flagged: rows above go first, tied rows share what is left
        min(1.0, max(0.0, (flagged - (score > own).sum()) / (score == own).sum())) for own in score
    ]
    assert recall_at(positive, score, share) == pytest.approx(np.mean(np.array(chance)[positive]))


def test_recall_at_flags_exactly_the_share():
    score = np.arange(100)
    positive = score >= 90
    assert recall_at(positive, score, 0.01) == pytest.approx(0.1)
    assert recall_at(positive, score, 0.07) == pytest.approx(0.7)
    assert recall_at(positive, -score, 0.5) == 0
    assert recall_at(positive, score, weights=np.where(score == 99, 9.0, 1.0)) == pytest.approx(0.5)
    assert math.isnan(recall_at(np.zeros(3, bool), [1, 2, 3]))
    with pytest.raises(InputError, match="share is 0"):
        recall_at(positive, score, 0)
    with pytest.raises(InputError, match="nan in row 2 is not finite"):
        recall_at([True, False], [0.1, math.nan])


def test_calibration_bins_hold_equal_counts_and_every_row():
    rng = np.random.default_rng(10)
    probability = rng.random(1000)
    bins = calibration_bins(rng.random(1000) < probability, probability)
    assert [bin.rows for bin in bins] == [100] * 10
    assert [bin.predicted for bin in bins] == sorted(bin.predicted for bin in bins)
    assert np.mean([bin.predicted for bin in bins]) == pytest.approx(probability.mean())
    assert sum(bin.low <= bin.predicted <= bin.high for bin in bins) >= 8
    assert all(bin.low <= bin.observed <= bin.high for bin in bins)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])), min_size=1), st.integers(1, 20))
def test_ties_stay_together_in_one_bin(rows, count):
    positive, probability = np.array([hit for hit, _ in rows]), np.array([p for _, p in rows])
    bins = calibration_bins(positive, probability, count)
    assert sum(bin.rows for bin in bins) == len(rows)
    assert len(bins) <= min(count, len(set(probability)))
    assert sum(bin.observed * bin.rows for bin in bins) == pytest.approx(positive.sum())
    sizes = {int((probability == p).sum()) for p in set(probability)}
    assert all(bin.rows >= min(sizes) for bin in bins)


def test_calibration_needs_a_bin():
    with pytest.raises(InputError, match="bins is 0"):
        calibration_bins([True], [0.5], 0)


def balanced(positive, probability, threshold):
    counts = confusion_at(positive, probability, threshold)
    recall = counts.true_positives / (counts.true_positives + counts.false_negatives)
    return (recall + counts.true_negatives / (counts.true_negatives + counts.false_positives)) / 2


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2))
def test_no_other_cut_beats_the_best_threshold(rows):
    positive, probability = np.array([hit for hit, _ in rows]), np.array([p for _, p in rows])
    if positive.all() or not positive.any():
        with pytest.raises(InputError, match="one class only"):
            best_threshold(positive, probability)
        return
    threshold = best_threshold(positive, probability)
    others = [balanced(positive, probability, cut) for cut in np.unique(probability)[1:]]
    assert balanced(positive, probability, threshold) == pytest.approx(max(others, default=0.5))
    if not others:
        assert threshold == 0.5


def test_even_neighbouring_floats_are_told_apart():
    for low in (0.5, np.nextafter(0.5, 1), np.nextafter(0.5, 0)):
        counts = confusion_at([False, True], [low, high := np.nextafter(low, 1)], best_threshold([0, 1], [low, high]))
        assert (counts.true_positives, counts.true_negatives) == (1, 1)


def test_among_equal_thresholds_the_fewest_alarms_win():
    assert best_threshold([False, True, False, True], [0.0, 0.25, 0.5, 1.0]) == 0.75


def test_confusion_counts_every_row_once():
    counts = confusion_at([True, True, False, False, False], [0.5, 0.4, 0.5, 0.1, 0.9], 0.5)
    assert (counts.true_positives, counts.false_positives) == (1, 2)
    assert (counts.true_negatives, counts.false_negatives) == (1, 1)
    assert confusion_at([True, False], [0.0, 1.0], 0.0).true_negatives == 0
