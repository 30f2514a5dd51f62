"""Merged rows and splits depend on content and seed, and on nothing else."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data import splits
from goodfit.data.splits import distinct, folds, holdout, strata_of
from goodfit.data.table import Table, to_table
from goodfit.errors import InputError

numbers = st.sampled_from([0.0, -0.0, 1.0, 2.5, None])
texts = st.sampled_from(["a", "b", "", None])
rows = st.lists(st.tuples(numbers, texts, st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=30)
strata = st.lists(st.integers(-2, 3), min_size=2, max_size=60).map(np.array)
seeds = st.integers(0, 5)


def built(records) -> tuple[Table, np.ndarray, np.ndarray]:
    frame = {
        "n": pl.Series([r[0] for r in records], dtype=pl.Float64),
        "t": pl.Series([r[1] for r in records], dtype=pl.String),
    }
    target, weights = np.array([r[2] for r in records]), np.array([r[3] for r in records], dtype=float)
    return to_table(pl.DataFrame(frame)), target, weights


def content(table: Table, target, at) -> list[tuple[object, ...]]:
    """Rows as plain values that compare equal as they should: missing as None, a category as its text."""
    cells = [
        [None if gone else (c.levels[v] if c.levels else float(v)) for v, gone in zip(c.values, c.missing, strict=True)]
        for c in table.columns
    ]
    return [(*(cell[i] for cell in cells), float(target[i])) for i in at]


@settings(deadline=None)
@given(rows, st.sampled_from(["content", "first"]))
def test_distinct_merges_exactly_the_equal_rows(records, order):
    table, target, _ = built(records)
    found = distinct(table, target, order=order)
    every = content(table, target, range(len(records)))
    merged = content(table, target, found.rows)
    assert len(set(merged)) == len(merged) == len(set(every))
    assert [merged[k] for k in found.inverse] == every
    assert [every.index(row) for row in merged] == found.rows.tolist()
    assert [every.count(row) for row in merged] == found.counts.tolist() == found.weights.tolist()
    if order == "first":
        assert (np.diff(found.rows) > 0).all()


@settings(deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(records, random):
    shuffled = random.sample(records, len(records))
    one, other = built(records), built(shuffled)
    if not one[2].any():
        return
    left = distinct(one[0], one[1], one[2] / 7, order="content")
    right = distinct(other[0], other[1], other[2] / 7, order="content")
    assert content(one[0], one[1], left.rows) == content(other[0], other[1], right.rows)
    assert left.weights.tobytes() == right.weights.tobytes()


@settings(deadline=None)
@given(rows)
def test_weighted_is_repeated_and_weight_zero_is_absent(records):
    table, target, weights = built(records)
    repeated = [r for r in records for _ in range(r[3])]
    if not repeated:
        with pytest.raises(InputError, match="no row is left"):
            distinct(table, target, weights, order="content")
        return
    again, target_again, _ = built(repeated)
    left = distinct(table, target, weights, order="content")
    right = distinct(again, target_again, order="content")
    assert content(table, target, left.rows) == content(again, target_again, right.rows)
    assert left.weights.tobytes() == right.weights.tobytes()
    gone = left.inverse < 0
    kept = set(content(table, target, np.flatnonzero(~gone)))
    assert kept == set(content(again, target_again, range(len(repeated))))
    assert kept.isdisjoint(content(table, target, np.flatnonzero(gone)))


def test_rows_that_share_a_hash_are_told_apart(monkeypatch):
    honest = splits._row_hashes
    monkeypatch.setattr(splits, "_row_hashes", lambda c, salt: honest(c, salt) % np.uint64(2 if salt < 3 else 2**63))
    found = distinct(to_table(np.arange(50.0)[:, None] % 10), np.zeros(50), order="first")
    np.testing.assert_array_equal(found.rows, np.arange(10))


def test_the_target_tells_rows_apart_and_not_a_number_equals_itself():
    table = to_table(np.array([[np.nan], [np.nan], [-np.nan]]))
    assert len(np.unique(table.columns[0].values.view(np.uint64))) == 2
    np.testing.assert_array_equal(distinct(table, np.array([0, 1, 0]), order="first").inverse, [0, 1, 0])


@pytest.mark.parametrize(
    ("weights", "words"),
    [([1.0, -1.0], "row 2 is -1"), ([np.nan, 1.0], "row 1 is nan"), ([1.0], "2 rows"), ([1.0, np.inf], "row 2 is inf")],
)
def test_weights_that_are_none_are_refused(weights, words):
    with pytest.raises(InputError, match=words):
        distinct(to_table(np.zeros((2, 1))), np.zeros(2), np.array(weights), order="content")


@settings(deadline=None)
@given(strata, st.floats(0.01, 0.99), seeds)
def test_holdout_parts_the_rows_class_by_class(classes, share, seed):
    kept, held = holdout(classes, share, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(classes)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()
    names, counts = np.unique(classes, return_counts=True)
    taken = np.array([np.sum(classes[held] == name) for name in names])
    assert (taken[counts == 1] == 0).all()
    assert ((taken >= 1) & (taken < counts))[counts > 1].all()
    assert (np.abs(taken - share * counts)[counts > 1] <= 1 + 1e-9).all()


@settings(deadline=None)
@given(st.lists(st.integers(10, 40), min_size=1, max_size=5), st.floats(0.1, 0.9), seeds)
def test_holdout_takes_the_share_of_all_rows_where_classes_allow(sizes, share, seed):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    assert len(holdout(classes, share, seed)[1]) == round(share * len(classes))


@settings(deadline=None)
@given(strata, st.integers(2, 8), seeds)
def test_folds_are_even_over_all_and_over_each_class(classes, k, seed):
    k = min(k, len(classes))
    fold = folds(classes, k, seed)
    assert np.ptp(np.bincount(fold, minlength=k)) <= 1
    for name in np.unique(classes):
        assert np.ptp(np.bincount(fold[classes == name], minlength=k)) <= 1


def test_splits_are_functions_of_strata_and_seed_and_do_differ_by_seed():
    classes = np.arange(100) % 3
    np.testing.assert_array_equal(folds(classes, 5, 1), folds(classes + 7, 5, 1))
    assert (folds(classes, 5, 1) != folds(classes, 5, 2)).any()
    np.testing.assert_array_equal(holdout(classes, 0.3, 1)[1], holdout(classes, 0.3, 1)[1])
    assert (holdout(classes, 0.3, 1)[1] != holdout(classes, 0.3, 2)[1]).any()
    np.testing.assert_array_equal(folds(50, 5, 1), folds(np.zeros(50, dtype=int), 5, 1))
    assert len(holdout(50, 0.3, 1)[1]) == 15


def test_each_row_is_held_out_about_equally_often():
    often = sum(np.isin(np.arange(40), holdout(40, 0.25, seed)[1]) for seed in range(400))
    # binomial(400, 1/4) has standard deviation 8.7
    assert np.abs(often - 100).max() < 40


@pytest.mark.parametrize("share", [0.0, 1.0, -1, np.nan])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(InputError, match="between 0 and 1"):
        holdout(10, share, 0)


@pytest.mark.parametrize("k", [1, 4])
def test_folds_that_rows_cannot_fill_are_refused(k):
    with pytest.raises(InputError, match="3 rows"):
        folds(3, k, 0)


def test_strata_are_the_classes_or_quantile_bins():
    np.testing.assert_array_equal(strata_of(np.array([5, 3, 5]), "binary"), [1, 0, 1])
    skewed = np.exp(np.random.default_rng(0).standard_normal(1000))
    bins = strata_of(skewed, "regression")
    assert np.bincount(bins).tolist() == [100] * 10
    assert all(skewed[bins == b].max() < skewed[bins == b + 1].min() for b in range(9))
    assert len(np.unique(strata_of(np.arange(25.0), "regression"))) == 2
    tied = strata_of(np.repeat([0.0, 1.0], [90, 10]), "regression")
    assert len(np.unique(tied[:90])) == len(np.unique(tied[90:])) == 1
