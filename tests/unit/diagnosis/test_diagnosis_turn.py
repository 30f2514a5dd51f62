"""Where a curve turns: found where it was planted, and seldom found in noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from verdict_evidence import network

from goodfit.diagnosis import Turn, find_turn
from goodfit.statistics import Estimate, mean_interval

EPOCHS = 40
epoch = np.arange(1, EPOCHS + 1)


def turned(at: int, *, runs: int = 5, noise: float = 0.0, seed: int = 0):
    """Curves that fall to an epoch and rise from there, and a training loss that falls on."""
    random = np.random.default_rng(seed)
    curve = 0.3 + 0.01 * np.abs(epoch - at)
    return [
        network(m, train=1 / epoch, validation=curve + random.normal(0, noise, EPOCHS) + random.normal(0, noise))
        for m in range(runs)
    ]


@given(st.integers(1, EPOCHS), st.integers(2, 8), st.integers(0, 5))
def test_a_planted_turn_is_found(at, runs, seed):
    turn = find_turn(turned(at, runs=runs, noise=1e-4, seed=seed))
    assert turn.epoch == at
    assert turn.rise.value == pytest.approx(0.01 * (EPOCHS - at), abs=1e-3)
    assert turn.train_fall == pytest.approx(1 / at - 1 / EPOCHS)
    if at < EPOCHS - 3:
        assert turn.beyond_noise


def test_the_rise_of_each_run_is_from_the_lowest_point_of_the_others():
    curves = np.array([[5.0, 1.0, 3.0, 4.0], [4.0, 2.0, 1.0, 6.0], [6.0, 2.5, 2.0, 3.0]])
    turn = find_turn([network(m, train=[4, 3, 2, 1], validation=curve) for m, curve in enumerate(curves)])
    others = [[10, 4.5, 3, 9], [11, 3.5, 5, 7], [9, 3, 4, 10]]
    places = [int(np.argmin(other)) for other in others]
    assert places == [2, 1, 1]
    expected = mean_interval([4.0 - 3.0, 6.0 - 2.0, 3.0 - 2.5])
    assert (turn.epoch, turn.rise, turn.train_fall) == (2, expected, 2.0)


@pytest.mark.parametrize("noise", ["of its own each epoch", "a random walk"])
def test_flat_curves_seldom_turn_by_more_than_their_noise(noise):
    """Measured from their own lowest points, most of them would."""
    random, fired, naive = np.random.default_rng(0), 0, 0
    for _ in range(400):
        steps = random.normal(0, 0.05, (5, EPOCHS))
        curves = 1 + (steps if noise == "of its own each epoch" else steps.cumsum(1) / 3)
        fired += find_turn([network(m, train=1 / epoch, validation=c) for m, c in enumerate(curves)]).beyond_noise
        naive += mean_interval(curves[:, -1] - curves.min(1)).low > 0
    assert fired <= stats.binom.ppf(0.999, 400, 0.05)
    assert naive > 150


def test_a_rise_of_both_losses_is_no_overfitting():
    rising = [network(m, train=epoch / 10, validation=epoch / 10) for m in range(5)]
    turn = find_turn(rising)
    assert (turn.epoch, turn.rise.low > 0, turn.train_fall < 0, turn.beyond_noise) == (1, True, True, False)


def test_a_curve_that_falls_to_the_end_has_its_turn_there():
    turn = find_turn([network(m, train=1 / epoch, validation=1 / epoch) for m in range(3)])
    assert turn == Turn(EPOCHS, Estimate(0.0, 0.0, 0.0), 0.0)
    assert not turn.beyond_noise


def test_a_single_run_has_a_turn_without_an_interval():
    turn = find_turn(turned(9, runs=1))
    assert turn.epoch == 9
    assert turn.rise.value == pytest.approx(0.31)
    assert np.isnan([turn.rise.low, turn.rise.high]).all()
    assert not turn.beyond_noise


def test_runs_are_compared_over_the_epochs_that_all_of_them_trained():
    long, short = turned(9, runs=2)
    cut = network(1, train=1 / epoch[:20], validation=short.history.validation[:20])
    turn = find_turn([long, cut])
    assert (turn.epoch, turn.train_fall) == (9, pytest.approx(1 / 9 - 1 / 20))
    assert turn.rise.value == pytest.approx(0.11)


def test_runs_that_diverged_are_left_out():
    gone = network(5, train=[1, np.nan], validation=[1, np.nan], outcome="diverged")
    assert find_turn([*turned(9), gone]) == find_turn(turned(9))
    assert find_turn([gone]) is None


def test_there_is_no_turn_without_losses_of_two_epochs():
    assert find_turn([]) is None
    assert find_turn([network(m, train=[1.0], validation=[1.0]) for m in range(3)]) is None
    assert find_turn([network(m, train=[1.0, 0.5], validation=[np.nan, np.nan]) for m in range(3)]) is None
