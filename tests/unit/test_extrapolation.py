"""Power laws through learning curves: known ones are found, and intervals hold the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit import InputError
from goodfit.extrapolation import extrapolate, fit_power_law

ROWS = np.array([125, 250, 500, 750, 1000])


def curve(rows, floor, gap, rate):
    """A power law with the loss floor + gap at the last size."""
    return floor + gap * (np.asarray(rows) / rows[-1]) ** -rate


def simulated(random, truth, *, noise=0.01, shift=0.03, samples=10, test_share=0.25):
    """Losses (S, P) whose mean has the variance s² (1 / S + test_share) that folds which share rows have."""
    rho = test_share / (1 + test_share)
    spread = noise * (ROWS / ROWS[-1]) ** -0.5

    def errors(count):
        return random.normal(size=(count, len(ROWS))) * spread + random.normal(size=(count, 1)) * shift

    return truth + np.sqrt(rho) * errors(1) + np.sqrt(1 - rho) * errors(samples)


@settings(deadline=None, max_examples=60)
@given(floor=st.floats(0, 5), gap=st.floats(0.05, 5), rate=st.floats(0.1, 1.9), unit=st.floats(1e-3, 1e5))
def test_a_law_without_noise_is_found_whatever_the_unit(floor, gap, rate, unit):
    law = fit_power_law(ROWS, unit * curve(ROWS, floor, gap, rate))
    assert law.at(2000) == pytest.approx(unit * (floor + gap * 2**-rate), rel=1e-3)
    assert law.gain(1000) == pytest.approx(unit * gap * (1 - 2**-rate), rel=1e-2)
    assert law.rate == pytest.approx(rate, abs=0.01)


def test_a_floor_is_never_negative_and_a_rise_is_no_law():
    straight = fit_power_law(ROWS, np.log(2e3 / ROWS))
    assert straight.floor >= 0
    rising = fit_power_law(ROWS, curve(ROWS, 0.3, 0.1, -0.5))
    assert rising.gain(1000) == pytest.approx(0, abs=1e-9)


def test_noisy_points_count_for_less():
    losses = curve(ROWS, 0.3, 0.1, 0.5)
    losses[0] += 1.0
    trusting = fit_power_law(ROWS, losses)
    wary = fit_power_law(ROWS, losses, np.diag([1e4, 1, 1, 1, 1]))
    assert abs(wary.rate - 0.5) < 0.05 < abs(trusting.rate - 0.5)


@pytest.mark.parametrize(
    ("gap", "rate", "samples"),
    [
        (0.1, 0.5, 10),
        pytest.param(0.1, 1.0, 10, marks=pytest.mark.slow),
        pytest.param(0.1, 0.5, 5, marks=pytest.mark.slow),
        (0.0, 0.5, 10),
    ],
    ids=str,
)
def test_intervals_hold_the_truth_as_often_as_they_say(gap, rate, samples):
    random, truth = np.random.default_rng(1), curve(ROWS, 0.3, gap, rate)
    gain, runs = gap * (1 - 2**-rate), 400
    held = np.zeros(2)
    reliable = 0
    for _ in range(runs):
        found = extrapolate(ROWS, simulated(random, truth, samples=samples), test_share=0.25)
        held += [
            found.gain.low <= gain <= found.gain.high,
            found.loss.low <= 0.3 + gap - gain <= found.loss.high,
        ]
        reliable += found.reliable
    assert (held / runs >= 0.915).all()
    assert (held / runs <= 0.99).all()
    assert reliable / runs > 0.9


def test_without_the_correction_for_shared_rows_intervals_are_too_narrow():
    random, truth = np.random.default_rng(2), curve(ROWS, 0.3, 0.1, 1.0)
    gain = 0.05
    found = [extrapolate(ROWS, simulated(random, truth)) for _ in range(200)]
    assert np.mean([one.gain.low <= gain <= one.gain.high for one in found]) < 0.85


@pytest.mark.parametrize("level", [0.3, 1e4, 1e-6])
def test_a_flat_curve_gains_nothing_that_can_be_told(level):
    random = np.random.default_rng(3)
    found = extrapolate(ROWS, level * simulated(random, np.ones(5)), test_share=0.25)
    assert found.gain.low == 0 <= found.gain.value <= found.gain.high
    assert found.gain.high < 0.1 * level
    assert found.loss.low < level < found.loss.high


def test_a_rising_curve_gains_nothing_and_is_not_relied_on():
    losses = simulated(np.random.default_rng(4), curve(ROWS, 0.3, 0.1, -0.7))
    found = extrapolate(ROWS, losses)
    assert (found.gain.low, found.gain.value) == (0, pytest.approx(0, abs=1e-9))
    assert not found.reliable


def test_losses_without_noise_have_intervals_of_no_width():
    found = extrapolate(ROWS, np.tile(curve(ROWS, 0.3, 0.1, 0.5), (5, 1)))
    assert found.gain.high - found.gain.low < 1e-4
    assert found.reliable
    assert extrapolate(ROWS, np.zeros((5, 5))).gain.high < 1e-6


def test_what_is_not_finite_is_left_out_and_said():
    losses = simulated(np.random.default_rng(5), curve(ROWS, 0.3, 0.1, 0.5))
    losses[3, 0] = np.nan
    found = extrapolate(ROWS, losses)
    assert np.isfinite([found.rate, found.gain.low, found.loss.high]).all()
    assert not found.reliable
    losses[3, -1] = np.inf
    gone = extrapolate(ROWS, losses)
    assert np.isnan([gone.rate, gone.gain.value, gone.gain.low, gone.loss.high]).all()
    assert not gone.reliable


def test_one_sample_has_no_interval_and_few_sizes_are_not_relied_on():
    losses = simulated(np.random.default_rng(6), curve(ROWS, 0.3, 0.1, 0.5))
    alone = extrapolate(ROWS, losses[:1])
    assert np.isfinite(alone.gain.value)
    assert np.isnan([alone.gain.low, alone.loss.high]).all()
    assert not alone.reliable
    assert not extrapolate(ROWS[-3:], losses[:, -3:]).reliable
    assert set(alone.to_dict()) == {"floor", "scale", "rate", "factor", "loss", "gain", "reliable"}


def test_a_larger_factor_gains_more_and_is_less_sure():
    losses = simulated(np.random.default_rng(7), curve(ROWS, 0.3, 0.1, 0.5))
    twice, tenfold = (extrapolate(ROWS, losses, factor=factor, test_share=0.25) for factor in (2, 10))
    assert tenfold.gain.value > twice.gain.value
    assert tenfold.gain.high - tenfold.gain.low > twice.gain.high - twice.gain.low
    assert tenfold.at(1e4) == pytest.approx(tenfold.loss.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: extrapolate([1, 2], [1.0, 2.0]), r"give \(P,\) and \(S, P\)"),
        (lambda: extrapolate([1, 2, -3], [[1.0, 2.0, 3.0]]), "is no size"),
        (lambda: extrapolate([1, 2, 3], [[1.0, 2.0, 3.0]], factor=1), "factor is 1"),
        (lambda: extrapolate([1, 2, 3], [[1.0, 2.0, 3.0]], test_share=-1), "test_share is -1"),
        (lambda: fit_power_law([1, 2, 2], [1.0, 2.0, 3.0]), "3 or more different sizes"),
        (lambda: fit_power_law([1, 2, 3], [1.0, 2.0, np.nan]), "finite losses"),
        (lambda: fit_power_law([1, 2, 3], [1.0, 2.0, 3.0], np.zeros((3, 3))), "positive definite"),
    ],
)
def test_bad_input_is_one_line(call, said):
    with pytest.raises(InputError, match=said) as error:
        call()
    assert "\n" not in str(error.value)
