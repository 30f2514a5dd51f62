"""Splits in the order of time: sizes, ties, and how far from the share that is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.ordering import earlier_rows, time_holdout, time_splits
from goodfit.errors import InputError

times_of = (
    st.lists(st.integers(-3, 40).map(float), min_size=2, max_size=60).map(np.array).filter(lambda t: np.ptp(t) > 0)
)
shares = st.floats(0.02, 0.98)


def largest(times):
    return np.unique(times, return_counts=True)[1].max()


@settings(deadline=None)
@given(times_of, shares)
def test_what_is_held_out_is_later_than_all_that_is_kept(times, share):
    kept, held = time_holdout(times, share)
    assert sorted([*kept, *held]) == list(range(len(times)))
    assert times[kept].max() < times[held].min()
    assert abs(len(held) - share * len(times)) <= largest(times)
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()


@settings(deadline=None)
@given(times_of, shares)
def test_earlier_rows_are_those_up_to_a_moment(times, share):
    known = earlier_rows(times, share)
    rest = np.setdiff1d(np.arange(len(times)), known)
    assert len(known)
    assert not len(rest) or times[known].max() < times[rest].min()
    assert abs(len(known) - share * len(times)) <= largest(times)


@settings(deadline=None)
@given(times_of, st.integers(1, 8))
def test_a_block_is_held_out_with_all_rows_before_it_to_learn_from(times, k):
    pairs = time_splits(times, k)
    assert 1 <= len(pairs) <= k
    known = pairs[0][0]
    for before, block in pairs:
        np.testing.assert_array_equal(before, known)
        assert len(block)
        assert times[before].max() < times[block].min()
        known = np.sort(np.concatenate([before, block]))
    assert len(known) == len(times)
    assert abs(len(pairs[0][0]) - len(times) / 2) <= largest(times)


def test_distinct_times_are_cut_evenly():
    pairs = time_splits(np.random.default_rng(0).permutation(100).astype(float), 5)
    assert [len(before) for before, _ in pairs] == [50, 60, 70, 80, 90]
    assert {len(block) for _, block in pairs} == {10}


def test_rows_of_one_time_make_fewer_blocks():
    assert [len(block) for _, block in time_splits(np.array([0.0] * 5 + [1.0] * 5), 5)] == [5]
    assert [len(block) for _, block in time_splits(np.repeat([0.0, 1.0, 2.0], [50, 45, 5]), 5)] == [45, 5]


@pytest.mark.parametrize("split", [lambda t: time_holdout(t, 0.2), lambda t: time_splits(t, 5)])
def test_rows_of_one_time_only_cant_be_split(split):
    with pytest.raises(InputError, match="all of one time"):
        split(np.zeros(4))
