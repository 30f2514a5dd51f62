"""Bias, variance and noise: sums, brute force, closed forms, intervals."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit import InputError, decompositions
from goodfit.decompositions import decompose

LOSSES = ("squared", "zero_one", "log_loss", "brier")
CLASS_LOSSES = LOSSES[1:]


def draw(seed, replicates=6, rows=5, classes=3, loss="brier"):
    random = np.random.default_rng(seed)
    if loss == "squared":
        return random.normal(size=(replicates, rows, 1)), random.normal(size=rows), random.normal(size=rows)
    predicted = random.dirichlet(np.full(classes, 0.5), (replicates, rows))
    return predicted, random.integers(0, classes, rows), random.dirichlet(np.ones(classes), rows)


def losses(predicted, target, loss):
    """The loss (R, n) of each replicate and row, written out."""
    if loss == "squared":
        return (predicted[..., 0] - target) ** 2
    if loss == "zero_one":
        return (predicted.argmax(-1) != target).astype(float)
    own = np.take_along_axis(predicted, np.broadcast_to(target[None, :, None], (*predicted.shape[:2], 1)), -1)[..., 0]
    if loss == "log_loss":
        return -np.log(np.maximum(own, 1e-12))
    return (predicted**2).sum(-1) - 2 * own + 1


@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 4), st.sampled_from(LOSSES), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_parts_add_up_to_the_mean_loss(seed, replicates, classes, loss, known):
    predicted, target, truth = draw(seed, replicates, 7, classes, loss)
    terms = decompose(predicted, target, loss=loss, truth=truth if known else None)
    np.testing.assert_allclose(terms.bias2 + terms.variance + terms.noise, terms.error, rtol=0, atol=1e-12)
    if not known:
        np.testing.assert_allclose(terms.error, losses(predicted, target, loss).mean(0), atol=1e-9)
    elif loss == "squared":
        expected = losses(predicted, truth, loss).mean(0) + (target - truth) ** 2
        np.testing.assert_allclose(terms.error, expected, atol=1e-9)
    else:
        by_class = [losses(predicted, np.full(7, c), loss).mean(0) * truth[:, c] for c in range(classes)]
        np.testing.assert_allclose(terms.error, sum(by_class), atol=1e-9)
    assert terms.separate is known
    if loss != "zero_one":
        assert (terms.variance >= -1e-12).all()


@pytest.mark.parametrize("loss", ["squared", "brier"])
def test_means_over_all_samples_of_replicates_are_the_population_terms(loss):
    # a population of 3 predictors; every sample of 4 of them, drawn with replacement
    predicted, target, truth = draw(3, 3, 4, 3, loss)
    aim = truth[:, None] if loss == "squared" else truth
    bias = ((predicted.mean(0) - aim) ** 2).sum(-1)
    variance = ((predicted - predicted.mean(0)) ** 2).sum(-1).mean(0)
    samples = [decompose(predicted[list(own)], target, loss=loss, truth=truth) for own in product(range(3), repeat=4)]
    np.testing.assert_allclose(np.mean([terms.bias2 for terms in samples], 0), bias, atol=1e-12)
    np.testing.assert_allclose(np.mean([terms.variance for terms in samples], 0), variance, atol=1e-12)


def test_log_loss_against_divergences_and_a_jackknife_written_out():
    predicted, target, truth = draw(5, 5, 4, 3)
    divergence = lambda p, q: (p * np.log(p / q)).sum(-1)  # noqa: E731

    def plugged(part):
        main = np.exp(np.log(part).mean(0))
        main /= main.sum(-1, keepdims=True)
        return divergence(truth, main), divergence(main, part).mean(0)

    without = [plugged(np.delete(predicted, r, 0)) for r in range(5)]
    terms = decompose(predicted, target, loss="log_loss", truth=truth)
    for place, values in ((0, terms.bias2), (1, terms.variance)):
        whole = plugged(predicted)[place]
        np.testing.assert_allclose(values, 5 * whole - 4 * np.mean([own[place] for own in without], 0), atol=1e-12)
    np.testing.assert_allclose(terms.noise, -(truth * np.log(truth)).sum(-1))


@given(st.integers(0, 10**6), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_domingos_coefficients_written_out(seed, classes):
    predicted, target, truth = draw(seed, 9, 6, classes)
    terms = decompose(predicted, target, loss="zero_one", truth=truth)
    for row in range(6):
        votes = predicted[:, row].argmax(-1)
        shares = np.bincount(votes, minlength=classes) / 9
        main, best = shares.argmax(), truth[row].argmax()
        bias, spread, noise = float(main != best), 1 - shares[main], 1 - truth[row, best]
        missed = 1 - shares[best]
        met = sum(shares[c] * truth[row, c] for c in range(classes) if c != best)  # P(y = t, y not y*)
        noise_factor = shares[best] - met / noise
        factor = 1.0 if main == best else -shares[best] / max(spread, 1e-12)
        np.testing.assert_allclose(terms.bias2[row], bias)
        np.testing.assert_allclose(terms.variance[row], factor * spread, atol=1e-12)
        np.testing.assert_allclose(terms.noise[row], noise_factor * noise, atol=1e-12)
        assert missed == pytest.approx(bias + factor * spread)
        if classes == 2:
            assert noise_factor == pytest.approx(2 * shares[best] - 1)


def test_known_noise_alone_separates_the_terms():
    predicted, target, _ = draw(1, loss="squared")
    joint, apart = (decompose(predicted, target, loss="squared", noise=noise) for noise in (None, 0.3))
    assert (joint.separate, apart.separate) == (False, True)
    np.testing.assert_allclose(apart.bias2, joint.bias2 - 0.3)
    np.testing.assert_allclose(apart.error, joint.error)


def test_a_probability_of_zero_has_a_finite_loss_and_still_adds_up():
    predicted = np.array([[[1.0, 0.0]], [[0.5, 0.5]]])
    terms = decompose(predicted, [1], loss="log_loss")
    assert terms.error[0] == pytest.approx((-np.log(1e-12) - np.log(0.5)) / 2)
    assert terms.bias2[0] + terms.variance[0] == pytest.approx(terms.error[0])


@pytest.mark.parametrize("loss", LOSSES)
def test_blocks_of_rows_change_nothing(loss, monkeypatch):
    predicted, target, truth = draw(8, 7, 23, 3, loss)
    whole = decompose(predicted, target, loss=loss, truth=truth)
    monkeypatch.setattr(decompositions, "_BLOCK", 40)
    parts = decompose(predicted, target, loss=loss, truth=truth)
    for name in ("bias2", "variance", "noise", "error", "shared", "own", "third"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-12)


def lines(random, replicates, rows, test_rows, inputs=3, missing=1.0):
    """Least squares on fresh draws that lack one input; population terms are known."""
    beta = np.r_[np.ones(inputs), missing]
    X = random.normal(size=(replicates, rows, inputs + 1))
    y = X @ beta + random.normal(size=(replicates, rows))
    own, T = X[..., :-1], random.normal(size=(test_rows, inputs + 1))
    fitted = np.linalg.solve(np.swapaxes(own, 1, 2) @ own, np.swapaxes(own, 1, 2) @ y[..., None])[..., 0]
    true = {"bias2": missing**2, "variance": (1 + missing**2) * inputs / (rows - inputs - 1), "noise": 1.0}
    mean = T @ beta
    return (fitted @ T[:, :-1].T)[..., None], mean + random.normal(size=test_rows), mean, true


@pytest.mark.parametrize(("kind", "test_rows"), [("truth", 150), ("joint", 150), ("truth", 20)])
def test_intervals_hold_the_population_terms_as_often_as_they_say(kind, test_rows):
    random, trials = np.random.default_rng(0), 400
    held = {"bias2": 0, "variance": 0, "error": 0}
    for _ in range(trials):
        predicted, target, mean, true = lines(random, 40, 30, test_rows)
        terms = decompose(predicted, target, loss="squared", truth=mean if kind == "truth" else None)
        wanted = {**true, "bias2": true["bias2"] + (kind == "joint")}
        wanted["error"] = sum(true.values())
        for name in held:
            estimate = terms.mean(name)
            held[name] += estimate.low <= wanted[name] <= estimate.high
    # 0.92 and 0.98 are about three standard errors from 0.95
    assert all(0.92 <= count / trials <= 0.98 for count in held.values()), held


def test_the_interval_of_a_bias_of_zero_holds_it():
    random, trials = np.random.default_rng(1), 200
    held = 0
    for _ in range(trials):
        predicted, target, mean, _ = lines(random, 40, 30, 100, inputs=1, missing=0.0)
        estimate = decompose(predicted, target, loss="squared", truth=mean, noise=1.0).mean("bias2")
        held += estimate.low <= 0 <= estimate.high
    assert held / trials > 0.95


def test_rows_that_belong_together_widen_the_interval():
    predicted, target, _ = draw(2, 8, 40, loss="squared")
    terms = decompose(predicted, target, loss="squared")
    twice = decompose(np.repeat(predicted, 2, 1), np.repeat(target, 2), loss="squared")
    grouped = twice.mean("error", groups=np.repeat(np.arange(40), 2))
    assert grouped.high - grouped.low == pytest.approx((w := terms.mean("error")).high - w.low, rel=0.05)
    alone = twice.mean("error")
    assert alone.high - alone.low < 0.85 * (grouped.high - grouped.low)


def test_a_term_without_variation_has_an_interval_of_no_width():
    predicted, target, mean = draw(0, loss="squared")
    estimate = decompose(predicted, target, loss="squared", truth=mean, noise=0.5).mean("noise")
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loss": "hinge"}, "loss is 'hinge'"),
        ({"predicted": np.ones((1, 5, 3))}, "2 or more"),
        ({"predicted": np.ones((4, 5))}, "shape"),
        ({"target": np.zeros(4, int)}, "target has shape"),
        ({"target": np.full(5, 3)}, "codes of classes"),
        ({"target": np.full(5, 0.5)}, "codes of classes"),
        ({"loss": "squared"}, "one number a row"),
        ({"truth": np.full((5, 2), 0.5)}, "truth has shape"),
        ({"truth": np.full((5, 3), 0.5)}, "adding up to 1"),
        ({"truth": np.tile([1.5, -0.5, 0.0], (5, 1))}, "in \\[0, 1\\]"),
        ({"noise": 1.0}, "noise is the noise variance of numbers"),
        ({"predicted": np.ones((4, 5, 1))}, "2 classes or more"),
        ({"predicted": np.ones((4, 5, 1)), "loss": "squared", "noise": -1.0}, "0 or more"),
        ({"predicted": np.ones((4, 5, 1)), "loss": "squared", "truth": np.ones(3)}, "truth has shape"),
        ({"predicted": np.ones((4, 5, 1)), "loss": "squared", "truth": np.full(5, np.nan)}, "finite"),
    ],
)
def test_what_cannot_be_taken_apart_is_said_in_one_line(changes, said):
    predicted, target, _ = draw(0)
    arguments = {"predicted": predicted, "target": target, "loss": "brier", **changes}
    with pytest.raises(InputError, match=said) as caught:
        decompose(
            arguments["predicted"],
            arguments["target"],
            loss=arguments["loss"],
            truth=arguments.get("truth"),
            noise=arguments.get("noise"),
        )
    assert "\n" not in str(caught.value)


def test_of_two_classes_the_second_ones_probability_will_do():
    predicted, target, _ = draw(0, classes=2)
    share = np.linspace(0, 1, 5)
    one, other = (
        decompose(predicted, target, loss="log_loss", truth=truth)
        for truth in (share, np.stack([1 - share, share], axis=1))
    )
    np.testing.assert_array_equal(one.error, other.error)
