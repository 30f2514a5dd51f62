"""Piecewise-linear encoding of numbers: intervals between quantiles, and how far a value has come through each."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goodfit.data.pieces import Pieces, edges_of, fit_pieces, piecewise, room_for
from goodfit.data.table import LARGEST

DENORMAL = 5e-324
number = st.one_of(
    st.floats(-LARGEST, LARGEST),
    st.floats(-100, 100),
    st.sampled_from([0.0, 1.0, DENORMAL, 3 * DENORMAL, -DENORMAL, 1e-310, LARGEST, -LARGEST, np.nextafter(1.0, 2.0)]),
)
cell = st.one_of(number, st.just(np.nan))
counts = st.integers(2, 40)
# few different values that are often equal, or many
columns = st.one_of(
    st.lists(cell, min_size=1, max_size=60), st.lists(st.sampled_from([0.0, 1.0, 1.5, 7.0, np.nan]), min_size=1)
).map(lambda values: np.array(values, dtype=np.float64))
ladders = st.lists(number.map(lambda x: x + 0.0), min_size=2, max_size=20, unique=True).map(
    lambda edges: np.array(sorted(edges))
)


def by_definition(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    out = np.zeros((len(values), len(edges) - 1))
    for row, x in enumerate(values):
        for t, (low, high) in enumerate(pairwise(edges)):
            if x >= high:
                out[row, t] = 1.0
            elif x > low:
                out[row, t] = (x - low) / (high - low)
    return out


def ones(values: np.ndarray) -> np.ndarray:
    return np.ones(len(values))


# -- edges ------------------------------------------------------------------------------------------------------------


@given(columns, counts)
def test_edges_are_distinct_and_rise_from_the_smallest_to_the_largest_number(values, count):
    edges, present = edges_of(values, count), values[~np.isnan(values)]
    assert len(edges) <= count + 1
    assert (edges[1:] > edges[:-1]).all()
    assert np.isfinite(edges).all()
    if len(present):
        assert (edges[0], edges[-1]) == (present.min(), present.max())
    else:
        assert edges.shape == (0,)


@given(columns, counts, st.randoms(use_true_random=False))
def test_edges_know_neither_missing_values_nor_an_order(values, count, random):
    shuffled = [*values[~np.isnan(values)], np.nan]
    random.shuffle(shuffled)
    np.testing.assert_array_equal(edges_of(values, count), edges_of(np.array(shuffled), count))


@given(columns, counts)
def test_edges_are_the_quantiles_that_differ(values, count):
    present = values[~np.isnan(values)]
    if len(present):
        edges, theirs = edges_of(values, count), np.quantile(present, np.linspace(0, 1, count + 1))
        room = 1e-13 * np.ptp(present) + DENORMAL
        assert (np.abs(edges[:, None] - theirs).min(0) <= room).all()
        assert (np.abs(edges[:, None] - theirs).min(1) <= room).all()


def test_an_edge_at_a_value_is_that_value():
    """Where a place among the values is rounded, a value is an edge and has another just above it."""
    values = np.array([0.0] * 7 + [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(edges_of(values, 3), [0, 3])
    for n in range(3, 120):
        np.testing.assert_array_equal(edges_of(np.arange(float(n)), n - 1), np.arange(float(n)))


@pytest.mark.parametrize("count", [2, 5, 12])
def test_as_many_values_lie_in_each_interval(count):
    values = np.random.default_rng(0).standard_cauchy(60 * count + 1)
    edges = edges_of(values, count)
    assert len(edges) == count + 1
    held = np.histogram(values, edges)[0]
    assert held.tolist() == [60] * (count - 1) + [61]


def test_quantiles_that_coincide_are_one_edge():
    np.testing.assert_array_equal(edges_of(np.array([0.0] * 9 + [1.0, 2.0]), 5), [0, 2])
    np.testing.assert_array_equal(edges_of(np.array([0.0] * 4 + [3.0] * 4 + [9.0]), 4), [0, 3, 9])
    np.testing.assert_array_equal(edges_of(np.full(4, 2.0), 3), [2])


# -- components -------------------------------------------------------------------------------------------------------


@given(columns, ladders)
def test_components_equal_their_definition(values, edges):
    found = piecewise(values, edges)
    np.testing.assert_array_equal(found, by_definition(values, edges))
    np.testing.assert_array_equal(piecewise(edges, edges), np.tri(len(edges), len(edges) - 1, -1))


@given(columns, ladders)
def test_components_rise_with_the_value_and_follow_each_other(values, edges):
    found = piecewise(np.sort(values[~np.isnan(values)]), edges)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found, axis=0) >= 0).all()
    begun, through = found[:, 1:] > 0, found[:, :-1] == 1
    assert through[begun].all()


@given(columns, st.integers(2, 30))
def test_their_sum_is_the_place_among_the_edges(values, count):
    edges = edges_of(values, count)
    assume(len(edges) > 1 and np.diff(edges).min() > 1e-300)  # slopes that numpy's interpolation can hold
    total, present = piecewise(values, edges).sum(1), ~np.isnan(values)
    np.testing.assert_allclose(total[present], np.interp(values[present], edges, np.arange(len(edges))), atol=1e-9)


@given(st.lists(number.map(lambda x: x + 0.0), min_size=3, max_size=30, unique=True))
def test_with_an_edge_at_each_value_their_sum_is_its_rank(values):
    values = np.array(values)
    total = piecewise(values, edges_of(values, len(values) - 1)).sum(1)
    np.testing.assert_array_equal(total, np.argsort(np.argsort(values)))


@pytest.mark.parametrize(
    "edges",
    [[-LARGEST, 0.0, LARGEST], [0.0, DENORMAL, 2 * DENORMAL], [-LARGEST, 0.0, DENORMAL, LARGEST], [1.0, 1.5, 2.0]],
)
def test_no_value_and_no_gap_overflows(edges):
    values = np.array([-np.inf, -LARGEST, -DENORMAL, 0.0, DENORMAL, 1.25, LARGEST, np.inf, np.nan])
    found = Pieces(np.array(edges), np.full(len(edges) - 1, 0.25)).transform(values, np.float32)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[[0, -2, -1]], np.array([[-0.25], [0.75], [0.0]]).repeat(len(edges) - 1, 1))


# -- what is learned --------------------------------------------------------------------------------------------------


@given(columns, counts)
def test_there_are_pieces_where_there_is_room_for_two(values, most):
    different = len(set(values[~np.isnan(values)].tolist()))
    room = room_for(values, most)
    assert room == (min(most, different - 1) if different > 2 else 0)
    pieces = fit_pieces(values, ones(values), most)
    if different < 3:
        assert pieces is None
    if pieces is not None:
        assert 2 <= len(pieces.means) == len(pieces.edges) - 1 <= room


@pytest.mark.parametrize("most", [0, 1])
def test_fewer_than_two_are_none(most):
    values = np.arange(9.0)
    assert room_for(values, most) == 0
    assert fit_pieces(values, ones(values), most) is None


@given(columns, counts, st.data())
def test_the_weighted_mean_over_training_rows_is_zero(values, most, data):
    weights = data.draw(arrays(np.float64, len(values), elements=st.floats(0.01, 100)))
    pieces = fit_pieces(values, weights, most)
    assume(pieces is not None)
    present = ~np.isnan(values)
    found = pieces.transform(values)
    np.testing.assert_allclose(np.average(found[present], axis=0, weights=weights[present]), 0, atol=1e-12)
    np.testing.assert_allclose(weights @ found / weights.sum(), 0, atol=1e-12)
    np.testing.assert_array_equal(pieces.edges, fit_pieces(values, ones(values), most).edges)


def test_a_weight_counts_rows_in_the_means():
    values, weights = np.array([0.0, 1.0, 4.0, 4.5, np.nan]), np.array([2.0, 1.0, 3.0, 0.0, 5.0])
    pieces = fit_pieces(values, weights, 3)
    repeated = np.repeat(values, weights.astype(int))
    expected = by_definition(repeated[~np.isnan(repeated)], pieces.edges).mean(0)
    np.testing.assert_allclose(pieces.means, expected, rtol=1e-14)
    assert not fit_pieces(values, np.zeros(5), 3).means.any()


@given(columns, counts)
def test_a_missing_value_is_zero_in_every_component(values, most):
    pieces = fit_pieces(np.array([*values, 1.0, 2.0, 3.0, 4.0]), np.ones(len(values) + 4), most)
    if pieces is not None:
        assert not pieces.transform(np.full(3, np.nan)).any()
        assert not piecewise(np.full(3, np.nan), pieces.edges).any()
        assert pieces.transform(np.array([np.nan, pieces.edges[0]]))[1].all()


def test_rows_are_encoded_alike_alone_and_among_many():
    values = np.random.default_rng(0).standard_normal(10_000)
    values[::97] = np.nan
    pieces = fit_pieces(values, ones(values), 32)
    together = pieces.transform(values, np.float32)
    for row in (0, 1, 4095, 4096, 9_700, 9_999):
        np.testing.assert_array_equal(pieces.transform(values[[row]], np.float32)[0], together[row])
    assert pieces.transform(values[:0]).shape == (0, 32)


@settings(max_examples=50)
@given(columns, counts)
def test_saved_and_loaded_it_encodes_bit_for_bit(values, most):
    pieces = fit_pieces(values, ones(values), most)
    if pieces is not None:
        again = Pieces.from_dict(json.loads(json.dumps(pieces.to_dict(), allow_nan=False)))
        assert again.transform(values).tobytes() == pieces.transform(values).tobytes()
