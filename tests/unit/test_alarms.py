import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.alarms import best_threshold, calibration_bins, confusion_at, recall_at, row_weights
from goodfit.errors import InputError


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


def cost_of(positive, probability, threshold, costs):
    counts = confusion_at(positive, probability, threshold)
    return costs[0] * counts.false_positives + costs[1] * counts.false_negatives


CHANCES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@given(
    st.lists(st.tuples(st.booleans(), CHANCES, st.integers(1, 3)), min_size=2).filter(
        lambda rows: 0 < sum(hit for hit, *_ in rows) < len(rows)
    ),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_no_other_threshold_costs_less(rows, costs):
    """Beside every threshold there is; rows of weight 2 are rows given twice."""
    positive, probability, count = (np.array(column) for column in zip(*rows, strict=True))
    threshold = best_threshold(positive, probability, costs=costs, weights=count)
    positive, probability = positive.repeat(count), probability.repeat(count)
    assert threshold == best_threshold(positive, probability, costs=costs)
    cost = cost_of(positive, probability, threshold, costs)
    others = [0.0, *np.unique(probability), 2.0]
    assert cost == min(cost_of(positive, probability, other, costs) for other in others)
    assert all(
        cost_of(positive, probability, other, costs) > cost
        for other in others
        if other > threshold and ((probability >= other) != (probability >= threshold)).any()
    )


def test_costs_reach_from_flagging_all_to_flagging_none():
    positive, probability = [True, False, True], [0.25, 0.5, 0.75]
    assert best_threshold(positive, probability, costs=(1, 3)) == 0.0
    assert best_threshold(positive, probability, costs=(3, 1)) == 0.625
    assert best_threshold([True, False], [0.5, 0.75], costs=(3, 1)) == 0.875
    assert best_threshold([True, False], [0.5, 1.0], costs=(3, 1)) > 1
    assert best_threshold([True, False], [0.5, 0.5], costs=(1, 1)) == 0.75


@pytest.mark.parametrize("costs", [(1, 1), (1, 10), (4, 1)])
def test_with_true_probabilities_the_threshold_is_the_share_of_a_false_alarm_in_the_costs(costs):
    rng = np.random.default_rng(3)
    probability = rng.random(400_000)
    threshold = best_threshold(rng.random(400_000) < probability, probability, costs=costs)
    assert threshold == pytest.approx(costs[0] / sum(costs), abs=0.02)


def test_costs_are_two_numbers_above_nought():
    for wrong in ((1, 0), (-1, 1), (1, math.nan), (math.inf, 1), (1, 2, 3)):
        with pytest.raises(InputError, match="two numbers above 0"):
            best_threshold([True, False], [0.5, 0.6], costs=wrong)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.integers(1, 3)), min_size=2))
def test_a_row_of_weight_two_is_a_row_given_twice(rows):
    positive, probability, count = (np.array(column) for column in zip(*rows, strict=True))
    if 0 < positive.sum() < len(rows):
        twice = best_threshold(positive.repeat(count), probability.repeat(count))
        assert best_threshold(positive, probability, weights=count) == twice


def test_confusion_counts_every_row_once():
    counts = confusion_at([True, True, False, False, False], [0.5, 0.4, 0.5, 0.1, 0.9], 0.5)
    assert (counts.true_positives, counts.false_positives) == (1, 2)
    assert (counts.true_negatives, counts.false_negatives) == (1, 1)
    assert confusion_at([True, False], [0.0, 1.0], 0.0).true_negatives == 0


def test_row_weights_are_checked_and_given_as_floats():
    assert row_weights(None, 2) is None
    np.testing.assert_array_equal(row_weights([0, 3], 2), [0.0, 3.0])
    for wrong in ([1.0], [2.0, -1.0], [1.0, math.nan], [1.0, math.inf], [0.0, 0.0]):
        with pytest.raises(InputError, match="weights must be 2 finite numbers >= 0, not all 0"):
            row_weights(wrong, 2)
