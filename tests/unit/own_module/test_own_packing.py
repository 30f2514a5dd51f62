"""A training's state as a file without code in it."""

import math

import pytest
import torch

from goodfit.errors import InputError
from goodfit.torch.packing import read_state, write_state


def test_what_is_written_is_read(tmp_path):
    half = torch.arange(3, dtype=torch.bfloat16)
    state = {
        "step": 3,
        "state": {
            "recipe": "l1=0.1",
            "losses": [1.5, math.inf],
            "best": {"a.weight": torch.randn(2, 3).t(), "b": half},
        },
        "none": None,
        "nothing": {},
    }
    write_state(state, str(tmp_path / "x"))
    read = read_state(str(tmp_path / "x"))
    best, expected = read["state"].pop("best"), state["state"].pop("best")
    assert read == state
    assert best.keys() == expected.keys()
    assert all(torch.equal(best[name], expected[name]) and best[name].dtype == expected[name].dtype for name in best)


@pytest.mark.parametrize("damage", [lambda b: b[:20], lambda b: b"", lambda b: b.replace(b"state", b"stale")])
def test_a_damaged_file_is_told_in_a_line(tmp_path, damage):
    write_state({"a": torch.ones(3)}, str(tmp_path / "x"))
    (tmp_path / "x").write_bytes(damage((tmp_path / "x").read_bytes()))
    with pytest.raises(InputError, match="is damaged or no state of goodfit's"):
        read_state(str(tmp_path / "x"))
