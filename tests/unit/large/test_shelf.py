import gc
import os
from pathlib import Path

import numpy as np
import pytest

from goodfit.data.shelf import Shelf, parts, taken
from goodfit.errors import InputError


def test_an_array_lies_in_a_file_that_ends_with_it(tmp_path):
    values = Shelf(tmp_path).empty((1000, 3), np.float32)
    assert not values.any()
    values[7] = 1.5
    assert values.sum() == 4.5
    assert list(tmp_path.iterdir()) == [], "the file has no name: nothing is left after a crash"
    open_files = len(os.listdir("/proc/self/fd"))
    del values
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= open_files


def test_nothing_has_no_file(tmp_path):
    assert Shelf(tmp_path / "never").empty((0, 3), np.float32).shape == (0, 3)
    assert not (tmp_path / "never").exists()


def test_room_is_taken_at_once():
    """A disk that fills up later would end the process where memory is written."""
    with pytest.raises(InputError, match=r"needs .* GB in /dev/shm: No space left.*--cache"):
        Shelf(Path("/dev/shm")).empty((2**45,), np.float64)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 7, 8])
def test_parts_cover_all_rows_once(rows):
    values = np.arange(rows)
    assert np.array_equal(np.concatenate([values[part] for part in parts(rows, 3)]), values)


def test_rows_are_taken_alike_into_files_and_into_memory(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 2))
    rows = np.array([3, 3, 49, 0])
    assert np.array_equal(taken(values, rows, Shelf(tmp_path)), taken(values, rows, None))
