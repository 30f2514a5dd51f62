"""What a recipe does to a user's training batches."""

import pytest
import torch
from torch import nn

from goodfit.errors import InputError
from goodfit.torch import Regularized


def model(recipe, **more):
    return Regularized(nn.Linear(4, 3), recipe, **more)


def test_without_augmentation_a_batch_is_itself():
    x, y = torch.randn(5, 4), torch.arange(5)
    inputs, targets = model("l2=0.1").augment(x, y)
    assert inputs is x
    assert targets is y


def test_noise_is_drawn_anew_each_time_and_the_same_under_one_seed():
    x, y = torch.zeros(1000, 4), torch.zeros(1000)
    one, other = model("gaussian_noise=0.5"), model("gaussian_noise=0.5")
    first, second = one.augment(x, y)[0], one.augment(x, y)[0]
    assert first.std().item() == pytest.approx(0.5, abs=0.02)
    assert not torch.equal(first, second)
    assert torch.equal(other.augment(x, y)[0], first)
    assert not torch.equal(model("gaussian_noise=0.5", seed=1).augment(x, y)[0], first)


def test_mixup_mixes_inputs_and_targets_alike():
    y = torch.arange(300) % 3
    x = torch.nn.functional.one_hot(y, 4).float()
    inputs, targets = model("mixup=1", classes=3).augment(x, y)
    torch.testing.assert_close(inputs[:, :3], targets)
    assert ((targets > 0) & (targets < 1)).any()
    torch.testing.assert_close(targets.sum(1), torch.ones(300))


def test_mixup_of_quantities():
    x = torch.randn(50, 4)
    inputs, targets = model("mixup=1").augment(x, x[:, 0])
    assert targets.shape == (50,)
    torch.testing.assert_close(inputs[:, 0], targets)


def test_label_smoothing_is_that_of_torch():
    y, logits = torch.arange(6) % 3, torch.randn(6, 3)
    _, targets = model("label_smoothing=0.1", classes=3).augment(torch.randn(6, 4), y)
    ours = nn.functional.cross_entropy(logits, targets)
    torch.testing.assert_close(ours, nn.functional.cross_entropy(logits, y, label_smoothing=0.1))


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_label_smoothing_of_two_classes(shape):
    y = (torch.arange(6) % 2).float().view(shape)
    _, targets = model("label_smoothing=0.2").augment(torch.randn(6, 4), y)
    torch.testing.assert_close(targets, y * 0.8 + 0.1)


def test_pictures_are_flipped():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LazyLinear(2))
    net(torch.zeros(1, 1, 8, 8))
    x = torch.arange(64.0).view(1, 1, 8, 8).repeat(40, 1, 1, 1)
    changed, _ = Regularized(net, "flip=0.5").augment(x, torch.zeros(40))
    mirrored = [torch.equal(row, x[0].flip(-1)) for row in changed]
    assert 5 < sum(mirrored) < 35
    assert all(torch.equal(row, x[0]) for row, flipped in zip(changed, mirrored, strict=True) if not flipped)


@pytest.mark.parametrize(
    ("recipe", "shape", "message"),
    [
        ("mixup=0.2", (5, 4), "mixup turns class numbers into probabilities: say how many, as in classes=10"),
        ("time_shift=0.1", (5, 3, 8, 8), r"those for sounds \(rows, 1, bands, frames\)"),
        ("flip=0.5", (5, 4), r"inputs of shape \(5, 4\) don't suit the recipe"),
    ],
)
def test_a_batch_that_does_not_suit(recipe, shape, message):
    with pytest.raises(InputError, match=message):
        model(recipe).augment(torch.randn(shape), torch.zeros(5, dtype=torch.int64))


@pytest.mark.parametrize("recipe", ["time_shift=0.2", "gain=6", "pitch_shift=3", "time_stretch=0.2", "erasing=1"])
def test_spectrograms_are_changed(recipe):
    x = torch.rand(8, 1, 40, 50) * 4 - 2
    changed, _ = model(recipe).augment(x, torch.zeros(8))
    assert changed.shape == x.shape
    assert changed.isfinite().all()
    assert not torch.equal(changed, x)


@pytest.mark.parametrize(
    ("recipe", "inputs", "targets", "message"),
    [
        ("mixup=1", [[1.0]], torch.zeros(1), "the inputs of a batch are a list"),
        ("mixup=1", torch.zeros(3, 4), torch.zeros(2), "3 rows of inputs and 2 targets"),
        ("mixup=1", torch.zeros(2, 4), torch.tensor([0, 3]), "one class number a row from 0 to 2: .* from 0 to 3"),
        ("mixup=1", torch.zeros(2, 4), torch.tensor([[0], [1]]), "one class number a row from 0 to 2"),
        ("label_smoothing=0.1", torch.zeros(2, 4), torch.tensor([0.5, 20.0]), "is for classes, and there are targets"),
    ],
)
def test_a_batch_that_makes_no_sense_is_told_in_a_line(recipe, inputs, targets, message):
    with pytest.raises(InputError, match=message):
        model(recipe, classes=3).augment(inputs, targets)


def test_the_number_of_classes_is_whole():
    with pytest.raises(InputError, match="classes is '3'; give a whole number of 2 or more"):
        model("mixup=1", classes="3")
