"""The average of weights against torch's AveragedModel, batch norm's statistics against its update_bn."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn
from twin_networks import full_batch, make_data, make_run, statistics_of, train_both, vector_of

from goodfit.regularizers import BatchNorm, Recipe, WeightAveraging

BOTH_ENGINES = True


def train_averaged(decay, *, steps, batch_norm):
    """Our averaged network and torch's, with its statistics computed anew."""
    data = make_data()
    parts = (WeightAveraging(decay), *([BatchNorm()] if batch_norm else []))
    averaged = []

    def average(module):
        if not averaged:
            averaged.append(AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay)))
        averaged[0].update_parameters(module)

    run = make_run(Recipe(parts), learning_rate=0.03)
    sgd = lambda module: torch.optim.SGD(module.parameters(), lr=0.03, momentum=0.9)  # noqa: E731
    result, _ = train_both(data, run, full_batch("sgd", steps), sgd, after_step=average)
    update_bn([data.inputs[0]], averaged[0])
    return result, averaged[0].module.eval(), data


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 40])
def test_averaged_weights_and_their_statistics(decay, batch_norm, steps):
    result, module, data = train_averaged(decay, steps=steps, batch_norm=batch_norm)
    assert np.abs(result.parameters - vector_of(module)).max() < 2e-5
    if batch_norm and decay > 0:
        np.testing.assert_allclose(result.statistics, statistics_of(module), rtol=1e-4, atol=1e-5)
    if not batch_norm or decay > 0:
        with torch.no_grad():
            loss = nn.MSELoss()(module(data.inputs[0]), data.targets[0]).item()
        assert result.history.train[-1] == pytest.approx(loss, rel=1e-4)
