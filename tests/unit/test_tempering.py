"""Temperature: the least loss there is, found again where it is known, and no more said than the rows can tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from goodfit import InputError
from goodfit.tempering import COLDEST, HOTTEST, temperature, tempered

seeds = st.integers(0, 10_000)


def problem(seed: int, rows: int, classes: int, heat: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and codes that have those at a temperature."""
    random = np.random.default_rng(seed)
    logits = 2 * random.standard_normal((rows, classes))
    return softmax(logits, 1), (logits / heat + random.gumbel(size=logits.shape)).argmax(1)


def loss_at(heat: float, probabilities, target, weights=None) -> float:
    classes = np.arange(probabilities.shape[1])
    return log_loss(target, tempered(probabilities, heat), labels=classes, sample_weight=weights)


# -- temperature ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_temperature_of_the_law_is_found(heat, classes):
    probabilities, target = problem(1, 50_000, classes, heat)
    assert temperature(probabilities, target, weights=None) == pytest.approx(heat, rel=0.05)


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(10, 60), st.integers(2, 4), st.floats(0.3, 3))
def test_no_other_temperature_has_a_lower_loss(seed, rows, classes, heat):
    probabilities, target = problem(seed, rows, classes, heat)
    weights = np.random.default_rng(seed).exponential(size=rows)
    found = temperature(probabilities, target, weights=weights)
    least = loss_at(found, probabilities, target, weights)
    others = [c for c in np.geomspace(COLDEST, HOTTEST, 50) if found != 1 or c >= 1]
    assert least <= min(loss_at(c, probabilities, target, weights) for c in others) + 1e-9


def test_of_two_classes_it_is_the_inverse_slope_of_a_logistic_regression():
    probabilities, target = problem(1, 500, 2, 1.7)
    logits = np.log(probabilities[:, 1:] / probabilities[:, :1])
    twin = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(logits, target)
    assert temperature(probabilities, target, weights=None) == pytest.approx(1 / twin.coef_[0, 0], rel=1e-4)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(10, 40))
def test_a_row_of_weight_three_is_three_rows_and_one_of_weight_nought_none(seed, rows):
    probabilities, target = problem(seed, rows, 3)
    weights = np.random.default_rng(seed).integers(0, 4, rows)
    weights[0] = 1
    repeated = temperature(probabilities.repeat(weights, 0), target.repeat(weights), weights=None)
    assert temperature(probabilities, target, weights=weights) == pytest.approx(repeated, rel=1e-7)


def test_rows_of_one_class_tell_nothing():
    assert temperature([[0.4, 0.6], [0.7, 0.3]], [1, 1], weights=None) == 1
    assert temperature([[0.4, 0.6], [0.7, 0.3], [0.7, 0.3]], [1, 1, 0], weights=[1, 1, 0]) == 1


def test_rows_that_are_all_right_do_not_make_it_cold():
    assert temperature([[0.4, 0.6], [0.7, 0.3]], [1, 0], weights=None) == 1
    assert temperature(np.full((4, 2), 0.5), [0, 0, 1, 0], weights=None) == 1


def test_rows_that_are_worse_than_chance_make_it_as_hot_as_may_be():
    assert temperature([[0.4, 0.6], [0.7, 0.3], [0.2, 0.8]], [0, 1, 0], weights=None) == HOTTEST


def test_rows_that_are_far_too_unsure_make_it_as_cold_as_may_be():
    probabilities = np.array([[0.5001, 0.4999]] * 999 + [[0.5001, 0.4999]])
    assert temperature(probabilities, [0] * 999 + [1], weights=None) == COLDEST


def test_certainty_that_errs_has_a_finite_temperature():
    found = temperature([[1.0, 0.0]] * 9 + [[0.0, 1.0]], [0] * 9 + [0], weights=None)
    assert found == 1  # all of one class
    found = temperature([[1.0, 0.0]] * 9 + [[0.0, 1.0]], [0] * 8 + [1, 1], weights=None)
    assert 1 < found < HOTTEST


@pytest.mark.parametrize(
    ("probabilities", "target", "told"),
    [
        ([[0.5, 0.5]], [0, 1], "give \\(n,\\) and \\(n, C\\)"),
        ([0.5], [0], "give \\(n,\\) and \\(n, C\\)"),
        (np.empty((0, 2)), [], "give \\(n,\\) and \\(n, C\\)"),
        ([[0.5, np.nan], [0.5, 0.5]], [0, 1], "not finite"),
    ],
)
def test_what_it_cannot_read_is_refused(probabilities, target, told):
    with pytest.raises(InputError, match=told):
        temperature(probabilities, target, weights=None)


# -- tempered ---------------------------------------------------------------------------------------------------------


def test_one_is_the_identity_bit_for_bit():
    probabilities = np.random.default_rng(0).random((50, 3))  # not even of sum 1
    probabilities[0] = [0, 1e-300, 1]
    assert tempered(probabilities, 1.0).tobytes() == probabilities.tobytes()


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(2, 6), st.floats(0.05, 20), st.floats(0.05, 20))
def test_rows_have_sum_one_keep_their_order_and_temperatures_multiply(seed, classes, one, other):
    probabilities, _ = problem(seed, 20, classes)
    found = tempered(probabilities, one)
    assert found.sum(1) == pytest.approx(np.ones(20))
    assert (found.argmax(1) == probabilities.argmax(1)).all()
    powers = probabilities ** (1 / one)
    assert found == pytest.approx(powers / powers.sum(1, keepdims=True), abs=1e-12)
    if (found > 1e-10).all():
        assert tempered(found, other) == pytest.approx(tempered(probabilities, one * other), abs=1e-9)


def test_noughts_stay_small_and_finite():
    certain = np.array([[0.0, 1.0], [0.0, 0.0], [1e-320, 1.0]])
    for heat in (0.05, 0.9, 1.1, 20.0):
        found = tempered(certain, heat)
        assert np.isfinite(found).all()
        assert found.sum(1) == pytest.approx(np.ones(3))
    assert tempered(certain, 1.1)[0, 0] < 1e-10


@pytest.mark.parametrize("heat", [0.0, -1.0, np.inf, np.nan])
def test_a_temperature_that_is_none_is_refused(heat):
    with pytest.raises(InputError, match="give a number above 0"):
        tempered([[0.5, 0.5]], heat)
