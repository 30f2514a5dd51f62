"""What is learned from training rows, and that nothing else is."""

import datetime
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from goodfit.data.encoder import Encoder, fit_encoder
from goodfit.data.schema import MAX_LEVELS, Schema
from goodfit.data.table import LARGEST, Table, to_table

cells = st.one_of(st.floats(-LARGEST, LARGEST), st.sampled_from([0.0, 1.0, np.nan]))
matrices = st.integers(2, 12).flatmap(lambda n: arrays(np.float64, (n, 3), elements=cells))


def encoded(table: Table, rows=None, weights=None, *, standardize=True) -> np.ndarray:
    encoder = fit_encoder(table, Schema.of(table), rows, weights, standardize=standardize)
    return encoder.transform(table, np.float64)


def with_anchor(X: np.ndarray) -> np.ndarray:
    """X and a column that is always of use."""
    return np.c_[X, np.arange(len(X))]


def mixed(n: int = 60) -> Table:
    rng = np.random.default_rng(3)
    start = datetime.datetime(2020, 1, 1)
    return to_table(
        pl.DataFrame(
            {
                "x": np.where(rng.random(n) < 0.2, np.nan, rng.standard_cauchy(n)),
                "b": rng.random(n) < 0.3,
                "c": [None if u < 0.1 else "abcdefgh"[int(8 * u**2)] for u in rng.random(n)],
                "many": [f"{int(v)}" for v in rng.integers(0, 50, n) * rng.integers(0, 40, n)],
                "d": [start + datetime.timedelta(hours=float(h)) for h in rng.uniform(0, 50_000, n)],
            }
        )
    )


def test_weighted_mean_and_population_deviation():
    X, w = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 1.0])
    mean = 9 / 4
    deviation = np.sqrt((1.25**2 + 2 * 0.25**2 + 1.75**2) / 4)
    np.testing.assert_allclose(encoded(to_table(X), weights=w), (X - mean) / deviation, rtol=1e-15)


def test_standardized_data_come_out_unchanged():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 5))
    X = (X - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(encoded(to_table(X)), X, atol=4e-15)


def test_beyond_the_fences_logarithmic_continuous_and_monotone():
    inside = np.linspace(-1, 1, 101)
    q1, q3 = np.percentile([*inside, 1000.0], [25, 75])
    fence = (q3 + 3 * (q3 - q1) - inside.mean()) / inside.std()
    table = to_table(np.array([*inside, 1000.0])[:, None])
    encoder = fit_encoder(table, Schema.of(table))
    z = encoder.transform(table, np.float64)[:, 0]
    np.testing.assert_allclose(z[:-1], inside / inside.std(), atol=1e-14)
    assert z[-1] == pytest.approx(fence + np.log1p(1000 / inside.std() - fence), rel=1e-14)
    line = np.linspace(-20, 20, 4001)
    there = encoder.transform(to_table(line[:, None]), np.float64)[:, 0]
    slopes = np.diff(there) / np.diff(line) * inside.std()
    assert (slopes > 0).all()
    assert slopes.max() == pytest.approx(1, abs=1e-9)


def test_the_smallest_numbers_there_are_do_not_upset_it():
    x = np.array([5e-324, 0, 0, 0])
    assert not encoded(to_table(np.c_[x, [1, 2, 3, 4]]))[:, 0].any()
    np.testing.assert_allclose(encoded(to_table(np.array([[1e-200], [3e-200]])))[:, 0], [-1, 1], rtol=1e-12)


def test_a_new_value_whose_quotient_overflows_is_finite_and_largest():
    table = to_table(np.array([[1e-200], [3e-200]]))
    encoder = fit_encoder(table, Schema.of(table))
    z = encoder.transform(to_table(np.array([[-LARGEST], [1.0], [LARGEST]])))[:, 0]
    assert np.isfinite(z).all()
    assert z[0] < -700 < 400 < z[1] < 700 < z[2]


def test_no_rows_give_no_rows():
    table = mixed()
    encoder = fit_encoder(table, Schema.of(table))
    assert encoder.transform(table.take(np.arange(0))).shape == (0, len(encoder.schema.input_names))


def test_a_column_mostly_of_one_value_uses_all_values():
    x = np.array([0.0] * 9 + [10.0])
    np.testing.assert_allclose(encoded(to_table(x[:, None]))[:, 0], (x - 1) / 3, rtol=1e-15)


@settings(deadline=None)
@given(matrices)
def test_any_numbers_give_finite_inputs(X):
    for standardize in (True, False):
        assert np.isfinite(encoded(to_table(with_anchor(X)), standardize=standardize)).all()
        table = to_table(with_anchor(X))
        half = fit_encoder(table, Schema.of(table), np.arange(1), standardize=standardize)
        assert np.isfinite(half.transform(table)).all()


@settings(deadline=None)
@given(matrices)
def test_encoding_is_monotone_in_each_column(X):
    table = to_table(with_anchor(X))
    z = encoded(table)
    schema = Schema.of(table)
    for name in schema.names:
        x, out = table.columns[table.names.index(name)].values, z[:, schema.input_names.index(name)]
        order = np.argsort(x)[: np.sum(~np.isnan(x))]
        assert (np.diff(out[order]) >= 0).all()


@settings(deadline=None)
@given(matrices, st.data())
def test_other_rows_have_no_influence(X, data):
    X = with_anchor(np.nan_to_num(X))
    rows = np.array(data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, unique=True)))
    poisoned = X.copy()
    others = np.setdiff1d(np.arange(len(X)), rows)
    poisoned[others] = data.draw(arrays(np.float64, (len(others), 4), elements=st.floats(-1e6, 1e6)))
    schema = Schema.of(to_table(np.random.default_rng(0).standard_normal(X.shape)))
    one, other = (fit_encoder(to_table(Z), schema, rows).to_dict() for Z in (X, poisoned))
    assert one == other


def test_levels_of_other_rows_are_other():
    table = to_table(pl.DataFrame({"t": ["a", "a", "b", "b", None, "rare"]}))
    schema = Schema.of(table)
    encoder = fit_encoder(table, schema, np.array([0, 1]))
    assert schema.input_names == ("t=a", "t=b", "t (other)", "t (missing)")
    new = to_table(pl.DataFrame({"t": ["a", "b", "unseen", None, "rare"]}))
    np.testing.assert_array_equal(
        encoder.transform(new), [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    )


def test_missing_numbers_are_zero_beside_their_indicator():
    z = encoded(to_table(np.array([[1.0], [np.nan], [3.0]])))
    np.testing.assert_allclose(z, [[-1, 0], [0, 1], [1, 0]], atol=1e-15)
    z = encoded(to_table(np.array([[1.0], [np.nan], [2.0], [9.0]])), standardize=False)
    np.testing.assert_array_equal(z, [[1, 0], [4, 1], [2, 0], [9, 0]])


def test_a_column_constant_in_the_training_rows_is_zero():
    table = to_table(np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0], [7.0, 4.0]]))
    z = fit_encoder(table, Schema.of(table), np.arange(3)).transform(table)
    np.testing.assert_array_equal(z[:, 0], 0)


def test_frequency_is_the_standardized_log_of_the_training_rows():
    texts = [f"{i}" for i in range(MAX_LEVELS + 1)] + ["0"] * 6 + ["1"] * 2
    table = to_table(pl.DataFrame({"t": texts}))
    schema = Schema.of(table)
    encoder = fit_encoder(table, schema)
    assert encoder.frequent == {"t": {"0": 7, "1": 3}}
    place = schema.input_names.index("t (frequency)")
    z = encoder.transform(to_table(pl.DataFrame({"t": ["0", "1", "2", "unseen"]})), np.float64)[:, place]
    logs = np.log([7.0] * 7 + [3.0] * 3 + [1.0] * (MAX_LEVELS - 1))
    expected = (np.log([7.0, 3.0, 1.0, 1.0]) - logs.mean()) / logs.std()
    np.testing.assert_allclose(z, expected, rtol=1e-12)


def test_dates_by_the_calendar():
    days = [datetime.datetime(2023, 1, 1), datetime.datetime(2024, 7, 1, 18), None, datetime.datetime(1969, 12, 31)]
    table = to_table(pl.DataFrame({"d": days}))
    z = encoded(table)
    present = np.array([d.replace(tzinfo=datetime.UTC).timestamp() for d in days if d])
    np.testing.assert_allclose(z[[0, 1, 3], 0], (present - present.mean()) / present.std(), rtol=1e-9)
    year = 2 * np.pi * np.array([0, 182, 364]) / 365.25
    week = 2 * np.pi * np.array([6, 0, 2]) / 7  # Sunday, Monday, Wednesday
    hour = 2 * np.pi * np.array([0, 18, 0]) / 24
    for at, angle in ((1, year), (3, week), (5, hour)):
        np.testing.assert_allclose(z[[0, 1, 3], at : at + 2], np.c_[np.sin(angle), np.cos(angle)], atol=1e-12)
    np.testing.assert_array_equal(z[2], [0] * 7 + [1])


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pieces", [0, 6])
def test_round_trip_by_json_bit_for_bit(standardize, dtype, pieces):
    table = mixed()
    encoder = fit_encoder(table, Schema.of(table, pieces), np.arange(0, 60, 2), standardize=standardize)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert again.schema == encoder.schema
    one, other = encoder.transform(table, dtype), again.transform(table, dtype)
    assert one.dtype == dtype
    assert one.shape == (60, len(encoder.schema.input_names))
    assert one.tobytes() == other.tobytes()


def test_a_row_is_encoded_alike_alone_and_in_company():
    table = mixed()
    encoder = fit_encoder(table, Schema.of(table, 4))
    together = encoder.transform(table)
    for row in (0, 17, 59):
        assert encoder.transform(table.take(np.array([row]))).tobytes() == together[row : row + 1].tobytes()


def test_ten_thousand_columns_equal_one_by_one():
    X = np.random.default_rng(0).standard_normal((500, 10_000))
    X[0] = 50
    z = encoded(to_table(X))
    assert z.shape == X.shape
    for j in (0, 7_999, 8_000, 9_999):  # on both sides of a block's edge
        np.testing.assert_array_equal(z[:, [j]], encoded(to_table(X[:, [j]])))


def test_integer_weights_count_rows_within_the_fences():
    x = np.array([[1.0], [2.0], [5.0], [6.0]])
    repeated = to_table(np.repeat(x, [2, 1, 1, 2], axis=0))
    table = to_table(x)
    weighted = fit_encoder(table, Schema.of(table), weights=np.array([2.0, 1.0, 1.0, 2.0])).measures
    plain = fit_encoder(repeated, Schema.of(repeated)).measures
    np.testing.assert_allclose(weighted.center, plain.center)
    np.testing.assert_allclose(weighted.scale, plain.scale)


def test_cut_numbers_end_at_three_deviations_and_all_else_is_as_it_was():
    """A date beyond is no number: a trend in time goes on."""
    X = to_table(
        pl.DataFrame(
            {
                "x": [*np.linspace(-1.0, 1.0, 59), 40.0],
                "b": [True] + [False] * 59,
                "d": [datetime.datetime(2020, 1, 1 + i % 28) for i in range(59)] + [datetime.datetime(2060, 1, 1)],
            }
        )
    )
    plain, cut = (fit_encoder(X, Schema.of(X, cut=cut)).transform(X, np.float64) for cut in (False, True))
    assert plain[:, 0].max() > 3.5
    np.testing.assert_array_equal(cut[:, 0], np.clip(plain[:, 0], -3, 3))
    np.testing.assert_array_equal(cut[:, 1:], plain[:, 1:])
    assert max(plain[:, 1].max(), plain[:, 2].max()) > 3


def test_numbers_in_their_own_unit_are_not_cut():
    X = to_table([[0.0], [5.0], [900.0]])
    encoder = fit_encoder(X, Schema.of(X, cut=True), standardize=False)
    assert encoder.transform(X).ravel().tolist() == [0.0, 5.0, 900.0]
    assert Encoder.from_dict(json.loads(json.dumps(encoder.to_dict()))).schema.fields[0].cut
