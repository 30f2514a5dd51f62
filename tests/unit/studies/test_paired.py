"""Mean differences by row: the formula, intervals that hold with groups and trainings, and what can't be told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from goodfit import InputError
from goodfit.studies.paired import differs, mean_of_rows

LEVEL, TIMES = 0.05, 2000


def test_with_equal_weights_it_is_students_test():
    values = np.random.default_rng(0).normal(0.3, 1, 40)
    found, expected = mean_of_rows(values, np.full(40, 3.0)), stats.ttest_1samp(values, 0.0)
    low, high = expected.confidence_interval()
    assert found.mean.to_dict() == pytest.approx({"value": values.mean(), "low": low, "high": high})
    assert found.p == pytest.approx(expected.pvalue)


def test_unequal_weights_by_hand():
    """Shares 1/4, 1/4, 1/2; mean 2.5; parts -0.375, -0.125, 0.5."""
    found = mean_of_rows(np.array([1.0, 2.0, 3.5]), np.array([1.0, 1.0, 2.0]))
    error = np.sqrt(3 / 2 * (0.375**2 + 0.125**2 + 0.5**2))
    assert found.mean.value == pytest.approx(2.5)
    assert found.mean.high == pytest.approx(2.5 + stats.t.ppf(0.975, 2) * error)
    assert found.p == pytest.approx(2 * stats.t.sf(2.5 / error, 2))


def test_a_group_is_one_unit():
    """Rows of a group that are all the same say as little as one row of it."""
    each = np.random.default_rng(1).normal(size=12)
    one = mean_of_rows(each, np.ones(12))
    many = mean_of_rows(np.repeat(each, 5), np.ones(60), np.repeat(np.arange(12), 5))
    assert many.mean.to_dict() == pytest.approx(one.mean.to_dict())
    assert many.p == pytest.approx(one.p)


def alarms(shared: float, *, size: int, by: str | None) -> int:
    """How often p is below the level, where rows have no mean but a part in common with the others of their label."""
    random, labels, found = np.random.default_rng(size), np.repeat(np.arange(200 // size), size), 0
    for _ in range(TIMES):
        values = random.normal(size=200) + shared * random.normal(size=200 // size)[labels]
        given = {"groups": {"groups": labels}, "trainings": {"trainings": labels}, None: {}}[by]
        found += mean_of_rows(values, np.ones(200), **given).p < LEVEL
    return found


@pytest.mark.parametrize(("shared", "size", "by"), [(0.0, 5, None), (1.0, 5, "groups"), (0.0, 5, "groups")])
def test_chance_is_found_as_often_as_promised(shared, size, by):
    found = alarms(shared, size=size, by=by)
    assert stats.binom.ppf(0.001, TIMES, LEVEL) <= found <= stats.binom.ppf(0.999, TIMES, LEVEL)


def test_groups_that_are_not_told_would_cry_wolf():
    assert alarms(1.0, size=5, by=None) > 3 * LEVEL * TIMES


def test_what_the_rows_of_a_training_have_in_common_widens_the_interval():
    """Of five trainings, whose number bounds what can be told of them: alarms are fewer, not as rare as promised."""
    ignored, told = (alarms(0.15, size=40, by=by) for by in (None, "trainings"))
    assert told < 0.6 * ignored
    assert alarms(0.0, size=40, by="trainings") <= stats.binom.ppf(0.999, TIMES, LEVEL)


def test_trainings_that_agree_more_than_chance_would_have_it_narrow_nothing():
    values = np.tile(np.random.default_rng(2).normal(size=20), 5)
    alone = mean_of_rows(values, np.ones(100))
    assert mean_of_rows(values, np.ones(100), trainings=np.repeat(np.arange(5), 20)) == alone
    assert mean_of_rows(values, np.ones(100), trainings=np.zeros(100, np.int64)) == alone


@given(st.integers(0, 1000), st.integers(2, 30), st.floats(1e-6, 1e6))
def test_neither_order_nor_the_unit_of_weights_matters_and_that_of_values_is_that_of_the_mean(seed, rows, unit):
    random = np.random.default_rng(seed)
    values, weights, groups = random.normal(size=rows), random.random(rows) + 0.1, random.integers(0, 4, rows)
    one, order = mean_of_rows(values, weights, groups), random.permutation(rows)
    two = mean_of_rows(unit * values[order], unit * weights[order], groups[order])
    for a, b in zip(one.mean.to_dict().values(), two.mean.to_dict().values(), strict=True):
        assert b / unit == pytest.approx(a, rel=1e-6, abs=1e-9, nan_ok=True)
    assert two.p == pytest.approx(one.p, rel=1e-4, abs=1e-9, nan_ok=True)
    assert np.isnan(one.p) or one.mean.low <= one.mean.value <= one.mean.high


def test_no_difference_is_no_finding_and_a_sure_one_is_sure():
    same, sure = (mean_of_rows(np.full(10, value), np.ones(10)) for value in (0.0, 0.5))
    assert (same.mean.to_dict(), same.p) == ({"value": 0.0, "low": 0.0, "high": 0.0}, 1.0)
    assert [sure.mean.low, sure.mean.high] == pytest.approx([0.5, 0.5])
    assert sure.p < 1e-12


def test_what_can_not_be_told_is_nan():
    ones = np.ones(3)
    for values, weights, groups, mean in (
        (np.array([1.0, np.nan, 2.0]), ones, None, np.nan),
        (np.array([1.0, np.inf, 2.0]), ones, None, np.inf),
        (np.array([2.0]), ones[:1], None, 2.0),
        (np.array([1.0, 2.0, 3.0]), ones, np.zeros(3, np.int64), 2.0),
        (np.empty(0), np.empty(0), None, np.nan),
    ):
        found = mean_of_rows(values, weights, groups)
        assert found.mean.value == pytest.approx(mean, nan_ok=True)
        assert np.isnan([found.mean.low, found.mean.high, found.p]).all()


def test_lengths_that_differ_are_refused():
    for weights, groups in ((np.ones(2), None), (np.ones(3), np.zeros(2, np.int64))):
        with pytest.raises(InputError, match="give one for every row"):
            mean_of_rows(np.ones(3), weights, groups)


def test_a_difference_must_be_sure_and_worth_a_word():
    assert differs(-0.1, 0.01, 1.0)
    assert differs(0.1, 0.01, 1.0)
    assert not differs(-0.1, 0.06, 1.0)
    assert not differs(-0.0005, 1e-9, 1.0)
    assert differs(-0.0005, 1e-9, 0.1)
    assert not differs(np.nan, 0.01, 1.0)
    assert not differs(0.1, np.nan, 1.0)
