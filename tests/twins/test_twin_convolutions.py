"""Stacked convolutional networks against a module of torch for each member: outputs, gradients, steps, statistics."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from goodfit.networks import Layout, forward, initialize, views
from goodfit.networks.convolving import convolution, grouped
from goodfit.regularizers import Recipe, stack
from goodfit.regularizers.form import Form
from goodfit.rng import Streams
from goodfit.training import Data, Execution, Run, Settings, train
from goodfit.training.evaluation import outputs_of

MEMBERS, CLASSES = 3, 4
STEPS, SEED = 10, 7
ONE_THREAD = Execution(threads=1)
NETWORKS = {
    "one layer": ((1, 8, 8), (5,), (6,)),
    "three layers of digits": ((1, 8, 8), (4, 6, 5), (7,)),
    "colours and odd sides": ((3, 7, 5), (4, 3), (6, 5)),
    "wider than high": ((3, 6, 9), (4, 4), ()),
    "one row of pixels": ((1, 1, 9), (3, 4), (5,)),
    "one column of pixels": ((3, 7, 1), (5, 4), (4,)),
    "one pixel": ((3, 1, 1), (8, 6), (5,)),
    "one unit": ((1, 5, 5), (1, 3), (4,)),
}
EACH = pytest.mark.parametrize("name", NETWORKS)
EACH_NORM = pytest.mark.parametrize("norm", [False, True], ids=["plain", "batch norm"])


def layout_of(name, *, norm=False):
    picture, channels, hidden = NETWORKS[name]
    return Layout((int(np.prod(picture)), *hidden, CLASSES), norm, picture, channels)


def parameters_of(layout, seed=0):
    """`(M, P)` anywhere: also biases, scales and shifts that initial networks have at 0 and 1."""
    start = initialize(layout, Streams.of([seed + m for m in range(MEMBERS)]), torch.zeros(MEMBERS, CLASSES))
    moved = 0.1 * torch.randn(start.shape, generator=torch.Generator().manual_seed(seed))
    return start + moved


def rows_of(layout, count=6, seed=1):
    return torch.randn(MEMBERS, count, layout.sizes[0], generator=torch.Generator().manual_seed(seed))


class Pixels(nn.Module):
    """Rows as pictures, and pictures as rows with the channels of a pixel side by side."""

    def __init__(self, picture=None):
        super().__init__()
        self.picture = picture

    def forward(self, hidden):
        return hidden.view(len(hidden), *self.picture) if self.picture else hidden.permute(0, 2, 3, 1).flatten(1)


def module_of(parameters, layout):
    """Conv2d, BatchNorm2d, ReLU, MaxPool2d, ..., Linear, BatchNorm1d, ReLU, ..., Linear with parameters `(P,)`."""
    parts = views(parameters[None], layout)
    layers, convolutions = [Pixels(layout.picture)], len(layout.channels)
    for layer, (weights, biases) in enumerate(zip(parts.weights, parts.biases, strict=True)):
        if layer == convolutions:
            layers.append(Pixels())
        inputs, units = weights.shape[1:]
        if layer < convolutions:
            made = nn.Conv2d(inputs // 9, units, 3, padding=1)
            made.weight.data.copy_(weights[0].T.reshape(units, inputs // 9, 3, 3))
        else:
            made = nn.Linear(inputs, units)
            made.weight.data.copy_(weights[0].T)
        made.bias.data.copy_(biases[0, 0])
        layers.append(made)
        if layer < len(layout.hidden):
            if layout.batch_norm:
                normal = (nn.BatchNorm2d if layer < convolutions else nn.BatchNorm1d)(units)
                normal.weight.data.copy_(parts.scales[layer][0, 0])
                normal.bias.data.copy_(parts.shifts[layer][0, 0])
                made.bias.requires_grad_(False)  # normalized away: what moves it is rounding
                layers.append(normal)
            layers.append(nn.ReLU())
            if layer < convolutions:
                _, height, width = layout.pictures[layer]
                layers.append(nn.MaxPool2d((min(2, height), min(2, width))))
    return nn.Sequential(*layers)


def vector_of(module, of=lambda tensor: tensor):
    """What is `of` a module's parameters, in the order of ours: weights `(inputs, units)`, biases, scales, shifts."""
    makers = [layer for layer in module if isinstance(layer, nn.Conv2d | nn.Linear)]
    norms = norms_of(module)
    weights = [of(layer.weight).flatten(1).T for layer in makers]
    others = [of(layer.bias) for layer in makers] + [of(n.weight) for n in norms] + [of(n.bias) for n in norms]
    return torch.cat([tensor.detach().flatten() for tensor in weights + others])


def norms_of(module):
    return [layer for layer in module if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]


def statistics_of(module):
    norms = norms_of(module)
    return torch.cat([*(n.running_mean for n in norms), *(n.running_var for n in norms)])


def as_it_is(hidden, _):
    return hidden


@EACH
def test_outputs_and_gradients_are_those_of_torch(name):
    layout = layout_of(name)
    flat, rows = parameters_of(layout).requires_grad_(), rows_of(layout).requires_grad_()
    outputs = forward(views(flat, layout), rows, layout, normalize=as_it_is, drop=as_it_is)
    weighed = torch.linspace(-1.0, 2.0, outputs.numel()).view_as(outputs)
    gradient, at_rows = torch.autograd.grad((outputs * weighed).sum(), [flat, rows])
    assert outputs.shape == (MEMBERS, 6, CLASSES)
    for m in range(MEMBERS):
        module, own = module_of(flat.detach()[m], layout), rows.detach()[m].requires_grad_()
        expected = module(own)
        (expected * weighed[m]).sum().backward()
        torch.testing.assert_close(outputs[m], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(gradient[m], vector_of(module, lambda t: t.grad), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(at_rows[m], own.grad, rtol=1e-3, atol=1e-4)


@EACH
def test_the_layout_counts_what_torch_counts(name):
    for norm in (False, True):
        layout = layout_of(name, norm=norm)
        module = module_of(parameters_of(layout)[0], layout)
        assert layout.total == sum(p.numel() for p in module.parameters())
        assert layout.statistics == sum(2 * n.num_features for n in norms_of(module))
        assert torch.equal(vector_of(module), parameters_of(layout)[0])


def test_a_weight_stands_where_the_layout_says():
    """Row 9 c + 3 i + j of the weights is what channel c gives at pixel (i, j) of the window around a pixel."""
    pictures = torch.randn(1, 2, 5, 6, 3, generator=torch.Generator().manual_seed(2))
    around = F.pad(pictures, (0, 0, 1, 1, 1, 1))
    for c in range(3):
        for i in range(3):
            for j in range(3):
                weights = torch.zeros(1, 27, 2)
                weights[0, 9 * c + 3 * i + j, 1] = 1.0
                done = convolution(pictures, weights)
                assert not done[..., 0].any()
                torch.testing.assert_close(done[..., 1], around[:, :, i : i + 5, j : j + 6, c])


@EACH
@pytest.mark.parametrize("rows", [1, 4])
def test_a_gpus_order_is_a_cpus_order(name, rows):
    picture, channels, _ = NETWORKS[name]
    generator = torch.Generator().manual_seed(3)
    shapes = list(pairwise((picture[0], *channels)))
    for inputs, units in shapes:
        hidden = torch.randn(MEMBERS, rows, picture[1], picture[2], inputs, generator=generator).requires_grad_()
        weights = torch.randn(MEMBERS, 9 * inputs, units, generator=generator).requires_grad_()
        ours = convolution(hidden, weights)
        kernels = weights.transpose(1, 2).reshape(MEMBERS, units, inputs, 3, 3)
        theirs = grouped(hidden, kernels)
        assert ours.shape == theirs.shape == (MEMBERS, rows, picture[1], picture[2], units)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        weighed = torch.linspace(-1.0, 1.0, ours.numel()).view_as(ours)
        for one, other in zip(
            torch.autograd.grad((ours * weighed).sum(), [hidden, weights]),
            torch.autograd.grad((theirs * weighed).sum(), [hidden, weights]),
            strict=True,
        ):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


@EACH
def test_a_whole_network_in_a_gpus_order(name, monkeypatch):
    """A product by groups for all members stands in for each convolution."""
    layout = layout_of(name)
    parts, rows = views(parameters_of(layout), layout), rows_of(layout)
    one = forward(parts, rows, layout, normalize=as_it_is, drop=as_it_is)
    monkeypatch.setattr("goodfit.networks.convolving._one_by_one", grouped)
    torch.testing.assert_close(
        forward(parts, rows, layout, normalize=as_it_is, drop=as_it_is), one, rtol=1e-4, atol=1e-5
    )


@EACH
def test_products_in_bfloat16_are_nearly_those_in_float32(name):
    layout = layout_of(name)
    parts, rows = views(parameters_of(layout), layout), rows_of(layout)
    exact, rounded = (
        forward(parts, rows, layout, normalize=as_it_is, drop=as_it_is, rounded=rounded) for rounded in (False, True)
    )
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    assert (rounded - exact).abs().max() < 0.03 * exact.abs().max()


def digits(picture, rows=40):
    """Digits of as many classes as asked for, cut or repeated to a shape."""
    pixels, target = load_digits(return_X_y=True)
    few = np.flatnonzero(target < CLASSES)[:rows]
    pictures = torch.from_numpy(pixels[few].reshape(-1, 1, 8, 8) / 4.0 - 2.0).float()
    down, across = (torch.arange(side) % 8 for side in picture[1:])
    pictures = pictures[:, :, down][..., across].repeat(1, picture[0], 1, 1)
    pictures += 0.3 * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(5))
    targets = F.one_hot(torch.from_numpy(target[few]), CLASSES).float()
    return Data(pictures.flatten(1)[None], targets[None], torch.ones(rows), "multiclass", Form("image", tuple(picture)))


def runs_around(run):
    """The run among others of other recipes, seeds and rates."""
    everything = np.arange(40)
    others = [Run(Recipe.of(text), seed, everything, everything[:0]) for seed, text in enumerate(("none", "dropout"))]
    return [others[0], run, others[1]]


OPTIMIZERS = {
    "sgd": (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), 0.1),
    "adam": (lambda p: torch.optim.Adam(p, lr=2e-3), 2e-3),
}


@EACH
@EACH_NORM
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_several_steps_are_those_of_torchs_own_optimizer(name, norm, optimizer):
    """Full batches, so that the order of the rows plays no part; then the same outputs in inference.

    Where a gradient is 0 but for rounding Adam makes whole steps of it: few parameters may differ by these.
    """
    picture, channels, hidden = NETWORKS[name]
    data, (make, rate) = digits(picture), OPTIMIZERS[optimizer]
    settings = Settings(hidden, optimizer, batch_size=40, max_epochs=STEPS, channels=channels)
    everything, recipe = np.arange(40), Recipe.of("batch_norm" if norm else "none")
    run = Run(recipe, SEED, everything, everything[:0], learning_rate=rate)
    result = train(data, runs_around(run), settings, execution=ONE_THREAD)[1]
    still = Run(recipe, SEED, everything, everything[:0], learning_rate=0.0)
    once = Settings(hidden, batch_size=40, max_epochs=1, channels=channels)
    (start,) = train(data, [still], once, execution=ONE_THREAD)
    module = module_of(torch.from_numpy(start.parameters), start.layout)
    stepping = make([p for p in module.parameters() if p.requires_grad])
    for _ in range(STEPS):
        stepping.zero_grad()
        F.cross_entropy(module(data.inputs[0]), data.targets[0]).backward()
        stepping.step()
    assert start.layout.batch_norm == norm
    found, expected = torch.from_numpy(result.parameters), vector_of(module)
    moved = (found - torch.from_numpy(start.parameters)).abs()
    apart = (found - expected).abs()
    assert moved.max() > 0.01
    if optimizer == "sgd":
        assert apart.max() < 1e-5
    else:
        assert apart.quantile(0.9) < 3e-4
    if norm:
        own, theirs = torch.from_numpy(result.statistics), statistics_of(module)
        torch.testing.assert_close(own, theirs, rtol=1e-3, atol=1e-3 if optimizer == "sgd" else 0.02)
        assert np.abs(result.statistics - start.statistics).max() > 0.1
    tensors = (torch.from_numpy(array)[None] for array in (result.parameters, result.statistics))
    with torch.no_grad():
        outputs = outputs_of(*tensors, result.layout, stack([recipe]), data.inputs)[0]
        theirs = module.eval()(data.inputs[0])
    torch.testing.assert_close(outputs, theirs, rtol=1e-3, atol=1e-4 if optimizer == "sgd" else 0.02)
