"""The stacked networks that training starts from."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.utils.flop_counter import FlopCounterMode

from goodfit.networks import Layout, forward, initialize, views
from goodfit.rng import Streams
from goodfit.training.normalization import identity

sizes = st.lists(st.integers(1, 6), min_size=2, max_size=5).map(tuple)


@settings(deadline=None)
@given(sizes=sizes, batch_norm=st.booleans(), scaling=st.booleans(), members=st.integers(1, 3))
def test_views_cover_the_matrix_once(sizes, batch_norm, scaling, members):
    layout = Layout(sizes, batch_norm, scaling=scaling)
    flat = torch.arange(members * layout.total, dtype=torch.float32).view(members, -1)
    parts = views(flat, layout)
    assert torch.equal(torch.cat([part.flatten(1) for part in parts.all], 1), flat)
    assert torch.equal(torch.cat([part.flatten(1) for part in parts.weights], 1), flat[:, : layout.weights])
    assert [tuple(part.shape[1:]) for part in parts.all] == layout.shapes
    assert len(parts.scales) == len(parts.shifts) == (len(sizes) - 2 if batch_norm else 0)
    assert [tuple(part.shape) for part in parts.factors] == [(members, 1, sizes[0])] * scaling
    assert layout.total - layout.plain.total == scaling * sizes[0]
    parts.biases[0].zero_()
    assert (flat == 0).sum() >= members * sizes[1]


@settings(deadline=None)
@given(sizes=sizes, side=st.integers(1, 9), channels=st.lists(st.integers(1, 4), max_size=3).map(tuple))
def test_the_products_of_a_row_are_those_that_torch_counts(sizes, side, channels):
    picture = (3, side, side) if channels else ()
    layout = Layout(((3 * side**2 if channels else sizes[0]), *sizes[1:]), False, picture, channels)
    flat = torch.zeros(1, layout.total)
    with FlopCounterMode(display=False) as counter:
        forward(views(flat, layout), torch.zeros(1, 1, layout.sizes[0]), layout, normalize=identity, drop=identity)
    assert 2 * layout.products == counter.get_total_flops()


@settings(deadline=None)
@given(sizes=sizes, members=st.integers(1, 3), rows=st.integers(1, 4))
def test_stacked_networks_are_networks(sizes, members, rows):
    """Each member by plain matrix products."""
    layout = Layout(sizes)
    generator = torch.Generator().manual_seed(0)
    parts = views(torch.randn(members, layout.total, generator=generator), layout)
    inputs = torch.randn(members, rows, sizes[0], generator=generator)
    outputs = forward(parts, inputs, layout, normalize=lambda hidden, _: hidden, drop=lambda hidden, _: hidden)
    for m in range(members):
        hidden = inputs[m]
        for layer, (weights, biases) in enumerate(zip(parts.weights, parts.biases, strict=True)):
            hidden = hidden @ weights[m] + biases[m]
            hidden = hidden.relu() if layer < len(sizes) - 2 else hidden
        torch.testing.assert_close(outputs[m], hidden, rtol=1e-4, atol=1e-4)


def test_hooks_stand_where_they_belong():
    """Normalized before the nonlinearity, dropped after it; inputs are dropped, outputs are neither."""
    calls = []

    def hook(name):
        def act(hidden, layer):
            calls.append((name, layer, bool((hidden < 0).any())))
            return hidden

        return act

    layout = Layout((3, 8, 9, 2))
    parts = views(torch.randn(1, layout.total, generator=torch.Generator().manual_seed(1)), layout)
    forward(parts, torch.randn(1, 50, 3), layout, normalize=hook("normalize"), drop=hook("drop"))
    names = [("drop", 0), ("normalize", 0), ("drop", 1), ("normalize", 1), ("drop", 2)]
    assert [(name, layer) for name, layer, _ in calls] == names
    assert [negative for *_, negative in calls] == [True, True, False, True, False]


def test_initial_weights_are_uniform_as_those_of_torch_linear():
    layout = Layout((50, 80, 40, 3))
    streams, bias = Streams.of([0, 1]), torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    parts = views(initialize(layout, streams, bias), layout)
    for weights in parts.weights:
        reach = 1.0 / math.sqrt(weights.shape[1])
        for one in weights:
            assert stats.kstest(one.flatten().numpy(), stats.uniform(-reach, 2 * reach).cdf).pvalue > 1e-4
        reference = torch.nn.Linear(*weights.shape[1:]).weight.abs().max().item()
        assert weights.abs().max().item() == pytest.approx(reference, rel=0.05)
    assert torch.equal(parts.biases[-1][:, 0], bias)
    assert not any(biases.any() for biases in parts.biases[:-1])


def test_layers_and_members_start_apart():
    layout = Layout((6, 6, 6, 6))
    flat = initialize(layout, Streams.of([0, 1]), torch.zeros(2, 6))
    layers = views(flat, layout).weights
    starts = [weights[m].flatten() for weights in layers for m in range(2)]
    for i, one in enumerate(starts):
        assert all(not torch.isclose(one, other).all() for other in starts[:i])


def test_a_linear_model_starts_at_its_constant():
    layout = Layout((4, 2))
    flat = initialize(layout, Streams.of([0]), torch.tensor([[1.0, 2.0]]))
    assert flat.tolist() == [[0.0] * 8 + [1.0, 2.0]]


def test_batch_norm_starts_as_the_identity():
    layout = Layout((3, 4, 1), batch_norm=True)
    parts = views(initialize(layout, Streams.of([0]), torch.zeros(1, 1)), layout)
    assert torch.equal(parts.scales[0], torch.ones(1, 1, 4))
    assert torch.equal(parts.shifts[0], torch.zeros(1, 1, 4))
