import math
from dataclasses import replace

import pytest
import torch
from training_problems import make_settings

from goodfit.training.optimizer import adam, schedule_factor, sgd

GRADIENT = torch.tensor([[0.3, -2.0, 1e-3], [5.0, 0.1, -0.7]])
RATE = torch.tensor([[0.1], [0.02]])


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_size_of_a_step_of_sgd_is_what_a_steady_gradient_moves(momentum):
    velocity = torch.zeros(2, 3)
    for _ in range(300):
        step = sgd(GRADIENT, velocity, learning_rate=RATE, momentum=momentum)
    torch.testing.assert_close(step.change, step.size * GRADIENT)
    torch.testing.assert_close(step.size, RATE / (1.0 - momentum))


def test_the_size_of_a_step_of_adam_is_what_a_steady_gradient_moves():
    first, second = torch.zeros(2, 3), torch.zeros(2, 3)
    for number in range(1, 50):
        step = adam(GRADIENT, first, second, learning_rate=RATE, step=number)
        torch.testing.assert_close(step.change, step.size * GRADIENT)
        torch.testing.assert_close(step.change, RATE * GRADIENT.sign(), rtol=1e-4, atol=0)


def test_a_weight_without_a_gradient_stays():
    zeros = torch.zeros(1, 3)
    step = adam(zeros, zeros.clone(), zeros.clone(), learning_rate=RATE[:1], step=1)
    assert not step.change.any()
    assert step.size.isfinite().all()


def test_the_constant_schedule_is_one():
    settings = make_settings(max_epochs=10)
    assert {schedule_factor(settings, step, 3) for step in range(30)} == {1.0}


@pytest.mark.parametrize("steps_an_epoch", [1, 3])
def test_the_cosine_schedule_falls_from_one_to_nearly_nothing(steps_an_epoch):
    settings = replace(make_settings(max_epochs=10), schedule="cosine")
    factors = [schedule_factor(settings, step, steps_an_epoch) for step in range(10 * steps_an_epoch + 1)]
    assert factors[0] == 1.0
    assert factors == sorted(factors, reverse=True)
    assert factors[5 * steps_an_epoch] == pytest.approx(0.5)
    assert factors[-1] == pytest.approx(0.0, abs=1e-12)
    assert factors[1] == pytest.approx((1 + math.cos(math.pi / (10 * steps_an_epoch))) / 2)
