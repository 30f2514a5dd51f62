import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from training_problems import losses_by_hand, make_data, make_run, make_settings

from goodfit.training import train
from goodfit.training.losses import best_constant, row_losses

TASKS = ["regression", "binary", "multiclass"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_constant_has_the_least_loss_of_all_constants(task, weighted):
    targets = make_data(task).targets[0].double()
    weights = torch.linspace(0.0, 3.0, len(targets)).double() if weighted else torch.ones(len(targets)).double()

    def loss(constant):
        outputs = torch.tensor(constant).expand(len(targets), -1)
        return (row_losses(outputs, targets, task) * weights).sum().item()

    found = best_constant(targets, weights, task)
    least = minimize(loss, np.full(targets.shape[1], 0.1), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    assert loss(found.tolist()) == pytest.approx(least.fun, rel=1e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_one_class_alone_has_a_finite_constant(task):
    targets = torch.zeros(9, 1) if task == "binary" else torch.eye(3)[:1].expand(9, 3)
    constant = best_constant(targets, torch.ones(9), task)
    assert constant.isfinite().all()
    assert row_losses(constant.expand(9, -1), targets, task).max() < 1e-3


def test_losses_in_closed_form():
    half = math.log(2.0)
    assert row_losses(torch.tensor([3.0]), torch.tensor([1.0]), "regression").item() == 4.0
    assert row_losses(torch.tensor([0.0]), torch.tensor([1.0]), "binary").item() == pytest.approx(half)
    assert row_losses(torch.zeros(4), torch.eye(4)[2], "multiclass").item() == pytest.approx(2 * half)
    assert row_losses(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 0.5]), "multiclass").item() == pytest.approx(half)


def test_many_classes_by_two_are_the_binary_loss():
    outputs = torch.linspace(-5, 5, 11)[:, None]
    for target in (0.0, 1.0, 0.3):
        one = row_losses(outputs, torch.full((11, 1), target), "binary")
        two = row_losses(
            torch.cat([0 * outputs, outputs], 1), torch.tensor([1 - target, target]).expand(11, 2), "multiclass"
        )
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("task", TASKS)
def test_recorded_losses_are_the_mean_losses_of_the_rows(task):
    """In inference mode, weighted, without the penalty, on the rows as they are."""
    data = make_data(task, weights=torch.linspace(0.5, 2.0, 60))
    run = make_run(recipe="l2=0.01, dropout=0.3 input=0.1, gaussian_noise=0.5, label_smoothing=0.3")
    result = train(data, [run], make_settings())[0]
    for rows, recorded in ((run.train, result.history.train), (run.validation, result.history.validation)):
        losses = losses_by_hand(result, data, rows)
        assert recorded[-1] == pytest.approx(np.average(losses, weights=data.weights[rows]), rel=1e-5)


def test_a_row_that_stands_twice_counts_twice_in_the_recorded_loss():
    data, rows = make_data(), [0, 0, 0, 1, 2, 3]
    result = train(data, [make_run(rows, [7, 7, 8])], make_settings())[0]
    assert result.history.train[-1] == pytest.approx(losses_by_hand(result, data, rows).mean(), rel=1e-5)
    assert result.history.validation[-1] == pytest.approx(losses_by_hand(result, data, [7, 7, 8]).mean(), rel=1e-5)


@pytest.mark.parametrize("company", [0, 200])
def test_the_training_loss_of_many_rows_is_measured_on_a_sample_of_them(company):
    """2,048 rows, drawn without repetition; the same ones beside a member with more rows."""
    data = make_data(rows=2600)
    runs = [make_run(range(2400), ()), make_run(range(2400 + company), (), seed=5)]
    settings = make_settings(hidden=(), batch_size=400, max_epochs=1)
    result = train(data, runs[:1] if not company else runs, settings)[0]
    losses = losses_by_hand(result, data, np.arange(2400))
    error = losses.std() / math.sqrt(2048) * math.sqrt(1 - 2048 / 2400)
    assert result.history.train[0] != pytest.approx(losses.mean(), rel=1e-7)
    assert abs(result.history.train[0] - losses.mean()) < 4 * error
    assert result.history.train[0] == pytest.approx(train(data, runs[:1], settings)[0].history.train[0], rel=1e-5)


def test_many_validation_rows_are_all_measured():
    data = make_data(rows=2600)
    result = train(data, [make_run(range(40), range(40, 2600))], make_settings(max_epochs=1))[0]
    losses = losses_by_hand(result, data, np.arange(40, 2600))
    assert result.history.validation[0] == pytest.approx(losses.mean(), rel=1e-5)
