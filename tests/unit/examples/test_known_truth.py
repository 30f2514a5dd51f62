"""Problems of known truth: rows are drawn from the probabilities that the law tells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goodfit import InputError
from goodfit.examples.known_truth import KnownTruth

MANY = 20_000

laws = st.builds(
    KnownTruth,
    classes=st.integers(2, 5),
    shape=st.sampled_from(["linear", "nonlinear"]),
    sharpness=st.floats(0.1, 10),
    label_noise=st.sampled_from([0.0, 0.1, 0.5]),
    seed=st.integers(0, 50),
)


@settings(deadline=None, max_examples=20)
@given(laws)
def test_probabilities_sum_to_one_and_classes_are_drawn_from_them(law):
    X, y = law.draw(4000, seed=0)
    chance = law.probability(X)
    assert chance.shape == (4000, law.classes)
    assert (chance >= 0).all()
    np.testing.assert_allclose(chance.sum(1), 1)
    for code in range(law.classes):
        spread = np.sqrt((chance[:, code] * (1 - chance[:, code])).sum())
        assert abs((y == code).sum() - chance[:, code].sum()) < 5 * spread + 1


def test_among_rows_of_a_probability_that_share_has_the_class():
    law = KnownTruth(2, sharpness=2.0)
    X, y = law.draw(MANY, seed=0)
    chance = law.probability(X)[:, 1]
    for low in np.arange(0, 1, 0.1):
        own = (chance >= low) & (chance < low + 0.1)
        assert abs(y[own].mean() - chance[own].mean()) < 4.5 * np.sqrt(0.25 / own.sum())


@pytest.mark.parametrize("shape", ["linear", "nonlinear"])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("rarest", [0.01, 0.1, None])
def test_the_rarest_class_has_its_share(shape, classes, rarest):
    law = KnownTruth(classes, shape, rarest=rarest)
    X, y = law.draw(MANY, seed=1)
    share = law.probability(X)[:, -1].mean()
    if rarest is None:
        assert share > 0.05
        return
    assert share == pytest.approx(rarest, rel=0.15)
    low, high = stats.binom.interval(0.9999, MANY, share)
    assert low <= (y == classes - 1).sum() <= high


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 5), st.floats(0, 0.9), st.integers(0, 20))
def test_label_noise_replaces_that_share_by_other_classes(classes, noise, seed):
    clean, noisy = (KnownTruth(classes, label_noise=share, seed=seed) for share in (0.0, noise))
    X, _ = clean.draw(50, seed=0)
    before, after = clean.probability(X), noisy.probability(X)
    kept, spread = 1 - noise, noise / (classes - 1)
    np.testing.assert_allclose(after, kept * before + spread * (1 - before))


def test_without_doubt_labels_are_wrong_as_often_as_they_are_replaced():
    clean, noisy = (KnownTruth(3, sharpness=1000.0, label_noise=share) for share in (0.0, 0.2))
    X, y = noisy.draw(MANY, seed=0)
    wrong = (y != clean.probability(X).argmax(1)).mean()
    assert wrong == pytest.approx(0.2, abs=0.015)


def test_sharpness_tells_classes_apart():
    errors = []
    for sharpness in (0.01, 1.0, 10.0):
        law = KnownTruth(2, sharpness=sharpness)
        X, _ = law.draw(MANY, seed=0)
        errors.append(law.probability(X).min(1).mean())
    assert errors[0] == pytest.approx(0.5, abs=0.01)
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.15


def test_seeds_of_rows_and_of_the_law_are_two_things():
    law = KnownTruth(seed=1)
    (X, y), (again, same), (fresh, _) = law.draw(50, seed=0), law.draw(50, seed=0), law.draw(50, seed=1)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(y, same)
    assert not np.isclose(X, fresh).any()
    assert not np.allclose(KnownTruth(seed=2).probability(X), law.probability(X))


def test_columns_that_do_not_count_do_not_count():
    law = KnownTruth(columns=8, informative=3)
    X, _ = law.draw(100, seed=0)
    other = X.copy()
    other[:, 3:] = 7
    np.testing.assert_array_equal(law.probability(X), law.probability(other))
    for column in range(3):
        other = X.copy()
        other[:, column] = 7
        assert not np.allclose(law.probability(X), law.probability(other))


@pytest.mark.parametrize("shape", ["linear", "nonlinear"])
@pytest.mark.parametrize("sharpness", [0.5, 4.0])
def test_regression_is_the_mean_and_normal_noise(shape, sharpness):
    law = KnownTruth(0, shape, sharpness=sharpness)
    X, y = law.draw(MANY, seed=0)
    residual = (y - law.mean(X)) * sharpness
    assert abs(residual.mean()) < 0.03
    assert stats.kstest(residual, "norm").pvalue > 1e-4
    assert np.abs(np.corrcoef(residual, law.mean(X))[0, 1]) < 0.03
    assert 0.3 < law.mean(X).std() < 3


def test_a_linear_law_is_linear_and_the_other_is_not():
    for shape, straight in (("linear", True), ("nonlinear", False)):
        law = KnownTruth(0, shape)
        X, _ = law.draw(500, seed=0)
        design = np.c_[X, np.ones(500)]
        left = law.mean(X) - design @ np.linalg.lstsq(design, law.mean(X), rcond=None)[0]
        assert (np.abs(left).max() < 1e-9) == straight


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", 1),
        ("classes", -1),
        ("shape", "round"),
        ("informative", 0),
        ("informative", 11),
        ("sharpness", 0.0),
        ("label_noise", 1.0),
        ("label_noise", -0.1),
        ("rarest", 0.0),
        ("rarest", 0.6),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"^{name} is {value!r}"):
        KnownTruth(**{name: value})
