"""Synthetic rows of tables with numbers, booleans, categories, dates and missing values."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goodfit.data.schema import MAX_LEVELS
from goodfit.data.synthetic import interpolate, majority, smote_points
from goodfit.data.table import LARGEST, Column, Table, to_table
from goodfit.regularizers.tables.smote import SmotePlan, smote_plan

START = datetime.datetime(2020, 1, 1)
cells = st.one_of(st.floats(-LARGEST, LARGEST), st.integers(-9, 9).map(float), st.just(np.nan))


def plan_of(base, other, gap, neighbors=None):
    neighbors = [[o] for o in other] if neighbors is None else neighbors
    return SmotePlan(*map(np.array, (base, other)), np.array(gap, float), np.array(neighbors), np.zeros(len(base), int))


def between(values, base, other, gap):
    """The synthetic value of one column, for one pair of rows."""
    return interpolate(to_table({"x": values}), plan_of([base], [other], [gap])).columns[0].values[0]


def to_table_of(**columns):
    return to_table(pl.DataFrame(columns))


def mixed(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return to_table_of(
        amount=np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
        count=rng.poisson(3, n),
        when=[START + datetime.timedelta(seconds=s) for s in rng.uniform(0, 1e7, n)],
        day=[(START + datetime.timedelta(days=int(d))).date() for d in rng.integers(0, 400, n)],
        member=[None if u < 0.1 else u < 0.4 for u in rng.random(n)],
        shop=[None if u < 0.1 else "abcdefgh"[int(8 * u**2)] for u in rng.random(n)],
    )


CODES = np.repeat([0, 1], [150, 50])


@settings(deadline=None)
@given(values=arrays(np.float64, 12, elements=cells), gap=st.floats(0, 1, exclude_max=True), shift=st.integers(1, 11))
def test_a_number_lies_between_its_parents(values, gap, shift):
    base, other = np.arange(12), (np.arange(12) + shift) % 12
    column = Column("x", "number", values)
    made = interpolate(Table((column,), 12), plan_of(base, other, np.full(12, gap))).columns[0].values
    own, far = values, np.where(np.isnan(values[other]), values, values[other])
    np.testing.assert_array_equal(np.isnan(made), np.isnan(own))
    there = ~np.isnan(own)
    assert (made[there] >= np.minimum(own, far)[there]).all()
    assert (made[there] <= np.maximum(own, far)[there]).all()
    if (values[there] % 1 == 0).all():
        assert (made[there] % 1 == 0).all()


@pytest.mark.parametrize(("gap", "value"), [(0.0, 0.5), (0.25, 1.5), (0.999, 4.496)])
def test_a_number_goes_the_gap_from_base_to_other(gap, value):
    table = to_table_of(x=[0.5, 4.5])
    assert interpolate(table, plan_of([0], [1], [gap])).columns[0].values[0] == pytest.approx(value)


def test_whole_numbers_stay_whole_unless_any_is_not():
    plan = plan_of([0], [1], [0.4])
    assert interpolate(to_table_of(x=[1.0, 4.0, None]), plan).columns[0].values[0] == 2.0
    assert interpolate(to_table_of(x=[1.0, 4.0, 0.5]), plan).columns[0].values[0] == pytest.approx(2.2)


def test_days_stay_whole_days_and_times_do_not():
    plan = plan_of([0], [1], [0.4])
    days, times = ([START, START + datetime.timedelta(days=2, hours=h)] for h in (0, 1))
    assert interpolate(to_table_of(x=days), plan).columns[0].example(0) == "2020-01-02T00:00:00"
    assert interpolate(to_table_of(x=times), plan).columns[0].example(0) == "2020-01-01T19:36:00"


@pytest.mark.parametrize(("values", "expected"), [([None, 3.5], np.nan), ([1.5, None], 1.5), ([None, None], np.nan)])
def test_where_a_parent_is_missing_the_base_stands(values, expected):
    table = to_table(pl.DataFrame({"x": values}, schema={"x": pl.Float64}))
    np.testing.assert_array_equal(interpolate(table, plan_of([0], [1], [0.7])).columns[0].values, [expected])


@pytest.mark.parametrize(
    ("base", "votes", "expected"),
    [
        ("a", ["b", "b", "c"], "b"),
        ("a", ["b", "c", "c"], "c"),
        ("c", ["b", "c", "a"], "c"),
        ("a", ["d", "c", "b"], "b"),
        ("a", [None, None, "b"], None),
        (None, [None, "b", "c"], None),
        (None, ["b", "b", "c"], "b"),
    ],
)
def test_a_category_is_what_most_neighbors_are(base, votes, expected):
    table = to_table([[value] for value in [base, *votes, "a", "b", "c", "d"]])
    (made,) = interpolate(table, plan_of([0], [1], [0.5], [[1, 2, 3]])).columns
    assert (None if made.values[0] < 0 else made.levels[made.values[0]]) == expected
    assert made.values.dtype == np.int32


@pytest.mark.parametrize(
    ("base", "votes", "expected"),
    [(0, [1, 1], 1), (0, [1, 0], 0), (1, [1, 0], 1), (None, [1, 0], 0), (0, [None, None], np.nan)],
)
def test_a_boolean_is_what_most_neighbors_are(base, votes, expected):
    table = to_table_of(b=[None if value is None else bool(value) for value in [base, *votes]])
    assert table.columns[0].kind == "boolean"
    (made,) = interpolate(table, plan_of([0], [1], [0.5], [[1, 2]])).columns
    np.testing.assert_array_equal(made.values, [expected])


@given(
    votes=arrays(np.int64, (5, 4), elements=st.integers(-1, 3)), own=arrays(np.int64, 5, elements=st.integers(-1, 3))
)
def test_a_majority_is_as_counted_one_by_one(votes, own):
    for winner, ballot, mine in zip(majority(votes, own), votes.tolist(), own.tolist(), strict=True):
        most = max(map(ballot.count, ballot))
        among = [vote for vote in ballot if ballot.count(vote) == most]
        assert winner == (mine if mine in among else min(among))


def test_of_no_rows_none_are_made():
    table = mixed()
    made = interpolate(table, smote_plan(smote_points(table, CODES), CODES, ratio=0.0, neighbors=5, seed=0))
    assert made.rows == 0
    assert [(c.name, c.kind, c.levels, len(c.values)) for c in made.columns] == [
        (c.name, c.kind, c.levels, 0) for c in table.columns
    ]


def test_in_another_order_of_the_rows_the_same_rows_are_made():
    """Sums are rounded otherwise in another order; the rows that are chosen are the same."""
    table, order = mixed(), np.random.default_rng(0).permutation(200)

    def made(table, codes):
        return interpolate(table, smote_plan(smote_points(table, codes), codes, ratio=1.0, neighbors=5, seed=0))

    for one, other in zip(made(table, CODES).columns, made(table.take(order), CODES[order]).columns, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_numbers_are_standardized_and_missing_ones_lie_at_the_mean():
    points = smote_points(to_table_of(x=[1.0, 3.0, None], same=[2.0, 2.0, 2.0]), np.zeros(3, int))
    np.testing.assert_allclose(points, [[-1, 0], [1, 0], [0, 0]])


@pytest.mark.parametrize("kind", ["category", "boolean"])
def test_two_values_are_as_far_apart_as_the_median_deviation_of_the_classs_numbers(kind):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(60, 3)) * [1.0, 5.0, 0.1]
    codes = np.repeat([0, 1], 30)
    numbers[codes == 1] *= [0.5, 0.2, 0.9]
    words = {"category": ["u", "v", None], "boolean": [True, False, None]}[kind]
    values = [words[i] for i in rng.integers(0, 3, 60)]
    table = to_table_of(a=numbers[:, 0], b=numbers[:, 1], c=numbers[:, 2], k=values)
    assert table.columns[3].kind == kind
    points = smote_points(table, codes)
    z = (numbers - numbers.mean(0)) / numbers.std(0)
    for code in (0, 1):
        (own,) = np.nonzero(codes == code)
        median = np.median(z[own].std(0))
        for i in own[:10]:
            differ = np.array([values[i] != values[j] for j in own])
            expected = ((z[i] - z[own]) ** 2).sum(1) + median**2 * differ
            np.testing.assert_allclose(((points[i] - points[own]) ** 2).sum(1), expected, atol=1e-12)


@pytest.mark.parametrize(
    "other", [{}, {"same": [1.0, 1.0, 1.0]}, {"same": [1.0] * 3, "too": [2.0] * 3, "x": [1, 2, 3]}]
)
def test_without_numbers_that_vary_two_levels_are_one_apart(other):
    points = smote_points(to_table_of(k=["a", "b", "b"], **other), np.zeros(3, int))
    levels = points[:, -2:]
    assert ((levels[0] - levels[1]) ** 2).sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(levels[1], levels[2])


def test_the_levels_that_have_inputs_are_the_commonest_and_the_rest_counts_as_alike():
    names = [f"l{i:04d}" for i in range(3000)]
    table = to_table_of(k=names + names[-MAX_LEVELS:])
    points = smote_points(table, np.zeros(table.rows, int))
    assert points.shape == (table.rows, MAX_LEVELS + 1)
    np.testing.assert_array_equal(points[0], points[1])
    distance = ((points[3000:, None] - points[None, 3000:]) ** 2).sum(2)
    np.testing.assert_allclose(distance, 1 - np.eye(MAX_LEVELS))


def test_values_as_large_as_they_may_be_do_not_overflow():
    table = to_table_of(x=[-LARGEST, LARGEST, 0.0, 1.0], empty=pl.Series([None] * 4, dtype=pl.Float64))
    points = smote_points(table, np.zeros(4, int))
    assert np.isfinite(points).all()
    made = interpolate(table, plan_of([0], [1], [0.5])).columns[0].values
    assert abs(made[0]) < 1e-9 * LARGEST
