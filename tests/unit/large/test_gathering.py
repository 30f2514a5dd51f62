import json

import numpy as np
import polars as pl
import pytest

from goodfit.data import gathering
from goodfit.data.batches import Batches
from goodfit.data.gathering import gather
from goodfit.errors import InputError


def source(*frames):
    return Batches("sales", 100, lambda _: iter(frames))


def numbers(*values):
    return pl.DataFrame({"x": list(values), "kind": [f"k{v % 3}" for v in values]})


def never():
    raise AssertionError("read again")


def test_a_table_is_read_once(tmp_path):
    first = gather(source(numbers(1, 2), numbers(3, 4)), "print", tmp_path)
    again = gather(Batches("sales", 1, lambda _: never()), "print", tmp_path)
    assert (first.reused, again.reused) == (False, True)
    assert again.table.columns[0].values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert again.table.columns[1].levels == ("k0", "k1", "k2")
    assert again.types == first.types == {"x": "Int64", "kind": "String"}


def test_files_of_another_table_are_replaced(tmp_path):
    gather(source(numbers(1, 2)), "print", tmp_path)
    found = gather(source(numbers(7, 8, 9)), "another", tmp_path)
    assert not found.reused
    assert found.table.columns[0].values.tolist() == [7.0, 8.0, 9.0]


@pytest.mark.parametrize("harm", ["shorter", "gone", "unfinished", "nonsense", "newer"])
def test_files_that_are_not_whole_are_read_anew(tmp_path, harm):
    gather(source(numbers(1, 2)), "print", tmp_path)
    about = tmp_path / "columns" / "table.json"
    described = json.loads(about.read_text())
    if harm == "shorter":
        (tmp_path / "columns" / "0.f8").write_bytes(b"12345678")
    elif harm == "gone":
        (tmp_path / "columns" / "1.i4").unlink()
    elif harm == "unfinished":
        about.unlink()
    elif harm == "nonsense":
        about.write_text("[1, 2")
    else:
        about.write_text(json.dumps(described | {"format": 99}))
    found = gather(source(numbers(1, 2)), "print", tmp_path)
    assert not found.reused
    assert found.table.columns[0].values.tolist() == [1.0, 2.0]


def test_whole_numbers_and_fractions_are_numbers(tmp_path):
    frames = (pl.DataFrame({"x": [1, None]}), pl.DataFrame({"x": [0.5]}), pl.DataFrame({"x": [2]}))
    found = gather(source(*frames), "print", tmp_path)
    np.testing.assert_array_equal(found.table.columns[0].values, [1.0, np.nan, 0.5, 2.0])
    assert found.types == {"x": "Float64"}


def test_a_source_whose_columns_change_is_refused(tmp_path):
    with pytest.raises(InputError, match="sales changes its columns after 2 rows: 'y'"):
        gather(source(numbers(1, 2), pl.DataFrame({"y": [1]})), "print", tmp_path)


def test_a_source_without_rows_is_refused(tmp_path):
    with pytest.raises(InputError, match="sales has no rows of values"):
        gather(source(), "print", tmp_path)


def test_a_value_is_told_by_its_row(tmp_path):
    frames = (numbers(1, 2), pl.DataFrame({"x": [1.0, float("inf")], "kind": ["a", "b"]}))
    with pytest.raises(InputError, match=r"column 'x' has 1 infinite.*first in row 2.*rows are counted from row 3"):
        gather(source(*frames), "print", tmp_path)


def test_too_many_texts_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_LEVELS", 2)
    with pytest.raises(InputError, match="column 'kind' has more than 2 different texts"):
        gather(source(numbers(1, 2, 3)), "print", tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="larger than memory, and its columns can't be written"):
        gather(source(numbers(1)), "print", tmp_path / "file")
