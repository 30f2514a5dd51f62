"""Plans of synthetic rows: how many, between which rows, and that they depend on content and seed alone."""

import re
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goodfit.errors import InputError
from goodfit.regularizers.tables import Smote
from goodfit.regularizers.tables.smote import SmotePlan, rows_to_add, smote_plan, smote_shift

ROWS = 38
CODES = np.repeat([0, 1, 2], [20, 7, 11])
coordinates = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([-1.0, -0.0, 0.0, 1.0]))
clouds = arrays(np.float64, (ROWS, 3), elements=coordinates)
ratios = st.floats(0.0, 1.0)
seeds = st.integers(-(2**70), 2**70)


def cloud(rows=ROWS, columns=3, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, columns))


def planned(points, codes=CODES, *, ratio=1.0, neighbors=5, seed=0):
    return smote_plan(points, codes, ratio=ratio, neighbors=neighbors, seed=seed)


def made(points, plan):
    return points[plan.base] + plan.gap[:, None] * (points[plan.other] - points[plan.base])


def values_of(plan):
    return [getattr(plan, f.name) for f in fields(SmotePlan)]


def assert_same(one, other):
    for a, b in zip(values_of(one), values_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(deadline=None)
@given(points=clouds, ratio=ratios, neighbors=st.integers(1, 6), seed=seeds)
def test_a_synthetic_row_lies_between_a_row_and_a_near_one_of_its_class(points, ratio, neighbors, seed):
    plan = planned(points, ratio=ratio, neighbors=neighbors, seed=seed)
    np.testing.assert_array_equal(CODES[plan.base], plan.codes)
    np.testing.assert_array_equal(CODES[plan.neighbors], np.repeat(plan.codes[:, None], neighbors, axis=1))
    assert (plan.neighbors == plan.other[:, None]).any(axis=1).all()
    assert not (plan.neighbors == plan.base[:, None]).any()
    assert all(len(set(near)) == neighbors for near in plan.neighbors.tolist())
    assert ((plan.gap >= 0) & (plan.gap < 1)).all()


@settings(deadline=None)
@given(points=clouds, ratio=ratios, seed=seeds)
def test_each_class_gets_as_many_rows_as_the_ratio_says(points, ratio, seed):
    plan = planned(points, ratio=ratio, seed=seed)
    own = np.bincount(CODES)
    np.testing.assert_array_equal(np.bincount(plan.codes, minlength=3), rows_to_add(own, ratio))
    after = own + np.bincount(plan.codes, minlength=3)
    assert (after >= np.minimum(np.maximum(own, np.floor(ratio * own.max())), own.max())).all()
    assert (after <= own.max()).all()


def test_a_ratio_of_one_makes_all_classes_even_and_of_zero_adds_nothing():
    assert (np.bincount(CODES) + np.bincount(planned(cloud()).codes, minlength=3)).tolist() == [20, 20, 20]
    for ratio in (0.0, 7 / 20):
        nothing = planned(cloud(), ratio=ratio)
        assert [part.shape for part in values_of(nothing)] == [(0,), (0,), (0,), (0, 5), (0,)]


@settings(deadline=None)
@given(points=clouds, smaller=ratios, larger=ratios, seed=seeds)
def test_a_class_at_a_smaller_ratio_is_the_beginning_of_it_at_a_larger_one(points, smaller, larger, seed):
    smaller, larger = sorted((smaller, larger))
    few, many = (planned(points, ratio=ratio, seed=seed) for ratio in (smaller, larger))
    for code in range(3):
        for some, more in zip(values_of(few), values_of(many), strict=True):
            part = some[few.codes == code]
            np.testing.assert_array_equal(part, more[many.codes == code][: len(part)])


@settings(deadline=None)
@given(points=clouds, order=st.permutations(range(ROWS)), seed=seeds)
def test_in_another_order_of_the_rows_it_is_the_same_plan_of_the_same_rows(points, order, seed):
    plan, other = planned(points, seed=seed), planned(points[order], CODES[order], seed=seed)
    np.testing.assert_array_equal(made(points, plan), made(points[order], other))
    np.testing.assert_array_equal(plan.codes, other.codes)
    if len(np.unique(points, axis=0)) == len(points):  # equal rows can't be told apart
        np.testing.assert_array_equal(plan.base, np.array(order)[other.base])


def test_rounding_of_the_points_does_not_change_who_is_chosen():
    points = cloud()
    shaken = points * (1 + 4e-16 * np.random.default_rng(1).integers(-1, 2, points.shape))
    assert (points != shaken).any()
    assert_same(planned(points), planned(shaken))


def test_the_sign_of_a_zero_is_no_difference():
    points = cloud() * [0.0, 1.0, 1.0]
    points[::2, 0] = 0.0
    assert_same(planned(points), planned(np.where(points == 0, 0.0, points)))


def test_the_rows_of_other_classes_play_no_part():
    points = cloud()
    moved = np.where(CODES[:, None] == 1, points, points[::-1] * 3)
    plans = [planned(which) for which in (points, moved)]
    for one, other in zip(*(values_of(plan) for plan in plans), strict=True):
        np.testing.assert_array_equal(one[plans[0].codes == 1], other[plans[1].codes == 1])


def test_another_seed_is_another_plan_and_the_same_seed_the_same():
    points = cloud()
    assert_same(planned(points, seed=3), planned(points, seed=3))
    assert len({planned(points, seed=seed).gap[0] for seed in range(50)}) == 50
    assert len({tuple(planned(points, seed=seed).base) for seed in range(50)}) == 50


@pytest.mark.parametrize("columns", [2, 40])
def test_the_neighbors_are_the_nearest_rows_of_the_class(columns):
    points = cloud(columns=columns)
    plan = planned(points, neighbors=4)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    distance[CODES[:, None] != CODES[None]] = np.inf
    np.fill_diagonal(distance, np.inf)
    np.testing.assert_array_equal(plan.neighbors, distance.argsort(axis=1)[plan.base, :4])


def test_each_row_is_a_base_equally_often_and_each_neighbor_as_likely():
    codes = np.repeat([0, 1], [10_000, 10])
    plan = planned(cloud(len(codes)), codes)
    assert np.ptp(np.bincount(plan.base[plan.codes == 1])[-10:]) <= 1
    chosen = (plan.neighbors == plan.other[:, None]).argmax(axis=1)
    assert np.abs(np.bincount(chosen) / len(chosen) - 0.2).max() < 4 * np.sqrt(0.2 * 0.8 / len(chosen))


def test_of_many_equal_rows_none_is_its_own_neighbor():
    points = np.zeros((40, 2))
    plan = planned(points, np.repeat([0, 1], [25, 15]))
    assert not (plan.neighbors == plan.base[:, None]).any()
    assert not made(points, plan).any()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (3, "class fraud has 3 training rows, smote needs neighbors + 1 = 6: give smote=0.5 neighbors=2, or more rows"),
        (1, "class fraud has 1 training row, smote needs neighbors + 1 = 6: give more rows, or leave smote out"),
    ],
)
def test_a_class_of_too_few_rows_is_named(rows, message):
    codes = np.repeat([0, 1], [20, rows])
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        smote_plan(cloud(len(codes)), codes, ratio=0.5, neighbors=5, seed=0, classes=["honest", "fraud"])
    if rows > 1:
        assert len(planned(cloud(len(codes)), codes, ratio=0.5, neighbors=rows - 1).base) == 7


def test_a_class_that_needs_no_rows_may_be_as_small_as_it_likes():
    assert len(planned(cloud(6), np.array([0, 0, 0, 0, 1, 1]), ratio=0.5).base) == 0


def test_a_class_without_any_row_can_not_be_filled_up():
    with pytest.raises(InputError, match="class b has 0 training rows"):
        smote_plan(cloud(9), np.zeros(9, np.int64), ratio=1.0, neighbors=5, seed=0, classes=["a", "b"])


def test_a_fraction_of_a_neighbor_is_refused():
    with pytest.raises(InputError, match=r"smote: neighbors is 2\.5; give a whole number"):
        Smote(1.0, neighbors=2.5)


def test_the_technique_plans_as_its_doses_say():
    points = cloud()
    assert_same(Smote(0.7, neighbors=3).plan(points, CODES, "abc", 4), planned(points, ratio=0.7, neighbors=3, seed=4))
    with pytest.raises(InputError, match="class b has 7 training rows"):
        Smote(1.0, neighbors=7).plan(points, CODES, "abc", 4)


@pytest.mark.parametrize("wrong", [{"ratio": 1.1}, {"ratio": -0.1}, {"neighbors": 0}, {"neighbors": np.inf}])
def test_doses_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match="give a number in"):
        Smote(**wrong)
    assert Smote.neutral() == Smote(0.0)


def log_softmax(logits):
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def test_the_shift_turns_the_bayes_classifier_of_resampled_rows_into_that_of_the_true_shares():
    """Three normal densities: log p(class | x) = log p(x | class) + log share - log p(x)."""
    x = np.linspace(-4, 6, 201)[:, None]
    density = -0.5 * (x - np.array([0.0, 1.0, 3.0])) ** 2
    before, after = np.array([900, 80, 20]), np.array([900, 450, 450])
    true, resampled = (log_softmax(density + np.log(rows / rows.sum())) for rows in (before, after))
    np.testing.assert_allclose(log_softmax(resampled + smote_shift(before, after)), true, atol=1e-12)
    assert np.abs(resampled - true).max() > 1


def test_the_shift_of_one_logit_is_the_second_entry_less_the_first():
    shift = smote_shift([90, 10], [90, 90])
    assert shift[1] - shift[0] == pytest.approx(np.log(10 / 90))


def test_without_resampling_and_for_an_absent_class_there_is_no_shift():
    assert smote_shift([5, 7], [5, 7]).tolist() == [0.0, 0.0]
    assert smote_shift([5, 0, 5], [5, 0, 10])[1] == 0.0
