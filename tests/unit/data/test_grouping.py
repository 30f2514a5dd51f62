"""Rows of one group stay on one side of every split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.grouping import group_folds, group_holdout
from goodfit.data.splits import folds, holdout
from goodfit.errors import InputError

groups_of = st.lists(st.integers(-3, 12), min_size=2, max_size=60).map(np.array).filter(lambda g: len(set(g)) > 1)
shares = st.floats(0.02, 0.98)
seeds = st.integers(0, 2**40)


def sizes(groups):
    return np.unique(groups, return_counts=True)[1]


def drawn(groups, share, seed):
    return group_holdout(groups, share, np.random.default_rng(seed))


@settings(deadline=None)
@given(groups_of, shares, seeds)
def test_no_group_stands_on_two_sides_and_neither_side_is_empty(groups, share, seed):
    kept, held = holdout(np.zeros(len(groups), np.int64), share, seed, groups)
    assert len(kept)
    assert len(held)
    assert sorted([*kept, *held]) == list(range(len(groups)))
    assert not set(groups[kept]) & set(groups[held])
    assert (np.diff(held) > 0).all()


@settings(deadline=None)
@given(groups_of, shares, seeds)
def test_the_share_held_out_is_as_near_as_a_group_allows(groups, share, seed):
    """Within half of the largest group, unless one must stay or one must go."""
    held, wanted = drawn(groups, share, seed), share * len(groups)
    forced = len(set(groups[held])) in (1, len(set(groups)) - 1)
    assert abs(len(held) - wanted) <= sizes(groups).max() / 2 or forced
    assert len(held) < 2 * wanted or len(held) == sizes(groups).min()


def test_a_group_much_larger_than_the_share_is_not_held_out():
    groups = np.repeat(np.arange(11), [100, *[2] * 10])
    for seed in range(20):
        held = drawn(groups, 0.1, seed)
        assert set(groups[held]) <= set(range(1, 11))
        assert len(held) == 12


def test_every_group_is_held_out_as_often_where_all_are_as_large():
    groups = np.repeat(np.arange(5), 4)
    often = np.bincount(np.concatenate([groups[drawn(groups, 0.4, seed)] for seed in range(500)]), minlength=5) / 4
    assert often.sum() == 500 * 2
    assert abs(often - 200).max() < 50


def test_groups_of_one_row_are_rows():
    assert len(drawn(np.arange(100), 0.23, 0)) == 23
    fold = group_folds(np.arange(100), np.repeat([0, 1], 50), 5, np.random.default_rng(0))
    assert np.bincount(fold).tolist() == [20] * 5
    assert np.bincount(fold[:50]).tolist() == [10] * 5


@settings(deadline=None)
@given(groups_of, st.integers(2, 6), seeds, st.randoms(use_true_random=False))
def test_folds_hold_whole_groups_and_none_is_empty(groups, k, seed, random):
    classes = np.array([random.randrange(3) for _ in groups])
    if len(set(groups)) < k:
        with pytest.raises(InputError, match=f"^{len(set(groups))} groups can.t be split into {k} folds"):
            folds(classes, k, seed, groups)
        return
    fold = folds(classes, k, seed, groups)
    assert set(fold) == set(range(k))
    for group in set(groups):
        assert len(set(fold[groups == group])) == 1
    counts = np.bincount(fold, minlength=k)
    assert counts.max() - counts.min() <= 2 * sizes(groups).max()


@pytest.mark.parametrize(("k", "of_class"), [(5, (3, 2)), (3, (1, 1, 1)), (5, (5, 5)), (4, (4, 4, 4))])
def test_groups_of_one_class_each_are_spread_over_all_folds(k, of_class):
    """Patients with one diagnosis each: every fold has as many rows, and classes are as even as they can be."""
    classes = np.repeat(np.repeat(np.arange(len(of_class)), of_class), 10)
    groups = np.repeat(np.arange(sum(of_class)), 10)
    for seed in range(5):
        fold = folds(classes, k, seed, groups)
        assert len(set(np.bincount(fold, minlength=k))) == 1
        for code, count in enumerate(of_class):
            there = np.bincount(fold[classes == code], minlength=k)
            assert there.max() == 10 * -(-count // k)


def test_classes_are_about_even_in_folds():
    random = np.random.default_rng(3)
    groups = random.integers(0, 40, 2000)
    classes = (random.random(2000) < np.linspace(0.1, 0.5, 40)[groups]).astype(np.int64)
    fold = folds(classes, 5, 0, groups)
    for counts in (np.bincount(fold), np.bincount(fold[classes == 1])):
        assert counts.max() < 1.2 * counts.min()


@given(groups_of, seeds)
def test_the_seed_decides_and_the_names_of_groups_do_not(groups, seed):
    """What the groups are called matters only by its order."""
    renamed = 10 * groups + 7
    np.testing.assert_array_equal(drawn(groups, 0.3, seed), drawn(renamed, 0.3, seed))
    classes, k = np.arange(len(groups)) % 2, 2
    one, again, other = (
        group_folds(of, classes, k, np.random.default_rng(seed)) for of in (groups, groups.copy(), renamed)
    )
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(one, other)


def test_another_seed_is_another_draw():
    groups = np.repeat(np.arange(20), 3)
    assert len({tuple(drawn(groups, 0.3, seed)) for seed in range(10)}) > 5
    classes = np.zeros(60, np.int64)
    assert len({tuple(folds(classes, 4, seed, groups)) for seed in range(10)}) > 5


@pytest.mark.parametrize("split", [lambda g: holdout(g, 0.2, 0, g), lambda g: folds(g, 2, 0, g)])
def test_one_group_is_refused_in_one_line(split):
    with pytest.raises(InputError, match=r"group.*give .*(2|two) (groups )?or more") as error:
        split(np.zeros(10, np.int64))
    assert "\n" not in str(error.value)


def test_fewer_than_two_folds_of_groups_are_refused():
    with pytest.raises(InputError, match=r"^1 group can't be split into 2 folds: give 2 or more"):
        folds(np.zeros(10, np.int64), 1, 0, np.zeros(10, np.int64))
