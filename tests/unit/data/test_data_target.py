"""Targets: classes keep their type, numbers their scale, and what is neither is refused."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.target import (
    TargetScale,
    check_class_sizes,
    fit_target_scale,
    guess_task,
    positive,
    read_classes,
    read_numbers,
)
from goodfit.errors import InputError


@pytest.mark.parametrize(
    ("y", "classes", "kind"),
    [
        (["no", "yes", "no"], ["no", "yes"], "O"),
        (np.array(["b", "a"]), ["a", "b"], "U"),
        (np.array([3, -1, 3], dtype=np.int8), [-1, 3], "i"),
        (np.array([1.0, 2.0]), [1, 2], "f"),
        ([True, False], [False, True], "b"),
        ([5, 7, 5], [5, 7], "i"),
        (np.array([[1], [0]]), [0, 1], "i"),
        (pd.Series(["b", "a"]), ["a", "b"], "O"),
        (pd.Series([2, 1], dtype="category"), [1, 2], "i"),
        (pl.Series(["b", "a"], dtype=pl.Categorical), ["a", "b"], "O"),
        (pl.Series([True, False]), [False, True], "b"),
    ],
)
def test_classes_keep_their_type_and_order(y, classes, kind):
    codes, found = read_classes(y)
    assert found.tolist() == classes
    assert found.dtype.kind == kind
    assert codes.dtype == np.int64
    np.testing.assert_array_equal(found[codes], np.ravel(np.asarray(y)))


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["a", None, "b", None], ["2 missing", "row 2"]),
        (np.array([0.0, 1.0, np.nan]), ["1 missing value ", "row 3", "NaN"]),
        (["a", "a"], ["one class only", "a"]),
        ([0.5, 1.0], ["Unknown label type", "0.5", "regressor"]),
        (["a", 1], ["mixes text", "1"]),
        ([], ["no rows"]),
        (np.ones((2, 2)), ["(2, 2)"]),
        ([datetime.date(2024, 1, 1)] * 2, ["dates"]),
        (np.array([0.0, np.inf]), ["the target has 1 infinite", "row 2"]),
        (None, ["one value a row"]),
    ],
)
def test_bad_classes_are_refused(y, words):
    with pytest.raises(InputError) as error:
        read_classes(y)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1.0, None], ["1 missing value ", "row 2"]),
        ([1.0, -np.inf], ["1 infinite", "row 2"]),
        (["1", "x"], ["text", "'1'", "classifier"]),
        (pl.Series([datetime.date(2024, 1, 1)]), ["dates", "2024-01-01"]),
    ],
)
def test_bad_numbers_are_refused(y, words):
    with pytest.raises(InputError) as error:
        read_numbers(y)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("y", [[1, 2], np.array([1, 2], np.int8), pd.Series([1.0, 2.0]), pl.Series([1, 2]), (1, 2)])
def test_numbers_are_float64(y):
    values = read_numbers(y)
    assert values.dtype == np.float64
    assert values.tolist() == [1, 2]


def test_class_sizes():
    codes, classes = read_classes(["a", "b", "a", "b", "c"])
    with pytest.raises(InputError, match=r"class c of the target has 1 row, but 2 are needed"):
        check_class_sizes(codes, classes)
    check_class_sizes(codes, classes, least=1)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"], "binary"),
        (["a", "b", None], "binary"),
        ([f"{i}" for i in range(100)], "multiclass"),
        ([True, False], "binary"),
        (np.arange(20), "multiclass"),
        (np.arange(21), "regression"),
        (np.arange(4.0), "multiclass"),
        ([0, 1, None], "binary"),
        ([0.5, 1.0], "regression"),
        (pl.Series([datetime.date(2024, 1, 1)]), "regression"),
    ],
)
def test_guess_task(values, task):
    assert guess_task(values) == task


def test_positive_is_the_rarer():
    assert positive(np.array([0, 0, 1])) == 1
    assert positive(np.array([0, 1, 1])) == 0
    assert positive(np.array([0, 1])) == 1


@settings(deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_scale_standardizes_and_comes_back(numbers):
    values = np.array(numbers)
    scale = fit_target_scale(values)
    assert scale.scale > 0
    z = scale.forward(values)
    assert np.isfinite(z).all()
    np.testing.assert_allclose(scale.backward(z), values, rtol=1e-9, atol=1e-9 * np.abs(values).max())
    if np.ptp(values) > 1e-6 * np.abs(values).max():
        assert z.mean() == pytest.approx(0, abs=1e-7)
        assert z.std() == pytest.approx(1)


def test_scale_of_given_rows_and_weights():
    values, weights = np.array([1.0, 4.0, 7.0, 1e9]), np.array([1.0, 2.0, 0.0, 5.0])
    scale = fit_target_scale(values, np.array([0, 1, 2]), weights)
    assert scale.center == pytest.approx(3)
    assert scale.scale == pytest.approx(np.sqrt(2))
    assert fit_target_scale(np.full(3, 0.1)) == TargetScale(0.1, 1.0)
