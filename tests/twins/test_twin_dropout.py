"""Dropout against torch.nn.Dropout: not the same numbers, the same meaning."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn
from twin_networks import full_batch, make_data, make_run

from goodfit.networks import views
from goodfit.regularizers import Dropout, Recipe
from goodfit.regularizers.dropout import drop_units
from goodfit.rng import Purpose, Streams
from goodfit.training import train

BOTH_ENGINES = True

ROWS, UNITS = 4000, 6
EACH_P = pytest.mark.parametrize("p", [0.0, 0.05, 0.3, 0.5, 0.9, 0.999, 1.0])


def draw(*seeds, place=1, step=0):
    return Streams.of(list(seeds)).at(Purpose.DROPOUT, place=place, step=step)


def kept(p=0.5, **address):
    return drop_units(torch.ones(1, 100, UNITS), p, draw(address.pop("seed", 0), **address)) > 0


@EACH_P
def test_outputs_are_zero_or_scaled_as_those_of_torch(p):
    values = [drop_units(torch.ones(1, 50 * ROWS), p, draw(0)).unique(), nn.Dropout(p)(torch.ones(50 * ROWS)).unique()]
    torch.testing.assert_close(*values)
    hidden = torch.randn(1, ROWS, UNITS, generator=torch.Generator().manual_seed(2))
    ours = drop_units(hidden, p, draw(0))
    torch.testing.assert_close(ours, torch.where(ours == 0, 0.0, hidden / max(1.0 - p, 1e-9)))


@EACH_P
def test_each_unit_is_dropped_as_often_as_p_says(p):
    dropped = (drop_units(torch.ones(2, ROWS, UNITS), p, draw(3, 4)) == 0).sum(1).flatten().tolist()
    assert all(stats.binomtest(count, ROWS, p).pvalue > 1e-4 for count in dropped)
    assert p in (0.0, 1.0) or stats.binomtest(sum(dropped), 2 * ROWS * UNITS, p).pvalue > 1e-3


@hypothesis_settings(deadline=None, max_examples=50)
@given(p=st.floats(0.0, 1.0).map(lambda p: round(p, 6)), seed=st.integers(0, 2**63))
def test_the_share_dropped_is_p_for_any_p(p, seed):
    dropped = int((drop_units(torch.ones(1, ROWS, UNITS), p, draw(seed)) == 0).sum())
    assert stats.binomtest(dropped, ROWS * UNITS, p).pvalue > 1e-9


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_the_mean_is_preserved(p):
    """The mean of n outputs of 1 has the standard error sqrt(p / (1 - p) / n)."""
    n = 50 * ROWS
    mean = drop_units(torch.ones(1, n), p, draw(9)).mean().item()
    assert abs(mean - 1.0) < 4.0 * np.sqrt(p / (1.0 - p) / n)


def test_masks_differ_by_step_layer_and_member_and_are_the_same_by_seed():
    masks = [kept(), kept(step=1), kept(place=2), kept(seed=1)]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            agreement = int((one == other).sum())
            assert stats.binomtest(agreement, one.numel(), 0.5).pvalue > 1e-4
    assert torch.equal(kept(), kept())
    together = drop_units(torch.ones(3, 100, UNITS), torch.tensor([0.5, 0.5, 0.2]), draw(1, 0, 0)) > 0
    assert torch.equal(together[0], kept(seed=1)[0])
    assert torch.equal(together[1], kept()[0])
    assert (together[2] >= together[1]).all()


def test_the_gradient_passes_through_what_is_kept_only():
    hidden = torch.randn(1, 50, UNITS, generator=torch.Generator().manual_seed(1)).requires_grad_()
    outputs = drop_units(hidden, 0.4, draw(0))
    (gradient,) = torch.autograd.grad(outputs.sum(), hidden)
    torch.testing.assert_close(gradient, (outputs != 0) / 0.6)


@pytest.mark.parametrize("p", [0.5, torch.tensor([0.5, 0.5], dtype=torch.float64)], ids=["float", "tensor"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_inputs_and_hidden_units_have_a_p_each(p, layer):
    hidden = torch.ones(2, 50, UNITS)
    for part, dropped in ((Dropout(p, input=0.0), layer > 0), (Dropout(0.0, input=p), layer == 0)):
        assert bool((part.drop(hidden, draw(0, 1), layer=layer) == 0).any()) == dropped


def trained(recipe, *, learning_rate=0.1):
    """The parameters after an epoch of four steps, by kind and layer, and before it."""
    runs = [make_run(recipe, learning_rate=rate) for rate in (learning_rate, 0.0)]
    after, before = train(make_data(), runs, replace(full_batch("sgd", 1), batch_size=20))
    return [views(torch.from_numpy(result.parameters)[None], result.layout) for result in (after, before)], after


def test_dropping_all_inputs_leaves_their_weights_where_they_were():
    (after, before), _ = trained(Dropout(0.0, input=1.0))
    assert torch.equal(after.weights[0], before.weights[0])
    assert not torch.equal(after.biases[-1], before.biases[-1])


def test_outputs_are_never_dropped():
    """With all else dropped the output is its bias, and that still learns; nothing below it does."""
    (after, before), _ = trained(Dropout(1.0, input=1.0))
    for one, other in zip(after.weights, before.weights, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(after.biases[-1], before.biases[-1])


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_inference_drops_nothing(p):
    """At learning rate 0 the losses that are measured are those of the same weights without dropout."""
    with_it, without = trained(Dropout(p, input=p), learning_rate=0.0)[1], trained(Recipe(), learning_rate=0.0)[1]
    np.testing.assert_array_equal(with_it.history.train, without.history.train)


def test_training_draws_a_mask_a_step():
    """On one row, without dropout, two small steps go the same way; with another mask they don't."""
    settings = [replace(full_batch("sgd", steps), momentum=0.0) for steps in (1, 2)]
    for recipe, least, most in ((Recipe(), 0.99, 1.01), (Dropout(0.5), -1.0, 0.9)):
        run = replace(make_run(recipe, learning_rate=1e-3), train=np.zeros(1, np.int64))
        start = train(make_data(), [replace(run, learning_rate=0.0)], settings[0])[0].parameters
        one, two = (train(make_data(), [run], chosen)[0].parameters for chosen in settings)
        assert least < np.corrcoef(one - start, two - one)[0, 1] < most
