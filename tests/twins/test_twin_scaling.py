"""A scaling layer against a module of torch that has one, with a parameter group for its learning rate."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from twin_networks import LOSSES, full_batch, initial_module, make_data, make_run, one_thread, vector_of

from goodfit.networks import folded, views
from goodfit.regularizers import L2, BatchNorm, Dropout, Recipe, WeightAveraging
from goodfit.training import Data, Settings, train

BOTH_ENGINES = True

STEPS, TOLERANCE, FASTER = 30, 2e-5, 6.0
RATE = {"sgd": 0.003, "adam": 1e-3}
AVERAGED = Recipe((WeightAveraging(0.8),))


class Scaling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.ones(6))

    def forward(self, rows):
        return rows * self.factors


def twin(data: Data, run, settings: Settings, *, decay: float = 0.0, of_biases: float = 0.0):
    """Torch's factors, linear layers and the means of both, after as many steps."""
    scaling, module = Scaling(), initial_module(data, run, settings)
    kind = torch.optim.SGD if settings.optimizer == "sgd" else torch.optim.Adam
    weights = [p for p in module.parameters() if p.dim() == 2]
    others = [p for p in module.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": of_biases}]
    groups.append({"params": [scaling.factors], "lr": FASTER * run.learning_rate})
    more = {"momentum": settings.momentum} if settings.optimizer == "sgd" else {}
    stepping = kind(groups, lr=run.learning_rate, **more)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(stepping, T_max=settings.max_epochs)
    average = torch.optim.swa_utils.AveragedModel(
        nn.Sequential(scaling, module), multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.8)
    )
    with one_thread():
        for _ in range(settings.max_epochs):
            stepping.zero_grad()
            LOSSES[data.task](module(scaling(data.inputs[0])), data.targets[0]).backward()
            stepping.step()
            average.update_parameters(nn.Sequential(scaling, module))
            if settings.schedule == "cosine":
                cosine.step()
    return scaling, module, average.module


def as_one(scaling, module):
    """The factors taken into the first layer."""
    first = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        first.weight.mul_(scaling.factors)
    return vector_of(module)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize(
    ("optimizer", "hidden"),
    [("sgd", (12, 7)), ("sgd", ()), ("adam", (12, 7))],  # Adam scales up the rounding in a linear model's first bias
)
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_network_with_a_scaling_layer(task, optimizer, schedule, hidden):
    data, run = make_data(task), make_run(learning_rate=RATE[optimizer])
    settings = replace(full_batch(optimizer, STEPS, hidden=hidden, schedule=schedule), scaling=FASTER)
    (result,) = train(data, [run], settings)
    scaling, module, _ = twin(data, run, settings)
    assert (scaling.factors - 1).abs().max() > 0.005, "factors that stay prove nothing"
    assert abs(result.parameters - as_one(scaling, module)).max() < TOLERANCE
    assert result.layout == result.layout.plain
    assert len(result.parameters) == result.layout.total


@pytest.mark.parametrize("biases", [False, True], ids=["weights", "biases too"])
def test_penalties_never_act_on_the_factors(biases):
    data, run = make_data(), make_run(L2(0.02, biases=biases), learning_rate=RATE["adam"])
    settings = replace(full_batch("adam", STEPS), scaling=FASTER)
    (result,) = train(data, [run], settings)
    scaling, module, _ = twin(data, run, settings, decay=0.04, of_biases=0.04 * biases)
    assert abs(result.parameters - as_one(scaling, module)).max() < TOLERANCE


def test_an_average_is_one_of_weights_and_of_factors():
    data, run = make_data(), make_run(AVERAGED, learning_rate=RATE["adam"])
    settings = replace(full_batch("adam", STEPS), scaling=FASTER)
    (result,) = train(data, [run], settings)
    _, _, mean = twin(data, run, settings)
    assert abs(result.parameters - as_one(*mean)).max() < TOLERANCE


@pytest.mark.parametrize("recipe", [None, BatchNorm(), Dropout(0.3, input=0.2), AVERAGED])
@pytest.mark.parametrize("optimizer", RATE)
def test_factors_that_do_not_move_change_nothing(recipe, optimizer):
    """Bit for bit."""
    data, run = make_data("multiclass"), make_run(recipe, learning_rate=RATE[optimizer])
    settings = full_batch(optimizer, STEPS)
    (without,) = train(data, [run], settings)
    (still,) = train(data, [run], replace(settings, scaling=1e-30))
    assert (without.parameters == still.parameters).all()
    assert (without.history.train == still.history.train).all()


def test_convolutions_have_none():
    layout = make_data().layout(Settings((3,), channels=(2,), scaling=FASTER), batch_norm=False)
    assert not layout.scaling


def test_folded_parameters_predict_the_same():
    layout = make_data().layout(Settings((5,), scaling=FASTER), batch_norm=True)
    flat = torch.randn(3, layout.total, generator=torch.Generator().manual_seed(0))
    before, kept = views(flat.clone(), layout), flat.clone()
    after = views(folded(flat, layout), layout)
    torch.testing.assert_close(after.weights[0], before.factors[0].transpose(1, 2) * before.weights[0])
    assert (after.factors[0] == 1).all()
    assert torch.equal(flat, kept), "the state that goes on training stays as it is"
    plain = layout.plain
    assert folded(flat[:, : plain.total], plain).data_ptr() == flat.data_ptr()
