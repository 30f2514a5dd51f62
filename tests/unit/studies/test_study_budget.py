"""Time that a user grants: read if it is a time above 0, else refused in one line."""

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from goodfit.errors import InputError
from goodfit.studies.budget import read_seconds, training_until

UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}
amounts = st.decimals("0.001", 100_000, places=3)
blanks = st.sampled_from(["", " ", "  "])


@given(amounts, st.sampled_from(sorted(UNITS)), blanks, blanks, st.booleans())
def test_a_number_with_a_unit_is_that_many_seconds(amount, unit, before, between, loud):
    text = f"{before}{amount}{between}{unit.upper() if loud else unit} "
    assert read_seconds(text) == pytest.approx(float(amount) * UNITS[unit])


@given(st.floats(1e-4, 1e15) | st.integers(1, 10**12))
def test_a_number_is_seconds(number):
    assert read_seconds(number) == float(number)


def test_no_budget_stays_none():
    assert read_seconds(None) is None


@given(st.floats(1e-3, 1e6), st.floats(0, 1e6), st.floats(0, 100))
def test_training_ends_within_the_budget_and_leaves_a_reserve_where_it_can(budget, started, reserve):
    until = training_until(budget, started, reserve)
    assert started + budget / 3 <= until <= started + budget
    assert until == pytest.approx(started + budget - reserve) or budget - reserve < budget / 3
    assert training_until(budget, started) == pytest.approx(started + 0.9 * budget)
    assert training_until(None, started, reserve) == math.inf


BAD = [
    "",
    " ",
    "0",
    "0s",
    "0.00",
    "-1",
    "-5s",
    ".",
    "1.2.3",
    "5 parsecs",
    "s",
    "nan",
    "inf",
    "1e3",
    "1,5",
    "2 min 3 s",
    "½h",
]


@pytest.mark.parametrize("text", [*BAD, 0, 0.0, -3, float("nan"), float("inf"), True, [], "1\n2"])
def test_what_is_no_time_above_nought_is_refused(text):
    with pytest.raises(InputError, match=r"give a time above 0, such as 30s, 2min or 1h") as caught:
        read_seconds(text)
    assert repr(text) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@given(st.text(max_size=12) | st.from_regex(r"[0-9.\-]{1,6} ?[a-z]{0,3}", fullmatch=True))
def test_any_text_is_a_time_or_an_input_error(text):
    good = re.fullmatch(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(s|sec|m|min|h)?\s*", text.lower())
    assume(not good or float(good[1]) > 0)
    if good:
        assert read_seconds(text) > 0
    else:
        with pytest.raises(InputError):
            read_seconds(text)
