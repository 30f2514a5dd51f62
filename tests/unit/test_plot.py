"""Two curves as text."""

import numpy as np
import pytest

from goodfit.commands import plot as module
from goodfit.commands.plot import plot

AT = np.arange(1.0, 51.0)
CURVE = 1 + np.exp(-AT / 5)


@pytest.mark.parametrize("last", [2.0, 50.0, 1e7])
def test_it_fits_80_columns_and_marks_the_turn(last):
    at = np.linspace(0, last, 50)
    lines = plot(at, CURVE / 2, CURVE, at[20], "epoch")
    assert max(map(len, lines)) <= 80
    assert all(line[11 + round(20 / 49 * 65)] in "┊●·" for line in lines[:12])
    assert "● validation loss   · training loss   ┊ turn" in lines[-1]


def test_a_falling_curve_falls():
    lines = plot(AT, None, CURVE, None, "step")
    rows = [next(i for i in range(12) if len(lines[i]) > 11 + c and lines[i][11 + c] == "●") for c in (0, 5, 20, 65)]
    assert rows == sorted(rows)
    assert (rows[0], rows[-1]) == (0, 11)
    assert "training" not in lines[-1]


@pytest.mark.parametrize("curve", [np.full(50, 3.0), np.where(AT == 10, np.nan, CURVE), np.where(AT == 1, 1e9, CURVE)])
def test_odd_curves_are_drawn(curve):
    lines = plot(AT, None, curve, None, "epoch")
    assert sum(line.count("●") for line in lines[:12]) >= 45


def test_letters_that_every_locale_has(monkeypatch):
    monkeypatch.setattr(module, "_writable", lambda _: False)
    assert all(line.isascii() for line in plot(AT, CURVE, CURVE, 5.0, "epoch"))
