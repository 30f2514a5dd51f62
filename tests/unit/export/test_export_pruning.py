"""Units that do nothing are dropped, and a network says what it said before."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from goodfit.export.pruning import Layer, prune


def outputs(layers, inputs):
    """What dense layers make of rows `(n, D)`."""
    hidden = inputs
    for place, layer in enumerate(layers):
        hidden = hidden if place == 0 else np.maximum(hidden, 0)
        hidden = (hidden @ layer.weights[:, 0, :].astype(np.float64)) * layer.gain + layer.bias
    return hidden


def shown(layers, pictures):
    """What convolutions and then dense layers make of pictures `(n, C, side, side)`."""
    hidden = torch.from_numpy(pictures)
    for place, layer in enumerate(layers):
        weights = torch.from_numpy(layer.weights.astype(np.float64) * layer.gain)
        if layer.window:
            kernels = weights.permute(2, 0, 1).reshape(weights.shape[2], -1, 3, 3)
            hidden = F.relu(F.conv2d(hidden, kernels, torch.from_numpy(layer.bias), padding=1))
        else:
            hidden = hidden.flatten(1) if layers[place - 1].window else F.relu(hidden)
            hidden = hidden @ weights.flatten(0, 1) + torch.from_numpy(layer.bias)
    return hidden.numpy()


def sparse(random, shape, zeros):
    """Weights most of which may be 0, with whole units among them."""
    weights = random.normal(size=shape) * (random.random(shape) >= zeros)
    weights[random.random(shape[0]) < zeros] = 0
    weights[:, :, random.random(shape[2]) < zeros] = 0
    return weights.astype(np.float32)


def layer(random, shape, zeros, *, gained, window=False):
    units = shape[2]
    gain = random.normal(size=units) * (random.random(units) > zeros / 2) if gained else np.ones(units)
    return Layer(sparse(random, shape, zeros), gain, random.normal(size=units), window)


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    zeros=st.floats(0, 1),
    gained=st.booleans(),
)
def test_a_network_says_the_same_without_units_that_do_nothing(seed, sizes, zeros, gained):
    random = np.random.default_rng(seed)
    pairs = itertools.pairwise(sizes)
    layers = [layer(random, (d, 1, h), zeros, gained=gained) for d, h in pairs]
    inputs = random.normal(size=(7, sizes[0]))
    idle = random.random(sizes[0]) < zeros / 2
    small = prune(layers, idle)
    expected = outputs(layers, np.where(idle, 0.0, inputs))
    np.testing.assert_allclose(outputs(small.layers, inputs[:, small.inputs]), expected, rtol=1e-12, atol=1e-12)
    for own, following in zip(small.layers[:-1], small.layers[1:], strict=True):
        alone = len(own.bias) == 1
        assert alone or following.heard.all()
        assert alone or not own.still.any()
    assert len(small.inputs) == 1 or small.layers[0].heard.all()
    assert small.parameters <= sum(own.parameters for own in layers)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), zeros=st.floats(0, 1), gained=st.booleans())
def test_so_do_convolutions_beside_whose_edges_a_constant_is_none(seed, zeros, gained):
    random = np.random.default_rng(seed)
    shapes, side = [(2, 9, 4), (4, 9, 3), (3, 25, 4), (4, 1, 2)], 5
    layers = [layer(random, shape, zeros, gained=gained, window=shape[1] == 9) for shape in shapes]
    pictures = random.normal(size=(3, 2, side, side))
    small = prune(layers)
    np.testing.assert_allclose(shown(small.layers, pictures), shown(layers, pictures), rtol=1e-10, atol=1e-10)
    assert small.inputs.tolist() == [0, 1]


def dense(weights, bias):
    array = np.array(weights, np.float32)
    return Layer(array[:, None, :], np.ones(array.shape[1]), np.array(bias, np.float64))


def test_a_constant_unit_becomes_a_part_of_the_next_bias():
    small = prune([dense([[1, 0, 0]], [0, 3, -3]), dense([[2], [5], [7]], [1])])
    assert small.hidden == (1,)
    assert small.layers[1].bias.tolist() == [16]


def test_a_unit_that_only_dropped_units_hear_is_dropped_with_its_inputs():
    first = dense([[1, 0], [0, 1], [0, 2]], [0, 0])
    second = dense([[1, 0], [0, 1]], [0, 0])
    small = prune([first, second, dense([[1], [0]], [0])])
    assert small.hidden == (1, 1)
    assert small.inputs.tolist() == [0]


def test_a_constant_travels_through_the_layers():
    small = prune([dense([[0]], [2]), dense([[3]], [1]), dense([[5]], [1])])
    assert small.layers[-1].bias.tolist() == [36]
    assert small.hidden == (1, 1)
    assert not small.layers[-1].weights.any()


def test_a_unit_whose_gain_is_0_is_a_constant():
    first = Layer(np.ones((1, 1, 2), np.float32), np.array([1.0, 0.0]), np.array([0.0, 4.0]))
    small = prune([first, dense([[1], [2]], [0])])
    assert small.hidden == (1,)
    assert small.layers[1].bias.tolist() == [8]


def test_an_input_that_is_always_0_is_dropped_with_the_units_that_hear_no_other():
    small = prune([dense([[1, 0], [0, 1]], [0, 1]), dense([[1], [1]], [0])], np.array([False, True]))
    assert small.inputs.tolist() == [0]
    assert small.hidden == (1,)
    assert small.layers[1].bias.tolist() == [1]


def test_of_a_network_that_hears_nothing_an_input_and_a_unit_stay_without_weights():
    small = prune([dense([[0, 0], [0, 0]], [1, -1]), dense([[2], [2]], [0])])
    assert small.inputs.tolist() == [0]
    assert small.hidden == (1,)
    assert outputs(small.layers, np.array([[1e300]])).tolist() == [[2]]


@pytest.mark.parametrize(("bias", "units"), [(-1.0, 1), (1.0, 2)])
def test_a_constant_channel_before_a_convolution_is_dropped_only_where_it_is_0(bias, units):
    first = Layer(np.zeros((1, 9, 2), np.float32), np.ones(2), np.array([0.5, bias]), window=True)
    first.weights[:, :, 0] = 1
    second = Layer(np.ones((2, 9, 1), np.float32), np.ones(1), np.zeros(1), window=True)
    last = Layer(np.ones((1, 4, 1), np.float32), np.ones(1), np.zeros(1))
    assert prune([first, second, last]).hidden == (units, 1)


def test_what_was_given_stays_as_it_was():
    layers = [dense([[1, 0], [0, 0]], [0, 1]), dense([[1], [1]], [0])]
    copies = [[part.copy() for part in (own.weights, own.gain, own.bias)] for own in layers]
    prune(layers, np.array([True, False]))
    for own, parts in zip(layers, copies, strict=True):
        for kept, part in zip((own.weights, own.gain, own.bias), parts, strict=True):
            np.testing.assert_array_equal(kept, part)
