import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from goodfit.report.bands import carry_forward, loss_bands, mean_band


def test_the_band_is_the_t_interval_of_the_mean() -> None:
    values = np.array([[1.0, 2.0, 4.0, 7.0], [0.5, 0.25, 1.0, 3.0]])
    band = mean_band(values, np.array([1, 2]))
    assert band is not None
    for row in range(2):
        low, high = stats.t.interval(0.95, 3, loc=values[row].mean(), scale=stats.sem(values[row]))
        assert_allclose([band.mean[row], band.low[row], band.high[row]], [values[row].mean(), low, high])


def test_one_network_has_a_mean_and_no_band() -> None:
    band = mean_band(np.array([[1.0], [0.5]]), np.array([1, 2]))
    assert band is not None
    assert band.mean.tolist() == [1.0, 0.5]
    assert np.isnan(band.low).all()
    assert np.isnan(band.high).all()


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 12)), min_size=1, max_size=8))
def test_stopping_bends_no_mean_and_the_line_ends_when_half_have_stopped(members: list[tuple[float, int]]) -> None:
    levels, lasts = (np.array(column) for column in zip(*members, strict=True))
    epochs = np.arange(1, 13)
    values = np.where(epochs[:, None] <= lasts, levels, np.nan)
    band = mean_band(values, epochs)
    assert band is not None
    half = [epoch for epoch in epochs if (lasts >= epoch).sum() >= len(lasts) / 2]
    assert_array_equal(band.epochs, half)
    assert_allclose(band.mean, levels.mean(), rtol=1e-12, atol=1e-12)
    assert_array_equal(band.training, [(lasts >= epoch).sum() for epoch in half])


def test_members_without_any_value_do_not_count() -> None:
    assert mean_band(np.full((3, 2), np.nan), np.arange(3)) is None
    band = mean_band(np.array([[1.0, np.nan, np.inf]]), np.array([1]))
    assert band is not None
    assert band.mean.tolist() == [1.0]


def test_values_are_carried_forward_only() -> None:
    values = np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, 3.0]])
    assert_array_equal(carry_forward(values), [[np.nan, 1.0], [2.0, 1.0], [2.0, 3.0]])


def test_losses_are_read_whatever_the_order_of_the_rows() -> None:
    columns = {
        "recipe": ["a", "b", "a", "a"],
        "member": [1, 0, 0, 1],
        "epoch": [2, 1, 1, 1],
        "train_loss": [1.0, 9.0, 3.0, 5.0],
        "validation_loss": [None, None, 2.0, 4.0],
    }
    train, validation = loss_bands(pl.DataFrame(columns), "a")
    assert train is not None
    assert validation is not None
    assert train.mean.tolist() == [4.0, 2.0]  # the member 0 has stopped with 3
    assert validation.mean.tolist() == [3.0]
    assert loss_bands(pl.DataFrame(columns), "b")[1] is None
