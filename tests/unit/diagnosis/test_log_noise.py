"""A curve's turn against its own noise: few false alarms, turns found, intervals that hold the truth.

`benchmarks/truth_logs.py` is the long form.
"""

import numpy as np
import pytest
from log_curves import decay, drawn, turned

from goodfit.diagnosis.log.noise import LEAST_POINTS, fall_at_the_end, lowest_of, noise_of, rise_of, window_means

CURVES = 150


def alarms(curves: np.ndarray) -> float:
    return float(np.mean([rise_of(curve, noise_of(curve)).low > 0 for curve in curves]))


@pytest.mark.parametrize("points", [10, 30, 100, 300])
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_healthy_curves_raise_few_alarms(points, rho):
    """At most 5 % of the curves; the limit is 3 deviations of chance above that."""
    noise = drawn(np.random.default_rng(0), CURVES, points, rho)
    limit = 0.05 + 3 * np.sqrt(0.05 * 0.95 / CURVES)
    assert alarms(decay(points) + noise) <= limit
    assert alarms(noise) <= limit


@pytest.mark.parametrize("trend", ["power", "stairs", "slow", "bathtub"])
def test_healthy_curves_of_other_kinds_raise_few_alarms(trend):
    at = np.arange(80)
    truth = {
        "power": 30 / np.sqrt(at + 1),
        "stairs": np.where(at < 30, 20 * np.exp(-at / 5) + 8, np.where(at < 60, 3.0, 0.0)),
        "slow": -0.1 * at,
        "bathtub": 100.0 * np.exp(-at / 2),
    }[trend]
    assert alarms(truth + drawn(np.random.default_rng(1), CURVES, 80, 0.3)) <= 0.05


@pytest.mark.parametrize(
    ("points", "rho", "rise", "least"), [(20, 0.0, 30, 0.9), (50, 0.3, 12, 0.85), (300, 0.6, 6, 0.9)]
)
def test_turns_are_found_where_they_are(points, rho, rise, least):
    curves = turned(points, rise) + drawn(np.random.default_rng(2), CURVES, points, rho)
    assert alarms(curves) > least
    places = [lowest_of(curve, noise_of(curve).window) for curve in curves]
    assert abs(np.median(places) - 0.4 * points) <= 0.1 * points


@pytest.mark.parametrize("points", [20, 100])
@pytest.mark.parametrize("rise", [0.0, 6.0, 30.0])
def test_intervals_hold_the_true_rise(points, rise):
    truth = turned(points, rise)
    held = []
    for curve in truth + drawn(np.random.default_rng(3), CURVES, points, 0.3):
        noise = noise_of(curve)
        means = window_means(truth, noise.window)
        found = rise_of(curve, noise)
        held.append(found.low <= means[-1] - means.min() <= found.high)
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / CURVES)


def test_a_smooth_turn_of_ten_epochs_is_beyond_noise():
    curve = np.array([0.68, 0.55, 0.48, 0.45, 0.44, 0.46, 0.50, 0.55, 0.61, 0.68])
    rise = rise_of(curve, noise_of(curve))
    assert 0 < rise.low < rise.value == pytest.approx(0.2, abs=0.01)
    assert lowest_of(curve, 2) == 4


def test_a_constant_curve_neither_rises_nor_falls():
    curve = np.full(LEAST_POINTS, 0.7)
    noise = noise_of(curve)
    assert rise_of(curve, noise).low <= 0 <= rise_of(curve, noise).high
    assert fall_at_the_end(curve, noise).low <= 0


def test_the_unit_of_the_loss_plays_no_part():
    curve = turned(60, 10.0) + drawn(np.random.default_rng(4), 1, 60, 0.3)[0]
    one, other = (rise_of(scale * curve, noise_of(scale * curve)) for scale in (1.0, 1e-6))
    assert other.low == pytest.approx(1e-6 * one.low)
    assert other.high == pytest.approx(1e-6 * one.high)


def test_a_fall_at_the_end_is_told_from_rest():
    rng = np.random.default_rng(5)
    resting = [fall_at_the_end(c, noise_of(c)).low > 0 for c in decay(100) + drawn(rng, CURVES, 100, 0.3)]
    falling = [fall_at_the_end(c, noise_of(c)).low > 0 for c in -0.3 * np.arange(100) + drawn(rng, CURVES, 100, 0.3)]
    assert np.mean(resting) <= 0.05
    assert np.mean(falling) > 0.9
