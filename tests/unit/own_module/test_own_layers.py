"""Dropout and batch norm in the layers of a user's module."""

import copy
import pickle

import pytest
import torch
from torch import nn

from goodfit.errors import InputError
from goodfit.torch import Regularized
from goodfit.torch.layers import PUT_IN

net = nn.Sequential


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def dropped_share(module, shape=(200, 100), after=None):
    """Share of zeros in what a layer hands on in training."""
    seen = []
    after = after or module
    handle = after.register_forward_hook(
        lambda layer, inputs, outputs: seen.append((outputs == 0).float().mean().item())
    )
    module.train()
    module(torch.ones(shape))
    handle.remove()
    return seen[0]


def test_dropout_layers_take_the_recipe_s_dose():
    module = net(nn.Dropout(0.9), nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2), nn.Dropout(0.1))
    model = Regularized(module, "dropout=0.4 input=0.2")
    assert [module[i].p for i in (0, 3, 5)] == [0.2, 0.4, 0.0]
    assert [str(change) for change in model.changes] == [
        "0: drops 0.2",
        "3: drops 0.4",
        "5: would drop outputs: switched off",
    ]


def test_dropout_inside_recurrent_and_attention_layers():
    module = nn.ModuleDict({"lstm": nn.LSTM(4, 8, num_layers=2, dropout=0.1), "attention": nn.MultiheadAttention(8, 2)})
    Regularized(module, "dropout=0.3")
    assert module["lstm"].dropout == 0.3
    assert module["attention"].dropout == 0.3


def test_a_single_recurrent_layer_has_nothing_to_drop_between():
    module = nn.ModuleDict({"lstm": nn.LSTM(4, 8), "head": nn.Linear(8, 1)})
    model = Regularized(module, "dropout=0.3")
    assert module["lstm"].dropout == 0
    assert [change.done for change in model.changes] == []


def test_without_dropout_layers_it_says_where_they_would_be():
    module = net(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    model = Regularized(module, "dropout=0.4 input=0.2")
    assert [str(change) for change in model.changes] == [
        "0: would take dropout of 0.2 in front of it (insert=True)",
        "2: would take dropout of 0.4 in front of it (insert=True)",
        "4: would take dropout of 0.4 in front of it (insert=True)",
    ]
    x = torch.randn(5, 8)
    assert torch.equal(model.train()(x), model.eval()(x))


def test_inserted_dropout_drops_in_training_alone_and_keeps_names():
    module = net(nn.Identity(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 50))
    names = [*module.state_dict()]
    seen = []
    module[3].register_forward_hook(lambda layer, inputs, outputs: seen.append(inputs[0]))
    model = Regularized(module, "dropout=0.25", insert=True)
    x = torch.randn(400, 100)
    hidden = module[2](module[1](x))
    model.train()(x)
    zeros = (seen[-1] == 0)[hidden > 0].float().mean().item()
    assert zeros == pytest.approx(0.25, abs=0.02)
    kept = seen[-1][(seen[-1] != 0)]
    torch.testing.assert_close(kept, (hidden / 0.75)[seen[-1] != 0])
    model.eval()(x)
    assert torch.equal(seen[-1], hidden)
    assert [*module.state_dict()] == names


def test_dropout_in_front_of_a_batch_norm_acts_behind_it():
    module = net(nn.Linear(100, 100), nn.Dropout(0.5), nn.BatchNorm1d(100), nn.Linear(100, 2))
    model = Regularized(module, "dropout=0.4")
    assert module[1].p == 0
    assert dropped_share(module, after=module[2]) == pytest.approx(0.4, abs=0.03)
    assert dropped_share(module, after=module[1]) == 0
    assert str(model.changes[-1]) == "1: drops 0.4 behind the batch norm that follows it, not in front of it"


def test_dropout_with_weights_between_it_and_a_batch_norm_stays():
    module = net(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    Regularized(module, "dropout=0.4")
    assert module[1].p == 0.4


def test_batch_norms_take_the_recipe_s_settings():
    module = net(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
    Regularized(module, "batch_norm=1 momentum=0.3 eps=0.01")
    assert (module[1].momentum, module[1].eps) == (0.3, 0.01)


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (lambda: net(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2)), (16, 6)),
        (lambda: net(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2)), (16, 5, 6)),
        (lambda: net(nn.Conv1d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 2)), (16, 3, 8)),
        (lambda: net(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)), (16, 3, 8, 8)),
    ],
    ids=["table", "sequence", "signal", "picture"],
)
def test_inserted_batch_norm_standardizes_each_hidden_unit(module, shape):
    module = module()
    seen = []
    model = Regularized(module, "batch_norm=1", insert=True)
    module[1].register_forward_hook(lambda layer, inputs, outputs: seen.append(inputs[0]))
    model.train()(3 + 5 * torch.randn(shape))
    axis = -1 if isinstance(module[0], nn.Linear) else 1
    units = seen[0].movedim(axis, 0).flatten(1)
    torch.testing.assert_close(units.mean(1), torch.zeros(len(units)), atol=1e-5, rtol=0)
    torch.testing.assert_close(units.var(1, correction=0), torch.ones(len(units)), atol=1e-2, rtol=0)


def test_inserted_batch_norms_train_and_must_be_known_to_the_optimizer():
    module = net(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    before = torch.optim.SGD(module.parameters(), lr=0.1)
    model = Regularized(module, "batch_norm=1", insert=True)
    with pytest.raises(InputError, match=f"made before 0.{PUT_IN}.weight was put into the module"):
        model.attach(before)
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.1))
    scale = getattr(module[0], PUT_IN).weight
    model(torch.randn(16, 6)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(scale, torch.ones(8))


def test_a_share_of_batch_norm_leaves_the_rest_as_it_was():
    shares = {}
    x, bare = 3 + 5 * torch.randn(64, 6), net(nn.Linear(6, 8), nn.Linear(8, 2))
    for strength in (0.0, 0.5, 1.0):
        module = copy.deepcopy(bare)
        seen = []
        model = Regularized(module, f"batch_norm={strength}", insert=True)
        module[1].register_forward_pre_hook(lambda layer, inputs, seen=seen: seen.append(inputs[0].detach()))
        model.train()(x)
        shares[strength] = seen[0]
    torch.testing.assert_close(shares[0.5], 0.5 * shares[0.0] + 0.5 * shares[1.0])


def test_a_batch_of_one_row_neither_crashes_nor_poisons_batch_norm():
    module = net(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    model = Regularized(module, "l2=0.1")
    model.train()(torch.randn(32, 4))
    mean, count = module[1].running_mean.clone(), module[1].num_batches_tracked.clone()
    row = torch.randn(1, 4)
    out = model(row)
    assert torch.equal(module[1].running_mean, mean)
    assert torch.equal(module[1].num_batches_tracked, count)
    assert module[1].training
    assert torch.equal(out, model.eval()(row))


def test_single_values_a_channel_of_pictures():
    module = net(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    model = Regularized(module, "l2=0.1")
    assert model.train()(torch.randn(1, 1, 3, 3)).isfinite().all()
    assert module[1].num_batches_tracked == 0
    model(torch.randn(1, 1, 4, 4))
    assert module[1].num_batches_tracked == 1


def test_a_regularized_module_can_be_copied_and_pickled():
    module = net(nn.Linear(4, 8), nn.Dropout(0.2), nn.BatchNorm1d(8), nn.Linear(8, 1))
    model = Regularized(module, "batch_norm=1, dropout=0.4")
    x = torch.randn(6, 4)
    every = [model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for mode in (False, True):
        said = []
        for each in every:
            torch.manual_seed(3)
            said.append(each.train(mode)(x))
        assert torch.equal(said[1], said[0])
        assert torch.equal(said[2], said[0])


@pytest.mark.parametrize(
    "module",
    [
        lambda: net(nn.Linear(8, 100), nn.Dropout(0.5), nn.BatchNorm1d(100), nn.Linear(100, 2)),
        lambda: net(nn.Linear(8, 100), nn.Identity(), nn.Identity(), nn.Linear(100, 2)),
    ],
    ids=["moved", "inserted"],
)
def test_a_module_that_is_wrapped_again_drops_once(module):
    module = module()
    Regularized(module, "dropout=0.5", insert=True)
    again = pickle.loads(pickle.dumps(module))
    Regularized(again, "dropout=0.5", insert=True)
    seen = []
    again[3].register_forward_hook(lambda layer, inputs, outputs: seen.append((inputs[0] == 0).float().mean().item()))
    again.train()(torch.randn(400, 8))
    assert seen[0] == pytest.approx(0.5, abs=0.03)


def test_a_module_wrapped_again_drops_by_the_last_recipe_alone():
    x = torch.randn(50, 8)
    inserted = net(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)).train()
    moved = net(nn.Linear(8, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 2)).train()
    for module in (inserted, moved):
        Regularized(module, "dropout=0.9", insert=True)
        assert not torch.equal(module(x), module(x))
        Regularized(module, "dropout=0", insert=True)
        assert torch.equal(module(x), module(x))


def test_a_recipe_without_dropout_and_batch_norm_leaves_layers_alone():
    module = net(nn.Linear(8, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 2))
    assert Regularized(module, "l2=0.1, early_stopping=5").changes == []
    assert module[1].p == 0.5
    Regularized(module, "batch_norm=1")
    assert module[1].p == 0


class ByName(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(50, 50), nn.BatchNorm1d(50), nn.Linear(50, 50)

    def forward(self, x):
        return self.last(input=self.norm(input=self.first(x)))


def test_inputs_given_by_name_are_dropped_and_single_rows_of_them_kept():
    module = ByName()
    seen = []
    Regularized(module, "dropout=0.5", insert=True)
    module.last.register_forward_pre_hook(lambda layer, given, named: seen.append(named["input"]), with_kwargs=True)
    module.train()(torch.randn(40, 50))
    assert (seen[0] == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert module(torch.randn(1, 50)).isfinite().all()
    assert module.norm.num_batches_tracked == 1


def test_an_attention_s_own_last_layer_is_left_alone():
    module = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model = Regularized(module, "batch_norm=1", insert=True)
    assert [change.layer for change in model.changes] == ["linear1"]
    model.train()(torch.randn(4, 5, 8)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
