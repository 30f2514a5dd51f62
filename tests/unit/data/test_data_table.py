"""Raw input of every sort comes to one table, or is refused with one line that names the place."""

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import eye_array

from goodfit.data.table import Table, to_table
from goodfit.errors import InputError

NOON = datetime.datetime(2024, 5, 1, 12)
SECONDS = NOON.replace(tzinfo=datetime.UTC).timestamp()


def mixed() -> dict[str, list[object]]:
    return {
        "size": [1.5, None, -2.0],
        "rooms": [3, 2, None],
        "new": [True, None, False],
        "town": ["b", "a", None],
        "sold": [NOON, None, NOON],
    }


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table, lambda d: pl.DataFrame(d).lazy()])
def test_every_data_frame_gives_the_same_table(library):
    table = to_table(library(mixed()))
    assert table.names == ("size", "rooms", "new", "town", "sold")
    assert [c.kind for c in table.columns] == ["number", "number", "boolean", "category", "date"]
    size, rooms, new, town, sold = (c.values for c in table.columns)
    np.testing.assert_array_equal(size, [1.5, np.nan, -2])
    np.testing.assert_array_equal(rooms, [3, 2, np.nan])
    np.testing.assert_array_equal(new, [1, np.nan, 0])
    np.testing.assert_array_equal(sold, [SECONDS, np.nan, SECONDS])
    assert table.columns[3].levels == ("a", "b")
    assert town.dtype == np.int32
    np.testing.assert_array_equal(town, [1, 0, -1])


def test_a_list_of_rows_is_read_like_a_frame():
    rows = [list(row) for row in zip(*mixed().values(), strict=True)]
    one, other = to_table(rows, names=list(mixed())), to_table(pl.DataFrame(mixed()))
    for left, right in zip(one.columns, other.columns, strict=True):
        assert (left.name, left.kind, left.levels) == (right.name, right.kind, right.levels)
        np.testing.assert_array_equal(left.values, right.values)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8, np.uint16, bool])
def test_number_arrays_give_numbered_number_columns(dtype):
    table = to_table(np.array([[0, 1], [1, 1]], dtype=dtype))
    assert table.names == ("x0", "x1")
    assert all(c.kind == "number" and c.values.dtype == np.float64 for c in table.columns)
    np.testing.assert_array_equal(table.columns[0].values, [0, 1])


def test_a_table_does_not_share_the_array_it_was_given():
    X = np.zeros((2, 1))
    table = to_table(X)
    X[:] = 5
    assert not table.columns[0].values.any()


def test_object_arrays_column_by_column():
    X = np.array(
        [[1, "a", None, True, 2], [np.nan, "b", None, False, "x"], [decimal.Decimal("0.5"), None, None, None, None]],
        dtype=object,
    )
    number, text, empty, boolean, both = to_table(X).columns
    assert [c.kind for c in (number, text, empty, boolean, both)] == [
        "number",
        "category",
        "number",
        "boolean",
        "category",
    ]
    np.testing.assert_array_equal(number.values, [1, np.nan, 0.5])
    assert np.isnan(empty.values).all()
    assert text.missing.tolist() == [False, False, True]
    assert both.levels == ("2", "x")


def test_pandas_own_types():
    frame = pd.DataFrame(
        {
            "code": pd.Categorical([3, 10, 3]),
            "int": pd.array([1, None, 3], dtype="Int64"),
            "bool": pd.array([True, None, False], dtype="boolean"),
            "zone": pd.to_datetime(["2024-05-01 14:00"] * 3).tz_localize("Europe/Berlin"),
            "day": [datetime.date(2024, 5, 1)] * 3,
            "mixed": [1, "a", pd.NA],
            7: [1.0, 2.0, 3.0],
        }
    )
    code, integer, boolean, zone, day, both, seven = to_table(frame).columns
    assert (code.kind, code.levels) == ("category", ("10", "3"))
    np.testing.assert_array_equal(integer.values, [1, np.nan, 3])
    assert boolean.kind == "boolean"
    assert zone.values[0] == SECONDS
    assert (day.kind, day.values[0]) == ("date", SECONDS - 12 * 3600)
    assert both.levels == ("1", "a")
    assert seven.name == "7"


def test_text_that_looks_like_a_date_stays_a_category():
    assert to_table(pl.DataFrame({"day": ["2024-05-01", "2024-05-02"]})).columns[0].kind == "category"


def test_enums_masked_arrays_and_durations():
    frame = pl.DataFrame({"e": pl.Series(["u", None], dtype=pl.Enum(["z", "u"]))})
    assert to_table(frame).columns[0].levels == ("u",)
    np.testing.assert_array_equal(to_table(np.ma.array([[1, 2]], mask=[[0, 1]])).columns[1].values, [np.nan])
    assert to_table(pl.DataFrame({"d": [datetime.timedelta(hours=1)]})).columns[0].values == 3600


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"))), min_size=1, max_size=20))
def test_categories_decode_to_what_was_given(texts):
    column = to_table(pl.DataFrame({"t": pl.Series(texts, dtype=pl.String)})).columns[0]
    assert [None if code < 0 else column.levels[code] for code in column.values] == texts
    assert list(column.levels) == sorted(set(texts) - {None})


def test_take_and_drop():
    table = to_table(pl.DataFrame(mixed()))
    taken = table.drop("rooms").take(np.array([2, 2, 0]))
    assert taken.rows == 3
    assert taken.names == ("size", "new", "town", "sold")
    np.testing.assert_array_equal(taken.columns[0].values, [-2, -2, 1.5])
    np.testing.assert_array_equal(taken.columns[2].values, [-1, -1, 1])
    with pytest.raises(InputError, match="'absent'"):
        table.drop("absent")


def test_ten_thousand_columns():
    table = to_table(np.arange(20_000.0).reshape(2, 10_000))
    assert isinstance(table, Table)
    assert table.take(np.array([1])).columns[-1].values == [19_999]


INFINITE = np.array([[1.0, 2.0], [1.0, np.inf], [1.0, -np.inf]])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (INFINITE, ["'x1'", "2 infinite", "row 2"]),
        (pl.DataFrame({"a": [1.7e308]}), ["'a'", "1 ", "too large", "row 1"]),
        (pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]), ["'a'", "more than one"]),
        (pa.table([[1], [2]], names=["a", "a"]), ["'a'", "more than one"]),
        (np.empty((0, 3)), ["no rows"]),
        (np.empty((3, 0)), ["no columns", "0 feature(s) (shape=(3, 0)) while a minimum of 1 is required."]),
        (pl.DataFrame({"a": []}), ["no rows"]),
        ([], ["no columns"]),
        (pl.DataFrame({"a": [[1], [2]]}), ["'a'", "List"]),
        (pl.DataFrame({"a": [{"b": 1}]}), ["'a'", "Struct"]),
        (pd.DataFrame({"a": [[1], [2]]}), ["'a'", "list"]),
        (np.array([[{"b": 1}]], dtype=object), ["'x0'", "dict"]),
        (np.array([[10**400]], dtype=object), ["'x0'", "too large"]),
        (np.ones(3), ["Reshape your data"]),
        ([1.0, 2.0], ["row 1", "Reshape your data"]),
        ([[1, 2], [3]], ["row 2", "1 value", "2"]),
        (np.array([[1j]]), ["Complex data not supported"]),
        (pl.DataFrame({"a": [b"x"]}), ["'a'", "Binary"]),
        (None, ["Reshape"]),
    ],
)
def test_what_cannot_be_a_table_is_refused_with_one_line(X, words):
    with pytest.raises(InputError) as error:
        to_table(X)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def test_sparse_matrices_and_wrong_names_are_refused():
    with pytest.raises(InputError, match="sparse"):
        to_table(eye_array(3).tocsr())
    with pytest.raises(InputError, match="1 names were given for 2 columns"):
        to_table(np.ones((2, 2)), names=["a"])
    with pytest.raises(InputError, match="'a'"):
        to_table(np.ones((2, 2)), names=["a", "a"])
