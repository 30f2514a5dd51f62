"""Batch norm against torch's BatchNorm1d: a layer by itself, and whole networks."""

import numpy as np
import pytest
import torch
from torch import nn
from twin_networks import ROWS, full_batch, make_data, make_run, statistics_of, train_both, vector_of

from goodfit.networks import Layout, views
from goodfit.regularizers import BatchNorm, Dropout, Recipe, stack
from goodfit.training import Run, Settings, train
from goodfit.training.evaluation import outputs_of
from goodfit.training.normalization import inference_norm, layer_statistics, normalizer, training_norm

BOTH_ENGINES = True

MEMBERS, UNITS = 3, 4
LAYOUT = Layout((2, UNITS, 1), batch_norm=True)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer(*parts):
    """A layer of three members, each with its own γ and β, and torch's layers of the same."""
    parameters = views(normal(MEMBERS, LAYOUT.total), LAYOUT)
    statistics = torch.cat([torch.zeros(MEMBERS, UNITS), torch.ones(MEMBERS, UNITS)], 1)
    part = normalizer(stack([Recipe((part,)) for part in parts]))
    twins = []
    for m in range(MEMBERS):
        twin = nn.BatchNorm1d(UNITS, eps=parts[m].eps, momentum=parts[m].momentum)
        twin.weight.data.copy_(parameters.scales[0][m, 0])
        twin.bias.data.copy_(parameters.shifts[0][m, 0])
        twins.append(twin)
    return part, parameters, layer_statistics(statistics, LAYOUT), twins


def assert_same_statistics(running, twins):
    for m, twin in enumerate(twins):
        torch.testing.assert_close(running[0][0][m, 0], twin.running_mean)
        torch.testing.assert_close(running[1][0][m, 0], twin.running_var)


KINDS = (BatchNorm(), BatchNorm(momentum=0.3, eps=1e-2), BatchNorm(momentum=1.0, eps=1e-7))


@pytest.mark.parametrize("sizes", [(16, 16, 16), (32, 7, 2), (2, 3, 64)])
def test_training_outputs_gradients_running_statistics_and_inference(sizes):
    part, parameters, running, twins = layer(*KINDS)
    for size in sizes:
        hidden = normal(MEMBERS, size, UNITS, seed=size) * 3.0 + 5.0
        weighed = torch.linspace(-1.0, 2.0, hidden.numel()).view_as(hidden)
        ours, theirs = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
        for tensor in (parameters.scales[0], parameters.shifts[0]):
            tensor.requires_grad_()
        outputs = training_norm(part, parameters, running, None)(ours, 0)
        expected = torch.stack([twin(theirs[m]) for m, twin in enumerate(twins)])
        torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-4)
        own = torch.autograd.grad((outputs * weighed).sum(), [ours, parameters.scales[0], parameters.shifts[0]])
        for twin in twins:
            twin.zero_grad()
        (expected * weighed).sum().backward()
        torch.testing.assert_close(own[0], theirs.grad, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(own[1][:, 0], torch.stack([t.weight.grad for t in twins]), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(own[2][:, 0], torch.stack([t.bias.grad for t in twins]), rtol=1e-3, atol=1e-3)
    assert_same_statistics(running, twins)
    fresh = normal(MEMBERS, 9, UNITS)
    inferred = inference_norm(part, parameters, running)(fresh, 0)
    expected = torch.stack([twin.eval()(fresh[m]) for m, twin in enumerate(twins)])
    torch.testing.assert_close(inferred, expected, rtol=1e-4, atol=1e-4)


def test_padded_rows_play_no_part():
    """Members with 12, 5 and 2 rows of their own in a batch of 12 places, the others full of poison."""
    part, parameters, running, twins = layer(*KINDS)
    counts = torch.tensor([12, 5, 2])
    own = torch.arange(12) < counts[:, None]
    hidden = normal(MEMBERS, 12, UNITS).masked_fill(~own[:, :, None], 1e6)
    outputs = training_norm(part, parameters, running, own)(hidden, 0)
    for m, twin in enumerate(twins):
        torch.testing.assert_close(outputs[m, : counts[m]], twin(hidden[m, : counts[m]]), rtol=1e-4, atol=1e-4)
    assert_same_statistics(running, twins)


@pytest.mark.parametrize("padded", [False, True])
def test_a_batch_of_one_row_neither_crashes_nor_poisons(padded):
    """torch refuses such a batch; here it is normalized by the running statistics, which stay as they are."""
    part, parameters, running, _ = layer(*KINDS)
    training_norm(part, parameters, running, None)(normal(MEMBERS, 8, UNITS) + 2.0, 0)
    before = [tensor[0].clone() for tensor in running]
    row = normal(MEMBERS, 1, UNITS)
    own = torch.ones(MEMBERS, 1, dtype=torch.bool)
    hidden = torch.cat([row, torch.full_like(row, torch.inf)], 1).nan_to_num(posinf=1e30) if padded else row
    own = torch.cat([own, ~own], 1) if padded else None
    outputs = training_norm(part, parameters, running, own)(hidden.requires_grad_(), 0)[:, :1]
    torch.testing.assert_close(outputs, inference_norm(part, parameters, running)(row, 0))
    for one, other in zip(before, running, strict=True):
        assert torch.equal(one, other[0])
    (gradient,) = torch.autograd.grad(outputs.sum(), hidden)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("size", [1, 2, 9, 16])
def test_training_with_any_last_batch(size):
    """Sets of 1 to 17 rows in batches of 8 at most: no loss is undefined, no running variance leaves its place."""
    data = make_data()
    runs = [
        Run(Recipe.of("batch_norm"), seed, np.arange(size + extra), np.arange(60, 80), learning_rate=1e-2)
        for seed, extra in enumerate((0, 0, 1))
    ]
    for result in train(data, runs, Settings((6,), batch_size=8, max_epochs=10)):
        assert result.outcome == "finished"
        assert np.isfinite(result.history.train).all()
        assert np.isfinite(result.history.validation).all()
        assert (result.statistics[6:] >= 0.0).all()


def test_half_a_strength_is_half_of_the_way():
    part, parameters, running, _ = layer(BatchNorm(0.0), BatchNorm(0.5), BatchNorm(1.0))
    row = normal(1, 8, UNITS).expand(MEMBERS, -1, -1)
    for scales in (parameters.scales[0], parameters.shifts[0]):
        scales.copy_(scales[:1].clone().expand_as(scales))
    none, half, full = training_norm(part, parameters, running, None)(row, 0)
    assert torch.equal(none, row[0])
    torch.testing.assert_close(half, 0.5 * (row[0] + full))


@pytest.mark.parametrize("task", ["regression", "multiclass"])
@pytest.mark.parametrize("hidden", [(10,), (12, 7)])
def test_a_whole_network(task, hidden):
    """Full batches; then the same outputs in inference, from the running statistics."""
    data, settings, run = (
        make_data(task),
        full_batch("sgd", 40, hidden=hidden),
        make_run(BatchNorm(), learning_rate=0.03),
    )
    result, module = train_both(data, run, settings, lambda m: torch.optim.SGD(m.parameters(), lr=0.03, momentum=0.9))
    assert np.abs(result.parameters - vector_of(module)).max() < 5e-5
    np.testing.assert_allclose(result.statistics, statistics_of(module), rtol=1e-3, atol=1e-4)
    arrays = (torch.from_numpy(array)[None] for array in (result.parameters, result.statistics))
    with torch.no_grad():
        outputs = outputs_of(*arrays, result.layout, stack([run.recipe]), data.inputs)[0]
        torch.testing.assert_close(outputs, module.eval()(data.inputs[0]), rtol=1e-3, atol=1e-3)


def test_batch_norm_stands_before_dropout():
    """Dropout after it can't shift the variance that it sees: the statistics are those of a run without dropout."""
    data, settings = make_data(), full_batch("sgd", 1, hidden=(10,))
    plain, dropped = (
        make_run(Recipe(parts), learning_rate=0.01) for parts in ((BatchNorm(),), (BatchNorm(), Dropout(0.5)))
    )
    one, other = train(data, [plain, dropped], settings)
    assert len(one.run.train) == ROWS
    np.testing.assert_array_equal(one.statistics, other.statistics)
    assert not np.array_equal(one.parameters, other.parameters)
