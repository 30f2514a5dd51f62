"""SMOTE against imbalanced-learn: not the same random numbers, the same rows to draw between and the same spread."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE, SMOTENC
from scipy import stats

from goodfit.data.synthetic import interpolate, smote_points
from goodfit.data.table import Column, Table, number_column
from goodfit.regularizers.tables.smote import smote_plan

ROWS, RARE, K = 600, 60, 5
CODES = np.repeat([0, 1], [ROWS - RARE, RARE])
EACH_WIDTH = pytest.mark.parametrize("columns", [3, 30])  # few: a tree finds the neighbours; many: all distances


def numbers(columns, seed=0):
    """Standardized, and the rare class bent, so that between its rows isn't everywhere."""
    z = np.random.default_rng(seed).normal(size=(ROWS, columns))
    z[CODES == 1, 0] = np.abs(z[CODES == 1, 1]) * 2 + 0.1 * z[CODES == 1, 0]
    return (z - z.mean(0)) / z.std(0)


def planned(points, codes=CODES, *, ratio=1.0, seed=0):
    return smote_plan(points, codes, ratio=ratio, neighbors=K, seed=seed)


def theirs(X, codes=CODES, *, strategy="auto", seed=0):
    sampler = SMOTE(sampling_strategy=strategy, k_neighbors=K, random_state=seed)
    X_all, codes_all = sampler.fit_resample(X, codes)
    return X_all[len(X) :], codes_all[len(X) :], sampler


def ours(X, plan):
    return X[plan.base] + plan.gap[:, None] * (X[plan.other] - X[plan.base])


def segments(made, rare, near):
    """How far each made row is from each segment between a rare row and a neighbour of it, (s, R, k), and where on it.

    Between two rows that are each other's neighbours there are two segments, one each way.
    """
    start, end = rare[:, None], rare[near]
    way = end - start
    offset = made[:, None, None] - start
    gap = (offset * way).sum(-1) / (way**2).sum(-1)
    off = np.abs(offset - gap[..., None] * way).max(-1)
    off[(gap < -1e-9) | (gap > 1 + 1e-9)] = np.inf
    return off, gap


def one_way(made, rare, near):
    """Of the made rows with one segment alone: which they are, their base, the neighbour's place, and the gap."""
    off, gap = segments(made, rare, near)
    only = np.flatnonzero((off < 1e-9).sum((1, 2)) == 1)
    base, place = np.unravel_index(off[only].reshape(len(only), -1).argmin(1), near.shape)
    return only, base, place, gap[only, base, place]


@EACH_WIDTH
def test_the_neighbors_are_the_same(columns):
    X = numbers(columns)
    plan = planned(X)
    near = theirs(X)[2].nn_k_.kneighbors(return_distance=False)[:, :K] + ROWS - RARE
    np.testing.assert_array_equal(plan.neighbors, near[plan.base - (ROWS - RARE)])


@EACH_WIDTH
def test_the_rows_of_either_lie_on_the_segments_of_the_other(columns):
    X = numbers(columns)
    plan, (made, _, sampler) = planned(X), theirs(X)
    near = sampler.nn_k_.kneighbors(return_distance=False)[:, :K]
    own = np.empty((RARE, K), np.int64)
    own[plan.base - (ROWS - RARE)] = plan.neighbors - (ROWS - RARE)
    rare = X[CODES == 1]
    assert segments(ours(X, plan)[:200], rare, near)[0].min((1, 2)).max() < 1e-9
    assert segments(made[:200], rare, own)[0].min((1, 2)).max() < 1e-9
    assert segments(made[:200] + 0.01, rare, own)[0].min() > 1e-6


@pytest.mark.parametrize("ratio", [0.12, 0.29, 0.5, 0.77, 1.0])
def test_as_many_rows_are_added_for_a_share(ratio):
    X = numbers(3)
    assert len(planned(X, ratio=ratio).base) == len(theirs(X, strategy=ratio)[0])


def test_several_classes_are_made_even():
    codes = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [400, 150, 50]))
    X = numbers(3)
    np.testing.assert_array_equal(np.bincount(planned(X, codes).codes), np.bincount(theirs(X, codes)[1]))


def test_the_rows_are_spread_alike():
    """Moments and quantiles along many directions, and how far a row is from its base."""
    X = numbers(3)
    many = np.concatenate([np.zeros((20_000, 3)), X[CODES == 1]])
    labels = np.repeat([0, 1], [20_000, RARE])
    plan, (made, _, sampler) = planned(many, labels), theirs(many, labels)
    mine = ours(many, plan)
    assert len(mine) == len(made)
    directions = np.random.default_rng(1).normal(size=(3, 20))
    pvalues = [stats.ks_2samp(a, b).pvalue for a, b in zip((mine @ directions).T, (made @ directions).T, strict=True)]
    assert min(pvalues) > 1e-4
    near = sampler.nn_k_.kneighbors(return_distance=False)[:, :K]
    (_, _, *one), (_, _, *other) = (one_way(rows[:4000], X[CODES == 1], near) for rows in (mine, made))
    assert len(one[0]) > 500
    assert stats.ks_2samp(one[1], other[1]).pvalue > 1e-4
    counts = [np.bincount(place, minlength=K) for place in (one[0], other[0])]
    assert stats.chi2_contingency(counts).pvalue > 1e-4


def categories(seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, 3, ROWS), (6 * rng.random(ROWS) ** 2).astype(int)], 1)


def mixed_table(X, levels):
    columns = [number_column(f"x{i}", values) for i, values in enumerate(X.T)]
    columns += [Column(f"k{i}", "category", v.astype(np.int32), tuple("abcdef")) for i, v in enumerate(levels.T)]
    return Table(tuple(columns), len(X))


def theirs_mixed(X, levels):
    sampler = SMOTENC([X.shape[1], X.shape[1] + 1], k_neighbors=K, random_state=0)
    made = sampler.fit_resample(np.c_[X, levels], CODES)[0][ROWS:]
    return made[:, : X.shape[1]], made[:, X.shape[1] :].astype(int), sampler


def test_with_categories_the_distances_are_the_same():
    X, levels = numbers(4), categories()
    points = smote_points(mixed_table(X, levels), CODES)[CODES == 1]
    away, near = theirs_mixed(X, levels)[2].nn_k_.kneighbors()
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - points[near], axis=2), away, rtol=1e-6)
    plan = planned(smote_points(mixed_table(X, levels), CODES))
    np.testing.assert_array_equal(plan.neighbors - (ROWS - RARE), near[plan.base - (ROWS - RARE), :K])


def test_with_categories_the_votes_are_the_same_but_for_ties():
    X, levels = numbers(4), categories()
    table = mixed_table(X, levels)
    plan = planned(smote_points(table, CODES))
    mine = np.stack([column.values for column in interpolate(table, plan).columns[4:]], 1)
    made, voted, sampler = theirs_mixed(X, levels)
    near = sampler.nn_k_.kneighbors(return_distance=False)[:, :K]
    only, base, _, _ = one_way(made, X[CODES == 1], near)
    assert len(only) > 100
    counts = np.stack([(levels[CODES == 1][near] == level).sum(1) for level in range(6)], 2)
    best = counts == counts.max(2, keepdims=True)
    clear = best.sum(2) == 1
    winner = best.argmax(2)
    for rows, votes in ((base, voted[only]), (plan.base - (ROWS - RARE), mine)):
        assert best[rows[:, None], np.arange(2), votes].all()
        np.testing.assert_array_equal(votes[clear[rows]], winner[rows][clear[rows]])
    assert 0.3 < clear.mean() < 1
