import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.report import wording


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "inf"),
        (True, "yes"),
        (False, "no"),
        (9857, "9,857"),
        (0.04561234, "0.04561"),
        (123456.7, "123,457"),
        (1.5e-7, "1.5e-07"),
        ("<b>", "<b>"),
        ([128, 64.5], "128, 64.5"),
        ({"a": 1, "b": [2, None]}, "a: 1, b: 2, –"),
    ],
)
def test_numbers_are_shown_as_a_reader_expects(value: object, shown: str) -> None:
    assert wording.number(value) == shown


def test_shares_become_percentages_with_their_intervals() -> None:
    assert wording.percent(0.931) == "93.1 %"
    assert wording.percent(math.nan) == wording.percent(None) == "–"
    assert wording.percent(-0.0001) == "0.0 %"
    assert wording.interval(0.9241, 0.94, as_percent=True) == "[92.4, 94.0]"
    assert wording.interval(0.5, math.nan) == wording.interval(None, 1.0) == wording.interval(0.5, 0.5) == ""
    assert wording.signed(-0.021, as_percent=True) == "-2.1"
    assert wording.signed(0.329) == "+0.329"
    assert wording.signed(None) == "–"


@given(st.floats(-1, 1), st.booleans())
def test_a_difference_that_is_said_to_be_one_is_not_shown_as_nought(value: float, as_percent: bool) -> None:
    shown, size = wording.signed(value, as_percent=as_percent), value * (100 if as_percent else 1)
    assert (float(shown) == 0) == (abs(size) < wording.SMALLEST)
    assert float(shown) == pytest.approx(size, abs=0.5 * 10 ** -len(shown.partition(".")[2]) + 1e-12)
    assert shown[0] == ("-" if float(shown) < 0 else "+")


@given(low=st.floats(-1, 1), width=st.floats(0, 1))
def test_a_difference_counts_only_if_its_interval_excludes_zero(low: float, width: float) -> None:
    difference = {"low": low, "high": low + width}
    up, down = (wording.comparison(difference, higher_is_better=higher) for higher in (True, False))
    if low > 0:
        assert (up, down) == ("better", "worse")
    elif low + width < 0:
        assert (up, down) == ("worse", "better")
    else:
        assert (up, down) == ("", "")
    assert wording.comparison(difference, higher_is_better=None) == ""


@pytest.mark.parametrize("difference", [None, {}, {"low": 0.1}, {"low": 0.1, "high": math.nan}])
def test_an_unknown_difference_is_no_difference(difference: dict[str, float] | None) -> None:
    assert wording.comparison(difference) == ""


@given(text=st.text(), length=st.integers(2, 40))
def test_a_shortened_text_fits_and_begins_as_the_text_does(text: str, length: int) -> None:
    short = wording.shorten(text, length)
    assert len(short) <= length
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]) and len(text) > length)


@given(text=st.text(alphabet="<>&;ltgamp b/"))
def test_plotly_text_has_no_markup_and_can_be_read_back(text: str) -> None:
    escaped = wording.plotly_text(text)
    assert "<" not in escaped
    assert ">" not in escaped
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_an_interval_stands_behind_its_number_and_nothing_is_lost() -> None:
    numbers = {"gap": 0.5, "gap, low": 0.25, "gap, high": None, "rise, low": 0.125, "rise since": 1, "p, low": 2}
    shown = {"gap": "0.5 [0.25, –]", "rise, low": "0.125", "rise since": "1", "p, low": "2"}
    assert wording.with_intervals(numbers) == shown
    assert wording.with_intervals({}) == {}
