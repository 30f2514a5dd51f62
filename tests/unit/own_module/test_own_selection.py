"""Group L1 empties inputs of no use, in a loop of its user's own, and in layers of any kind."""

import pytest
import torch
from own_module import FIRST_SEED, USUAL, trained
from torch import nn

from goodfit.regularizers import GroupL1, Recipe
from goodfit.torch import Regularized

BEST = {"regression": {USUAL: 0.012, "group_l1": 0.008}, "classification": {USUAL: 0.003, "group_l1": 0.008}}
"""Each penalty's strength of the least held-out loss."""


def assert_selects(kind, seed, epochs):
    """A loss on new rows no worse than the usual penalty's, of 42 useless inputs hardly one left, none of use lost."""
    found = {name: trained(kind, seed, name, strength, epochs=epochs) for name, strength in BEST[kind].items()}
    (_, usual, none, _), (_, loss, useless, lost) = found.values()
    assert none == 0.0
    assert loss <= usual
    assert useless > 0.8
    assert lost == 0.0


def test_useless_inputs_are_emptied_at_no_worse_a_loss():
    assert_selects("classification", FIRST_SEED, epochs=20)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BEST)
@pytest.mark.parametrize("seed", [1, 2])
def test_useless_inputs_are_emptied_at_no_worse_a_loss_on_other_problems(kind, seed):
    assert_selects(kind, FIRST_SEED + seed, epochs=80)


LAYERS = {
    "linear": (lambda: nn.Linear(6, 4), (3, 6), 0),
    "conv": (lambda: nn.Conv2d(2, 5, 3), (3, 2, 8, 8), 0),
    "transposed": (lambda: nn.ConvTranspose2d(2, 5, 3), (3, 2, 8, 8), 1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_group_is_the_weights_out_of_an_input(name):
    make, shape, units = LAYERS[name]
    torch.manual_seed(1)
    layer = make()
    before = layer.weight.detach().clone()
    model = Regularized(layer, GroupL1(1.0, half_at=float("inf")))
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.2))
    (0.0 * model(torch.randn(shape))).sum().backward()
    optimizer.step()
    norms = before.norm(dim=units, keepdim=True)
    bound = 0.2 * before.shape[units] ** 0.5
    assert (norms < bound).any() or name == "linear"
    torch.testing.assert_close(layer.weight.detach(), before * (1.0 - bound / norms).clamp(min=0.0))


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_the_neutral_dose_changes_no_bit(kind):
    torch.manual_seed(0)
    X, y = torch.randn(40, 5), torch.randn(40, 1)
    ours, theirs = nn.Linear(5, 1), nn.Linear(5, 1)
    theirs.load_state_dict(ours.state_dict())
    model = Regularized(ours, Recipe((GroupL1(0.0),)))
    optimizer, other = model.attach(kind(ours.parameters(), lr=0.1)), kind(theirs.parameters(), lr=0.1)
    for _ in range(10):
        for net, its in ((ours, optimizer), (theirs, other)):
            its.zero_grad()
            nn.functional.mse_loss(net(X), y).backward()
            its.step()
    assert torch.equal(ours.weight, theirs.weight)
