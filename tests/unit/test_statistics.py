import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from goodfit.errors import InputError
from goodfit.statistics import Estimate, bootstrap, mean_interval, paired_interval, wilson

finite = st.floats(-1e6, 1e6)


@given(st.lists(finite, min_size=2, max_size=20), st.floats(0.5, 0.999))
def test_mean_interval_without_shared_rows_is_the_t_interval(values, level):
    estimate = mean_interval(values, level=level)
    with np.errstate(all="ignore"):
        low, high = stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))
    if np.ptp(values) > 1e-9:
        assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)
    assert estimate.low <= estimate.value <= estimate.high


def test_shared_training_rows_widen_the_interval_by_their_formula():
    values = [0.81, 0.84, 0.80, 0.86, 0.83]
    plain, corrected = mean_interval(values), mean_interval(values, test_share=3 / 7)
    wider = (corrected.high - corrected.low) / (plain.high - plain.low)
    assert corrected.value == plain.value
    assert wider == pytest.approx(math.sqrt((1 / 5 + 3 / 7) / (1 / 5)))


def test_the_t_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(3.0, 2.0, 4), level=0.9) for _ in range(2000)]
    covered = sum(interval.low < 3.0 < interval.high for interval in intervals)
    assert stats.binomtest(covered, 2000, 0.9).pvalue > 1e-3


def test_one_repeat_has_a_mean_but_no_interval():
    estimate = mean_interval([0.7])
    assert estimate.value == 0.7
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


@pytest.mark.parametrize(
    ("values", "mean"), [([0.5, math.nan], math.nan), ([1.0, math.inf], math.inf), ([math.inf, -math.inf], math.nan)]
)
def test_an_undefined_repeat_is_never_dropped(values, mean):
    estimate = mean_interval(values)
    assert estimate.value == pytest.approx(mean, nan_ok=True)
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)


@pytest.mark.parametrize(
    ("values", "test_share", "level", "message"),
    [
        ([], 0.0, 0.95, "at least one"),
        ([[1.0, 2.0]], 0.0, 0.95, "one number for each repeat"),
        ([1.0, 2.0], -0.1, 0.95, "test_share is -0.1"),
        ([1.0, 2.0], math.nan, 0.95, "test_share is nan"),
        ([1.0, 2.0], 0.0, 1.0, "level is 1.0"),
        ([1.0, 2.0], 0.0, 0.0, "level is 0.0"),
    ],
)
def test_mean_interval_names_what_is_wrong(values, test_share, level, message):
    with pytest.raises(InputError, match=message):
        mean_interval(values, test_share=test_share, level=level)


def test_pairing_cancels_what_the_repeats_share():
    rng = np.random.default_rng(1)
    luck = rng.normal(0, 10, 12)
    ours, theirs = luck + 1 + rng.normal(0, 0.1, 12), luck + rng.normal(0, 0.1, 12)
    estimate = paired_interval(ours, theirs)
    assert 0.8 < estimate.low < 1 < estimate.high < 1.2
    assert estimate == mean_interval(ours - theirs)
    assert paired_interval(theirs, ours).value == -estimate.value


def test_pairs_need_equal_lengths():
    with pytest.raises(InputError, match="values has 2 repeats, reference 3"):
        paired_interval([1, 2], [1, 2, 3])


def test_bootstrap_of_a_mean_agrees_with_its_standard_error():
    values = np.random.default_rng(2).normal(5.0, 2.0, 500)
    estimate = bootstrap(np.mean, values, seed=3, replicates=2000)
    expected = stats.norm.ppf(0.975) * values.std() / math.sqrt(500)
    assert estimate.value == values.mean()
    assert estimate.high - estimate.value == pytest.approx(expected, rel=0.1)
    assert estimate.value - estimate.low == pytest.approx(expected, rel=0.1)


def test_bootstrap_keeps_rows_together_and_repeats_with_its_seed():
    x = np.arange(50.0)

    def gap(left, right):
        return float(np.abs(left * 2 - right).max())

    assert bootstrap(gap, x, x * 2, seed=0) == Estimate(0.0, 0.0, 0.0)
    assert bootstrap(np.mean, x, seed=4) == bootstrap(np.mean, x, seed=4)
    assert bootstrap(np.mean, x, seed=4) != bootstrap(np.mean, x, seed=5)


def test_strata_keep_their_counts_in_every_resample():
    labels = np.array(["rare", "common", "common", "rare"] + ["common"] * 46)
    shares, middles = [], []

    def note(kept, rows):
        shares.append((kept == "rare").sum())
        middles.append(rows[kept == "common"].mean())
        assert set(rows[kept == "rare"]) <= {0, 3}
        return 0.0

    bootstrap(note, labels, np.arange(50), seed=6, strata=labels, replicates=200)
    assert set(shares) == {2}
    assert len(set(middles)) > 100
    free = bootstrap(lambda kept: (kept == "rare").sum(), labels, seed=6, replicates=200)
    assert free.low == 0
    assert free.high > 2


def test_replicates_without_a_score_are_left_out():
    def unless_first_is_lost(rows):
        return 1.0 if 0 in rows else math.nan

    assert bootstrap(unless_first_is_lost, np.arange(5), seed=0) == Estimate(1.0, 1.0, 1.0)
    never = bootstrap(lambda _: math.nan, np.arange(5), seed=0)
    assert math.isnan(never.value)
    assert math.isnan(never.low)


@pytest.mark.parametrize(
    ("arrays", "replicates", "message"),
    [
        ((), 10, "one or more"),
        ((np.zeros(0),), 10, "positive length"),
        ((np.zeros(3), np.zeros(4)), 10, r"\[3, 4\]"),
        ((np.zeros(3),), 0, "replicates is 0"),
    ],
)
def test_bootstrap_names_what_is_wrong(arrays, replicates, message):
    with pytest.raises(InputError, match=message):
        bootstrap(lambda *_: 0.0, *arrays, seed=0, replicates=replicates)


@given(st.integers(1, 10**6), st.data(), st.floats(0.01, 0.999))
def test_wilson_equals_scipys_and_stays_within_the_unit(n, data, level):
    successes = data.draw(st.integers(0, n))
    estimate = wilson(successes, n, level)
    twin = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    assert estimate.value == successes / n
    assert (estimate.low, estimate.high) == pytest.approx((twin.low, twin.high), abs=1e-9)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_a_proportion_of_nothing_may_be_anything():
    estimate = wilson(0, 0)
    assert math.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0.0, 1.0)


@pytest.mark.parametrize("successes", [-1, 4, math.nan])
def test_wilson_refuses_impossible_counts(successes):
    with pytest.raises(InputError, match="of 3"):
        wilson(successes, 3)


def test_an_estimate_gives_its_numbers_by_name():
    assert Estimate(1.0, 0.5, 2.0).to_dict() == {"value": 1.0, "low": 0.5, "high": 2.0}
