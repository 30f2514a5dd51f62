"""A row's weight in the loss: how many times it counts."""

import numpy as np
import pytest
import torch
from training_problems import ROWS, make_data, make_run, make_settings

from goodfit.training import train

FULL_BATCH = {"batch_size": ROWS * 2, "max_epochs": 30}
TASKS = pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])


def parameters(task, weights, rows, **changes):
    data = make_data(task, weights=weights)
    return train(data, [make_run(rows, recipe="l2=0.01")], make_settings(**(FULL_BATCH | changes)))[0].parameters


@TASKS
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_two_is_the_row_twice(task, optimizer):
    weights = torch.ones(ROWS)
    weights[:10] = 2.0
    heavy = parameters(task, weights, range(40), optimizer=optimizer)
    twice = parameters(task, torch.ones(ROWS), [*range(40), *range(10)], optimizer=optimizer)
    plain = parameters(task, torch.ones(ROWS), range(40), optimizer=optimizer)
    np.testing.assert_allclose(heavy, twice, rtol=0, atol=2e-5)
    assert np.abs(heavy - plain).max() > 1e-3


@TASKS
def test_weight_zero_is_no_row(task):
    weights = torch.ones(ROWS)
    weights[30:40] = 0.0
    without = parameters(task, torch.ones(ROWS), range(30))
    np.testing.assert_allclose(parameters(task, weights, range(40)), without, rtol=0, atol=2e-5)


@TASKS
@pytest.mark.parametrize("scale", [0.001, 3.0, 1000.0])
def test_only_the_proportions_of_weights_matter(task, scale):
    """The penalty keeps its weight beside the loss, also in batches."""
    weights = torch.linspace(0.5, 2.0, ROWS)
    one, scaled = (parameters(task, w, range(40), batch_size=8) for w in (weights, scale * weights))
    np.testing.assert_allclose(one, scaled, rtol=0, atol=2e-5)
