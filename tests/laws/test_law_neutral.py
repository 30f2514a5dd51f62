"""At its neutral dose every technique is the identity, bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from law_problems import (
    EACH_KIND,
    EACH_OPTIMIZER,
    KINDS,
    all_kinds,
    assert_same,
    make_data,
    make_run,
    make_settings,
    plain,
)

from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Decays, InLoss, Proximal
from goodfit.training import Execution, train

BOTH_ENGINES = True

ONE_THREAD = Execution(threads=1)
weights = arrays(np.float32, (2, 3, 4), elements=st.floats(width=32, allow_nan=False, allow_infinity=False))


def of_place(place):
    return pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, place)])


@EACH_KIND
@EACH_OPTIMIZER
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_training_with_the_neutral_dose_is_training_without(kind, optimizer, task):
    data, chosen = make_data(task), make_settings(optimizer, max_epochs=3)
    for base in (Recipe(), all_kinds(kind).without(kind)):
        neutral = Recipe((*base.parts, kind.neutral()))
        (without,), (with_it,) = (train(data, [make_run(recipe)], chosen) for recipe in (base, neutral))
        assert_same(with_it, without)


@EACH_KIND
@EACH_OPTIMIZER
def test_the_neutral_dose_beside_the_usual_one_is_no_dose(kind, optimizer):
    data, chosen = make_data(), make_settings(optimizer)
    without = train(data, [make_run(), make_run(seed=1)], chosen, execution=ONE_THREAD)
    for recipe in (Recipe(), Recipe((kind.neutral(),))):
        beside = train(data, [make_run(recipe), make_run(kind())], chosen, execution=ONE_THREAD)
        assert_same(beside[0], without[0])


@EACH_KIND
def test_the_neutral_dose_changes_nothing_of_a_divergence(kind):
    data, chosen = make_data("regression"), make_settings("sgd")
    recipes = (Recipe(), Recipe((kind.neutral(),)))
    without, with_it = (train(data, [make_run(recipe, learning_rate=1e6)], chosen)[0] for recipe in recipes)
    assert without.outcome == "diverged"
    assert_same(with_it, without)


@pytest.mark.parametrize("kind", [k for k in KINDS if k() != k.neutral()])
def test_the_usual_dose_is_not_neutral(kind):
    """Else the laws above would say nothing. Many epochs of large steps let each technique act."""
    runs = [make_run(recipe, learning_rate=0.3) for recipe in (Recipe(), kind())]
    without, with_it = train(make_data(), runs, make_settings(max_epochs=40))
    assert not np.array_equal(plain(without), plain(with_it))


@of_place(Proximal)
@settings(deadline=None)
@given(values=weights, step_size=st.floats(0, 1e9))
def test_a_neutral_proximal_operator_is_the_identity(kind, values, step_size):
    np.testing.assert_array_equal(kind.neutral().prox(torch.from_numpy(values), step_size).numpy(), values)


@of_place(InLoss)
@settings(deadline=None)
@given(values=weights)
def test_a_neutral_penalty_has_no_gradient(kind, values):
    assert not kind.neutral().gradient(torch.from_numpy(values)).any()


@of_place(Decays)
@settings(deadline=None)
@given(values=weights, learning_rate=st.floats(0, 1e9))
def test_a_neutral_decay_is_the_identity(kind, values, learning_rate):
    np.testing.assert_array_equal(kind.neutral().decay(torch.from_numpy(values), learning_rate).numpy(), values)
