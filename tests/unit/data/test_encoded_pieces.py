"""Pieces of numbers among a table's inputs: learned from training rows only, and beside all else as it was."""

import datetime
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goodfit.data.encoder import Encoder, fit_encoder
from goodfit.data.pieces import piecewise
from goodfit.data.schema import Schema
from goodfit.data.table import LARGEST, Table, to_table

cells = st.one_of(st.floats(-LARGEST, LARGEST), st.sampled_from([0.0, 1.0, 5e-324, np.nan]))
matrices = st.integers(2, 12).flatmap(lambda n: arrays(np.float64, (n, 3), elements=cells))


def with_anchor(X: np.ndarray) -> np.ndarray:
    """X and a column that is always of use."""
    return np.c_[X, np.arange(len(X))]


def mixed(n: int = 60) -> Table:
    """Numbers, whole numbers, booleans, text and dates, some with gaps."""
    random = np.random.default_rng(3)
    start = datetime.datetime(2020, 1, 1)
    return to_table(
        pl.DataFrame(
            {
                "x": np.where(random.random(n) < 0.2, np.nan, random.standard_cauchy(n)),
                "whole": random.poisson(1.5, n),
                "b": random.random(n) < 0.3,
                "c": [None if u < 0.1 else "abcdefgh"[int(8 * u**2)] for u in random.random(n)],
                "d": [start + datetime.timedelta(hours=float(h)) for h in random.uniform(0, 50_000, n)],
            }
        )
    )


def pieces_of(schema: Schema) -> np.ndarray:
    """Which inputs are pieces."""
    own = {f"{f.name}[{place + 1}]" for f in schema.fields for place in range(f.pieces)}
    return np.array([name in own for name in schema.input_names])


def saved_pieces(encoder: Encoder) -> dict[str, object]:
    return encoder.to_dict()["pieces"]


def named(encoder: Encoder, table: Table) -> dict[str, np.ndarray]:
    """Each input by its name."""
    return dict(zip(encoder.schema.input_names, encoder.transform(table, np.float64).T, strict=True))


def gaps(n: int = 40, seed: int = 0) -> np.ndarray:
    """Numbers with gaps, whole numbers that are often equal, and two values."""
    random = np.random.default_rng(seed)
    smooth = np.where(random.random(n) < 0.2, np.nan, random.standard_cauchy(n))
    return np.c_[smooth, random.poisson(1.5, n), random.integers(0, 2, n)]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_beside_the_pieces_all_inputs_are_as_without_them(standardize, dtype):
    table, rows = mixed(), np.arange(0, 60, 2)
    plain, schema = Schema.of(table), Schema.of(table, 5)
    without, with_them = (fit_encoder(table, s, rows, standardize=standardize) for s in (plain, schema))
    assert without.pieces == {}
    beside = ~pieces_of(schema)
    assert tuple(np.array(schema.input_names)[beside]) == plain.input_names
    found = with_them.transform(table, dtype)
    assert found[:, beside].tobytes() == without.transform(table, dtype).tobytes()
    assert found[:, ~beside].any(0).all()


@pytest.mark.parametrize("standardize", [True, False])
def test_pieces_are_components_less_their_weighted_training_means(standardize):
    X, rows = gaps(), np.arange(3, 40)
    weights = np.random.default_rng(1).integers(1, 4, 40).astype(float)
    table = to_table(X)
    schema = Schema.of(table, 4)
    encoder = fit_encoder(table, schema, rows, weights, standardize=standardize)
    out = encoder.transform(table, np.float64)
    assert schema.starts == (0, 6, 11, 12)
    assert set(encoder.pieces) == {"x0", "x1"}
    for column, start in ((0, 1), (1, 7)):
        present = ~np.isnan(X[:, column])
        train = rows[present[rows]]
        edges = np.unique(np.quantile(X[train, column], np.linspace(0, 1, 5)))
        components = piecewise(X[:, column], edges)
        expected = components - np.average(components[train], axis=0, weights=weights[train])
        own = out[:, start : start + len(edges) - 1]
        np.testing.assert_allclose(own[present], expected[present], rtol=0, atol=1e-13)
        assert not own[~present].any()
        assert not out[:, start + len(edges) - 1 : start + 4].any()
    np.testing.assert_array_equal(out[:, 5], np.isnan(X[:, 0]))


def test_pieces_that_the_training_rows_do_not_use_are_zero():
    table = to_table(np.array([[1.0], [1.0], [2.0], [3.0], [4.0], [5.0], [np.nan]]))
    schema = Schema.of(table, 32)
    assert schema.input_names == ("x0", "x0[1]", "x0[2]", "x0[3]", "x0[4]", "x0 (missing)")
    for rows, used in (([0, 1], 0), ([0, 2], 0), ([6], 0), ([0, 2, 3], 2), ([0, 1, 2, 3, 5], 3), (range(7), 4)):
        encoder = fit_encoder(table, schema, np.array(rows))
        out = encoder.transform(table, np.float64)
        assert out.shape == (7, 6)
        assert out[:6, 1 : 1 + used].any(0).all()
        assert not out[:, 1 + used : 5].any()
        np.testing.assert_array_equal(out[:, 5], [0] * 6 + [1])


few = st.one_of(st.integers(0, 4).map(float), cells)


@settings(deadline=None)
@given(
    arrays(np.float64, (12, 3), elements=few),
    arrays(np.float64, (12, 3), elements=few),
    st.integers(1, 11),
    st.sampled_from([2, 3, 32]),
)
def test_rows_that_are_not_learned_from_do_not_move_a_piece(X, planted, split, pieces):
    """Nor do they by the columns' structure: more distinct values make room, and what is learned stays."""
    rows, use = np.arange(split), [[0.0] * 3, [1.0] * 3]  # the last two rows make every column one to be used
    clean, bad = (to_table(np.r_[X[:split], others[split:], use]) for others in (X, planted))
    ways = ((clean, clean), (bad, clean), (bad, bad))
    one, other, own = (fit_encoder(table, Schema.of(seen, pieces), rows) for table, seen in ways)
    assert one.to_dict() == other.to_dict()
    assert saved_pieces(one) == saved_pieces(own)
    mine, theirs = (named(encoder, clean.take(rows)) for encoder in (one, own))
    for name in mine.keys() & theirs.keys():
        np.testing.assert_array_equal(mine[name], theirs[name])
    for name in mine.keys() ^ theirs.keys():
        assert not mine.get(name, theirs.get(name)).any()


@settings(deadline=None)
@given(matrices)
def test_any_numbers_give_finite_pieces(X):
    table = to_table(with_anchor(X))
    schema = Schema.of(table, 8)
    for standardize in (True, False):
        own = fit_encoder(table, schema, standardize=standardize).transform(table)[:, pieces_of(schema)]
        assert own.dtype == np.float32
        assert (np.abs(own) <= 1).all()


def test_an_encoder_written_before_there_were_pieces_has_none():
    table = mixed()
    encoder = fit_encoder(table, Schema.of(table))
    state = json.loads(json.dumps(encoder.to_dict()))
    del state["pieces"]
    for field in state["schema"]["fields"]:
        del field["pieces"]
    again = Encoder.from_dict(state)
    assert again.pieces == {}
    assert again.schema == encoder.schema
    assert again.transform(table).tobytes() == encoder.transform(table).tobytes()
