"""What each docstring says of both ends of its dose."""

import math

import numpy as np
import pytest
import torch

from goodfit.regularizers import (
    L1,
    L2,
    BatchNorm,
    Dropout,
    EarlyStopping,
    ElasticNet,
    GaussianNoise,
    GroupL1,
    LabelSmoothing,
    MaxNorm,
    Recipe,
    WeightAveraging,
    WeightDecay,
)
from goodfit.regularizers.form import Form
from goodfit.rng import Purpose, Streams
from goodfit.training import Data, Run, Settings, train

WEIGHTS = torch.tensor([[3.0, -0.1], [4.0, 0.2]])
DRAW = Streams.of([0]).at(Purpose.DROPOUT)
HIDDEN = torch.randn(1, 2000, 4, generator=torch.Generator().manual_seed(0))
FOREVER = EarlyStopping(math.inf)


def trained(*parts, learning_rate=0.05, epochs=30, task="regression", validation=()):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, 48, 3, generator=generator)
    targets = (inputs[..., :1] + 0.5 * torch.randn(1, 48, 1, generator=generator)) + 1.0
    targets = targets if task == "regression" else (targets > 1).float()
    run = Run(Recipe(parts), 0, np.arange(40), np.array(validation, np.int64), learning_rate=learning_rate)
    settings = Settings((6,), optimizer="sgd", momentum=0.0, batch_size=20, max_epochs=epochs)
    return train(Data(inputs, targets, torch.ones(48), task), [run], settings)[0]


def weights_of(result):
    return result.parameters[: result.layout.weights]


def watched(*parts, learning_rate=1.0):
    return trained(*parts, learning_rate=learning_rate, task="binary", validation=range(40, 48))


@pytest.mark.parametrize("kind", [L1, ElasticNet, lambda strength: GroupL1(strength, half_at=math.inf)])
def test_from_some_strength_on_all_weights_are_zero(kind):
    assert not weights_of(trained(kind(10.0))).any()
    assert weights_of(trained(kind(0.0))).all()


def test_as_l2_grows_all_weights_shrink():
    sizes = [np.abs(weights_of(trained(L2(strength)))).max() for strength in (0.0, 0.1, 1.0, 8.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 1e-3
    assert weights_of(trained(L2(1.0))).all()


def test_the_ends_of_l1_ratio_are_l2_and_l1():
    step = 0.3
    assert torch.equal(ElasticNet(0.5, l1_ratio=1.0).prox(WEIGHTS, step), L1(0.5).prox(WEIGHTS, step))
    torch.testing.assert_close(ElasticNet(0.5, l1_ratio=0.0).prox(WEIGHTS, step), WEIGHTS / (1 + 2 * step * 0.5))


def test_from_some_strength_on_all_groups_are_zero_at_the_usual_half_at():
    assert not weights_of(trained(GroupL1(1000.0))).any()


def test_the_ends_of_half_at_are_the_group_lasso_and_a_penalty_on_small_groups_alone():
    lasso, small = (GroupL1(1.0, half_at=h).prox(WEIGHTS, 0.5) for h in (math.inf, 1e-6))
    norms = WEIGHTS.norm(dim=1, keepdim=True)
    torch.testing.assert_close(lasso, WEIGHTS * (1.0 - 0.5 * math.sqrt(2.0) / norms))
    torch.testing.assert_close(small, WEIGHTS, rtol=0, atol=1e-5)
    assert not GroupL1(1.0, half_at=1e-6).prox(1e-7 * WEIGHTS, 0.5).any()


def test_max_norm_of_radius_zero_makes_all_weights_zero_and_of_infinity_never_acts():
    assert not MaxNorm(0.0).prox(WEIGHTS, 0.1).any()
    assert torch.equal(MaxNorm(math.inf).prox(WEIGHTS, 0.1), WEIGHTS)
    assert not weights_of(trained(MaxNorm(0.0))).any()
    norms = trained(MaxNorm(0.5), learning_rate=0.3).parameters[:18].reshape(3, 6)
    assert np.linalg.norm(norms, axis=0).max() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("strength", [10.0, 1000.0])
def test_decay_of_one_over_the_learning_rate_or_more_takes_all_weights_before_each_step(strength):
    assert not WeightDecay(strength).decay(WEIGHTS, 0.1).any()
    stacked = WeightDecay(torch.tensor([strength, 0.0], dtype=torch.float64))
    both = stacked.decay(WEIGHTS.expand(2, 2, 2), torch.tensor([0.1, 0.1]))
    assert not both[0].any()
    assert torch.equal(both[1], WEIGHTS)


def test_dropout_of_one_drops_all_and_of_zero_nothing():
    assert not Dropout(1.0).drop(HIDDEN, DRAW, layer=1).any()
    assert torch.equal(Dropout(0.0).drop(HIDDEN, DRAW, layer=1), HIDDEN)
    assert torch.equal(Dropout(0.0, input=1.0).drop(HIDDEN, DRAW, layer=1), HIDDEN)
    assert not Dropout(0.0, input=1.0).drop(HIDDEN, DRAW, layer=0).any()


def test_noise_of_zero_adds_nothing_and_much_drowns_the_inputs():
    assert torch.equal(GaussianNoise(0.0).inputs(HIDDEN, DRAW, Form()), HIDDEN)
    drowned = GaussianNoise(100.0).inputs(HIDDEN, DRAW, Form())
    assert abs(np.corrcoef(HIDDEN.flatten(), drowned.flatten())[0, 1]) < 0.1
    assert drowned.std().item() == pytest.approx(100.0, rel=0.05)


def test_noise_is_drawn_anew_at_each_step_and_for_each_member():
    draws = [Streams.of([1, 2]).at(Purpose.NOISE, step=step) for step in (0, 1)]
    one, other = (GaussianNoise(1.0).inputs(torch.zeros(2, 10, 3), draw, Form()) for draw in draws)
    assert not torch.isclose(one, other).any()
    assert not torch.isclose(one[0], one[1]).any()


@pytest.mark.parametrize("classes", [2, 4])
def test_smoothing_of_one_makes_all_classes_alike(classes):
    targets = torch.eye(classes)[:, 1:] if classes == 2 else torch.eye(classes)
    assert LabelSmoothing(1.0).targets(targets).tolist() == torch.full_like(targets, 1 / classes).tolist()
    assert torch.equal(LabelSmoothing(0.0).targets(targets), targets)


def test_patience_of_one_stops_at_the_first_epoch_without_improvement():
    result = watched(EarlyStopping(1))
    assert result.outcome == "stopped"
    falls = np.diff(result.history.validation) < 0
    assert falls[:-1].all()
    assert not falls[-1]
    assert result.best_epoch == result.epochs - 1


def test_infinite_patience_never_stops_and_keeps_the_last_weights():
    forever, without = watched(FOREVER), watched()
    assert (forever.outcome, forever.best_epoch, forever.epochs) == ("finished", 30, 30)
    np.testing.assert_array_equal(forever.parameters, without.parameters)


def test_an_unreachable_min_delta_keeps_the_first_epoch():
    result = watched(EarlyStopping(4, min_delta=1e6))
    assert (result.outcome, result.best_epoch, result.epochs) == ("stopped", 1, 5)


def test_without_validation_rows_nothing_stops():
    result = trained(EarlyStopping(1), learning_rate=0.5)
    assert (result.outcome, result.best_epoch) == ("finished", 30)
    assert np.isnan(result.history.validation).all()


def test_averaging_with_a_decay_near_one_hardly_moves():
    moved = [weights_of(trained(*parts)) for parts in ((), (WeightAveraging(0.0),), (WeightAveraging(0.9999),))]
    first = weights_of(trained(epochs=1))
    np.testing.assert_array_equal(moved[0], moved[1])
    assert np.abs(moved[2] - first).max() < 0.1 * np.abs(moved[0] - first).max()


def test_batch_norm_of_momentum_one_keeps_the_last_batch_alone():
    part, old, new = BatchNorm(momentum=1.0), torch.zeros(1, 1, 2), torch.full((1, 1, 2), 7.0)
    assert torch.equal(part.track(old, new), new)
    assert part.track(old, new).tolist() == [[[7.0, 7.0]]]
    assert BatchNorm(momentum=0.25).track(old, new).tolist() == [[[1.75, 1.75]]]
