"""Of each two conventions that `goodfit.strength` converts between, both train to the same weights.

Linear models go all the way to the solution; networks with hidden layers go as many steps from the same weights.
"""

from functools import cache
from itertools import permutations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from strength_twins import ROWS, TRAINERS, elastic_net, goodfit_weights, keras_weights, logistic, problem

from goodfit import InputError, strength
from goodfit.conventions import CONVENTIONS
from goodfit.regularizers import L1, L2, ElasticNet, WeightDecay

pytestmark = pytest.mark.usefixtures("keras_on_torch")
TOLERANCE = 2e-5
A_NUMBER = {
    "goodfit.l2": 0.1,
    "goodfit.l1": 0.03,
    "goodfit.elastic_net": {"L1": 0.03, "L2": 0.1},
    "goodfit.weight_decay": 0.2,
    "torch.weight_decay": 0.2,
    "torch.adamw": 0.2,
    "keras.l2": 0.1,
    "keras.l1": 0.03,
    "keras.weight_decay": 0.2,
    "sklearn.ridge": 6.0,
    "sklearn.lasso": 0.015,
    "sklearn.elasticnet": {"L1": 0.015, "L2": 0.1},
    "sklearn.logistic": {"L1": 1 / 1.8, "L2": 1 / 12},
    "sklearn.mlp": {"regression": 6.0, "classification": 12.0},
}
PAIRS = [
    (kind, of, to)
    for kind, trainers in TRAINERS.items()
    for of, to in permutations(trainers, 2)
    if not (CONVENTIONS[of].mixed and CONVENTIONS[to].mixed)  # converted part by part: below
]


@cache
def trained(kind, name, number):
    return TRAINERS[kind][name](number)


def weights(kind, name, number):
    """Numbers that differ by rounding are trained once."""
    return trained(kind, name, float(f"{number:.10g}"))


def a_number(kind, name):
    """A number that changes the weights, and sets none to 0: plain steps on L1 would never come to rest there."""
    number = A_NUMBER[name]
    return number if isinstance(number, float) else next(number[word] for word in kind if word in number)


def converted(number, kind, of, to):
    task, part = kind
    ratio = 1.0 if part == "L1" else 0.0
    return strength(number, of=of, to=to, rows=ROWS, batch_size=ROWS, l1_ratio=ratio, task=task, optimizer="sgd")


def assert_same(one, other, tolerance=TOLERANCE):
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("kind", "of", "to"), PAIRS, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_both_train_to_the_same_weights(kind, of, to):
    number = a_number(kind, of)
    assert_same(weights(kind, of, number), weights(kind, to, converted(number, kind, of, to)))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in TRAINERS for name in TRAINERS[kind]])
def test_half_the_number_trains_to_other_weights(kind, name):
    """The tolerance tells a factor of two."""
    number = a_number(kind, name)
    found = np.abs(weights(kind, name, number) - weights(kind, name, number / 2)).max()
    assert found > 100 * TOLERANCE


def test_all_pairs_that_are_converted_are_trained():
    proved = {(of, to) for _, of, to in PAIRS}
    for of, to in permutations(CONVENTIONS, 2):
        kinds = [kind for kind in TRAINERS if (of, to) not in proved]
        for kind in kinds:
            with pytest.raises(InputError):
                converted(1.0, kind, of, to)


def test_an_elastic_net_is_its_two_parts():
    alpha, ratio = 0.1, 0.3
    l1, l2 = (strength(alpha, of="sklearn.elasticnet", to=f"goodfit.{part}", l1_ratio=ratio) for part in ("l1", "l2"))
    for_keras = {
        part: strength(alpha, of="sklearn.elasticnet", to=f"keras.{part}", l1_ratio=ratio) for part in ("l1", "l2")
    }
    twin = elastic_net(alpha, ratio)
    assert_same(goodfit_weights("regression", L1(l1) + L2(l2)), twin)
    assert_same(goodfit_weights("regression", ElasticNet(l1 + l2, l1_ratio=l1 / (l1 + l2))), twin)
    assert_same(keras_weights("regression", **for_keras), twin)


def test_two_parts_are_an_elastic_net():
    """scikit-learn's l1_ratio of λ₁ and λ₂ is λ₁ / (λ₁ + 2λ₂); either part then has the same alpha."""
    l1, l2 = 0.06, 0.07
    parts = {"goodfit.l1": l1, "goodfit.l2": l2}
    alphas = [strength(x, of=of, to="sklearn.elasticnet", l1_ratio=l1 / (l1 + 2 * l2)) for of, x in parts.items()]
    assert alphas[0] == pytest.approx(alphas[1], rel=1e-12)
    assert_same(goodfit_weights("regression", L1(l1) + L2(l2)), elastic_net(alphas[0], l1 / (l1 + 2 * l2)))
    own = [strength(x, of=of, to="goodfit.elastic_net", l1_ratio=l1 / (l1 + l2)) for of, x in parts.items()]
    assert own == pytest.approx([l1 + l2, l1 + l2], rel=1e-12)


def test_logistic_regression_with_an_l1_ratio_is_its_two_parts():
    C, ratio = 0.3, 0.2
    given = {"of": "sklearn.logistic", "rows": ROWS, "l1_ratio": ratio}
    recipe = L1(strength(C, to="goodfit.l1", **given)) + L2(strength(C, to="goodfit.l2", **given))
    assert_same(goodfit_weights("classification", recipe), logistic(C, ratio))


def test_rows_with_weights_count_as_their_sum():
    X, y = problem("regression")
    counted = np.random.default_rng(1).integers(1, 5, ROWS).astype(float)
    alpha = strength(0.1, of="goodfit.l2", to="sklearn.ridge", rows=counted.sum())
    twin = Ridge(alpha=alpha).fit(X, y, sample_weight=counted)
    ours = goodfit_weights("regression", L2(0.1), row_weights=counted)
    assert_same(ours, np.append(twin.coef_, twin.intercept_))
    assert np.abs(ours - goodfit_weights("regression", L2(0.1))).max() > 100 * TOLERANCE


def test_momentum_makes_decay_weaker_than_the_converter_says():
    """It is for SGD without. With momentum μ decay has L2's solution at 1/(1 - μ) times the number."""
    decay, momentum = strength(0.1, of="goodfit.l2", to="goodfit.weight_decay", optimizer="sgd"), 0.5
    l2 = goodfit_weights("regression", L2(0.1), momentum=momentum)
    stronger = goodfit_weights("regression", WeightDecay(decay / (1 - momentum)), momentum=momentum)
    assert_same(stronger, l2)
    assert np.abs(goodfit_weights("regression", WeightDecay(decay), momentum=momentum) - l2).max() > 100 * TOLERANCE
