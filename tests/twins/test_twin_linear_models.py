"""On a linear network L1, L2 and elastic net reach scikit-learn's solutions, with the same exact zeros.

λ multiplies the sum of |w| or w² beside the mean loss, which for regression is the mean squared error, not halved; what
scikit-learn calls by which number is said in the tests. Inputs are correlated, and few of them matter.
"""

from functools import cache

import numpy as np
import pytest
import torch
from scipy.linalg import toeplitz
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

from goodfit.networks import views
from goodfit.regularizers import L1, L2, ElasticNet, Recipe
from goodfit.training import Data, Run, Settings, train

BOTH_ENGINES = True

ROWS, COLUMNS, INFORMATIVE, TOLERANCE = 200, 20, 6, 1e-4
STRENGTHS = (0.12, 0.25, 0.5)
SETTINGS = {
    "sgd": Settings((), "sgd", momentum=0.0, batch_size=ROWS, max_epochs=250),
    "momentum": Settings((), "sgd", momentum=0.9, batch_size=ROWS, max_epochs=250),
    "adam": Settings((), "adam", batch_size=ROWS, max_epochs=600, schedule="cosine"),
    "minibatch": Settings((), "sgd", momentum=0.0, batch_size=50, max_epochs=400, schedule="cosine"),
}
RATES = {"sgd": 0.15, "momentum": 0.02, "adam": 0.05, "minibatch": 0.05}
FULL_BATCH = pytest.mark.parametrize("manner", ["sgd", "momentum", "adam"])
EACH_STRENGTH = pytest.mark.parametrize("strength", STRENGTHS)


@cache
def rows():
    """Standardized correlated inputs, and a noisy target that six of them make."""
    generator = np.random.default_rng(0)
    X = generator.multivariate_normal(np.zeros(COLUMNS), toeplitz(0.6 ** np.arange(COLUMNS)), ROWS)
    X = (X - X.mean(0)) / X.std(0)
    weights = np.zeros(COLUMNS)
    weights[generator.permutation(COLUMNS)[:INFORMATIVE]] = [2.0, -1.5, 1.0, -1.0, 0.7, 0.5]
    y = X @ weights + generator.normal(0.0, 1.0, ROWS)
    return X, y + 0.3


def linear_networks(X, targets, task, recipes, manner, *, faster=1.0):
    """The weights `(COLUMNS, K)` and biases `(K,)` of a linear network a recipe, all trained at once."""
    data = Data(*(torch.tensor(a, dtype=torch.float32)[None] for a in (X, targets)), torch.ones(len(X)), task)
    everything = np.arange(len(X))
    runs = [Run(Recipe.of(r), 0, everything, everything[:0], learning_rate=faster * RATES[manner]) for r in recipes]
    for result in train(data, runs, SETTINGS[manner]):
        parts = views(torch.from_numpy(result.parameters)[None], result.layout)
        yield parts.weights[0][0].numpy(), parts.biases[0][0, 0].numpy()


@cache
def regressions(manner):
    """A network a penalty and strength, on the squared error."""
    recipes = [penalty(s) for penalty in (L1, L2, ElasticNet) for s in STRENGTHS]
    X, y = rows()
    return dict(zip(recipes, linear_networks(X, y[:, None], "regression", recipes, manner), strict=True))


def assert_solves(network, twin, tolerance=TOLERANCE):
    weights, bias = network
    np.testing.assert_allclose(weights[:, 0], twin.coef_, rtol=0, atol=tolerance)
    np.testing.assert_allclose(bias, twin.intercept_, rtol=0, atol=tolerance)


def assert_same_zeros(network, twin):
    """Some of the weights, not all, and the very same ones; none of theirs is on the edge."""
    zero = twin.coef_ == 0.0
    assert 0 < zero.sum() < COLUMNS
    np.testing.assert_array_equal(network[0][:, 0] == 0.0, zero)


@FULL_BATCH
@EACH_STRENGTH
def test_l1_is_the_lasso(manner, strength):
    """Its alpha is λ/2: it halves the squared error."""
    twin = Lasso(alpha=strength / 2, tol=1e-10, max_iter=100_000).fit(*rows())
    network = regressions(manner)[L1(strength)]
    assert_solves(network, twin)
    assert_same_zeros(network, twin)


@pytest.mark.parametrize("manner", SETTINGS)
@EACH_STRENGTH
def test_l2_is_ridge(manner, strength):
    """Its alpha is nλ: it sums the squared errors. Batches of a part of the rows leave some noise."""
    twin = Ridge(alpha=ROWS * strength).fit(*rows())
    assert_solves(regressions(manner)[L2(strength)], twin, 1e-3 if manner == "minibatch" else TOLERANCE)


@FULL_BATCH
@EACH_STRENGTH
def test_elastic_net_is_the_elastic_net(manner, strength):
    """It halves the squared error and the squares: λρ = 2 a r and λ(1 - ρ) = a (1 - r)."""
    l1, l2 = 0.5 * strength, 0.5 * strength
    alpha = l1 / 2 + l2
    twin = SklearnElasticNet(alpha=alpha, l1_ratio=l1 / 2 / alpha, tol=1e-10, max_iter=100_000).fit(*rows())
    network = regressions(manner)[ElasticNet(strength, l1_ratio=0.5)]
    assert_solves(network, twin)
    assert_same_zeros(network, twin)


@FULL_BATCH
def test_the_ends_of_elastic_net_are_l1_and_l2(manner):
    X, y = rows()
    recipes = [ElasticNet(0.1, l1_ratio=1.0), L1(0.1), ElasticNet(0.1, l1_ratio=0.0), L2(0.1)]
    lasso, l1, ridge, l2 = linear_networks(X, y[:, None], "regression", recipes, manner)
    np.testing.assert_allclose(lasso[0], l1[0], rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(lasso[0] == 0.0, l1[0] == 0.0)
    np.testing.assert_allclose(ridge[0], l2[0], rtol=0, atol=TOLERANCE)
    assert (ridge[0] != 0.0).all()


@FULL_BATCH
def test_a_large_enough_l1_leaves_the_mean_alone(manner):
    """From λ = max |2 X'y / n| on, all weights are exactly 0."""
    X, y = rows()
    least = np.abs(2.0 * X.T @ (y - y.mean()) / ROWS).max()
    above, below = linear_networks(X, y[:, None], "regression", [L1(1.01 * least), L1(0.95 * least)], manner)
    assert not above[0].any()
    assert above[1] == pytest.approx(y.mean(), abs=TOLERANCE)
    assert (below[0] != 0.0).sum() == 1


@pytest.mark.parametrize("manner", ["momentum", "adam"])
@pytest.mark.parametrize("classes", [2, 3])
def test_l2_on_classes_is_logistic_regression(manner, classes):
    """Its C is 1 / (2nλ). Of many classes the biases are known up to a number that all share."""
    X, y = rows()
    codes = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    targets = codes[:, None] if classes == 2 else np.eye(classes)[codes]
    recipes = [L2(strength) for strength in (0.01, 0.05)]
    faster = 10.0 if manner == "momentum" else 1.0
    networks = linear_networks(X, targets, "binary" if classes == 2 else "multiclass", recipes, manner, faster=faster)
    for recipe, (weights, bias) in zip(recipes, networks, strict=True):
        twin = LogisticRegression(C=1.0 / (2.0 * ROWS * recipe.strength), tol=1e-9, max_iter=10_000).fit(X, codes)
        np.testing.assert_allclose(weights.T, twin.coef_, rtol=0, atol=1e-3)
        shared = 0.0 if classes == 2 else bias.mean() - twin.intercept_.mean()
        np.testing.assert_allclose(bias - shared, twin.intercept_, rtol=0, atol=1e-3)
