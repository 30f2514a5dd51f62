"""Losses, label smoothing and weights against torch's."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from twin_networks import ROWS, full_batch, make_data, make_run, train_both, vector_of

from goodfit.regularizers import LabelSmoothing
from goodfit.training.losses import probabilities, row_losses

BOTH_ENGINES = True

CLASSES = 4
EACH_EPSILON = pytest.mark.parametrize("epsilon", [0.0, 0.05, 0.2, 1.0])


def sgd(module):
    return torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)


def outputs_and_classes(columns=CLASSES):
    generator = torch.Generator().manual_seed(0)
    return 3.0 * torch.randn(30, columns, generator=generator), torch.randint(
        max(columns, 2), (30,), generator=generator
    )


def gradient(loss, outputs):
    return torch.autograd.grad(loss, outputs)[0]


@EACH_EPSILON
def test_label_smoothing_of_many_classes(epsilon):
    outputs, classes = outputs_and_classes()
    targets = LabelSmoothing(epsilon).targets(F.one_hot(classes, CLASSES).float())
    outputs.requires_grad_()
    ours = row_losses(outputs, targets, "multiclass").mean()
    twin = nn.CrossEntropyLoss(label_smoothing=epsilon)(outputs, classes)
    torch.testing.assert_close(ours, twin)
    torch.testing.assert_close(gradient(ours, outputs), gradient(twin, outputs))
    torch.testing.assert_close(targets.sum(-1), torch.ones(30))


@EACH_EPSILON
def test_label_smoothing_of_two_classes_is_that_of_two_columns(epsilon):
    outputs, classes = outputs_and_classes(1)
    targets = LabelSmoothing(epsilon).targets(classes[:, None].float())
    outputs.requires_grad_()
    ours = row_losses(outputs, targets, "binary").mean()
    twin = nn.CrossEntropyLoss(label_smoothing=epsilon)(torch.cat([torch.zeros_like(outputs), outputs], 1), classes)
    torch.testing.assert_close(ours, twin)
    torch.testing.assert_close(gradient(ours, outputs), gradient(twin, outputs))


def test_losses_of_extreme_outputs_are_finite():
    far = torch.tensor([[-200.0], [200.0]])
    assert row_losses(far, torch.tensor([[1.0], [0.0]]), "binary").tolist() == [200.0, 200.0]
    wide = torch.tensor([[-300.0, 300.0, 0.0]])
    assert row_losses(wide, torch.tensor([[1.0, 0.0, 0.0]]), "multiclass").tolist() == [600.0]


def test_probabilities_are_those_of_torch():
    outputs, _ = outputs_and_classes()
    torch.testing.assert_close(probabilities(outputs, "multiclass"), F.softmax(outputs, -1))
    two = probabilities(outputs[:, :1], "binary")
    torch.testing.assert_close(two, F.softmax(torch.cat([torch.zeros(30, 1), outputs[:, :1]], 1), -1))
    assert probabilities(outputs, "regression") is outputs


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_network_trained_with_label_smoothing(task):
    def loss(outputs, targets):
        if task == "binary":
            outputs, targets = torch.cat([torch.zeros_like(outputs), outputs], 1), torch.cat([1 - targets, targets], 1)
        return nn.CrossEntropyLoss(label_smoothing=0.2)(outputs, targets.argmax(1))

    run = make_run(LabelSmoothing(0.2), learning_rate=0.05)
    result, module = train_both(make_data(task), run, full_batch("sgd", 50), sgd, loss=loss)
    assert np.abs(result.parameters - vector_of(module)).max() < 1e-5
    true_loss = loss_without_smoothing(module, make_data(task))
    assert result.history.train[-1] == pytest.approx(true_loss, rel=1e-5)


def loss_without_smoothing(module, data):
    with torch.no_grad():
        outputs = module(data.inputs[0])
        if data.task == "binary":
            return nn.BCEWithLogitsLoss()(outputs, data.targets[0]).item()
        return nn.CrossEntropyLoss()(outputs, data.targets[0]).item()


def test_label_smoothing_leaves_regression_alone():
    run, plain = make_run(LabelSmoothing(0.5), learning_rate=0.05), make_run(learning_rate=0.05)
    ours, other = (train_both(make_data(), r, full_batch("sgd", 5), sgd)[0] for r in (run, plain))
    np.testing.assert_array_equal(ours.parameters, other.parameters)


def test_class_weights_are_those_of_torch():
    """torch divides by the sum of the rows' class weights; here rows have these weights, and their mean is 1."""
    class_weights = torch.tensor([0.5, 1.0, 4.0, 2.0])
    classes = make_data("multiclass").targets[0].argmax(1)
    data = make_data("multiclass", weights=class_weights[classes])
    twin = nn.CrossEntropyLoss(weight=class_weights)
    run = make_run(learning_rate=0.05)
    settings = full_batch("sgd", 50)
    result, module = train_both(data, run, settings, sgd, loss=lambda o, t: twin(o, t.argmax(1)))
    assert np.abs(result.parameters - vector_of(module)).max() < 1e-5
    assert result.history.train[-1] == pytest.approx(twin(module(data.inputs[0]), classes).item(), rel=1e-5)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_row_weights_are_a_weighted_mean(task):
    weights = torch.rand(ROWS, generator=torch.Generator().manual_seed(5)) * 3.0
    weights[:7] = 0.0

    def loss(outputs, targets):
        rows = row_losses(outputs, targets, task)
        return (weights * rows).sum() / weights.sum()

    data, run = make_data(task, weights=weights), make_run(learning_rate=0.05)
    result, module = train_both(data, run, full_batch("sgd", 50), sgd, loss=loss)
    assert np.abs(result.parameters - vector_of(module)).max() < 1e-5
