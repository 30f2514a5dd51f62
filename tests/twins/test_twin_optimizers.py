"""Our SGD and Adam, L2 and weight decay against torch's, from the same weights and for as many steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from twin_networks import full_batch, make_data, make_run, train_both, vector_of, weights_and_others

from goodfit.regularizers import L2, BatchNorm, Recipe, WeightDecay
from goodfit.training import train

BOTH_ENGINES = True

STEPS, TOLERANCE = 30, 2e-5  # later a unit of ReLU near 0 on some row takes another side by rounding
RATE = {"sgd": 0.03, "adam": 3e-3, "adamw": 3e-3}
EACH_TASK = pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
EVERYTHING = pytest.mark.parametrize("biases", [False, True], ids=["weights", "biases too"])


def groups(module, decay, biases):
    """Parameter groups of torch that decay the weights, and the others if asked for."""
    weights, others = weights_and_others(module)
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": decay if biases else 0.0}]


def sgd(decay=0.0, biases=False):
    return lambda module: torch.optim.SGD(groups(module, decay, biases), lr=RATE["sgd"], momentum=0.9)


def adam(decay=0.0, biases=False):
    return lambda module: torch.optim.Adam(groups(module, decay, biases), lr=RATE["adam"])


def adamw(decay=0.0, biases=False):
    return lambda module: torch.optim.AdamW(groups(module, decay, biases), lr=RATE["adamw"])


def difference(result, module):
    """The largest difference between the two networks' parameters."""
    return np.abs(result.parameters - vector_of(module)).max()


TWINS = {"sgd": sgd, "adam": adam, "adamw": adamw}


@EACH_TASK
@pytest.mark.parametrize("optimizer", TWINS)
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_optimizers_and_schedules(task, optimizer, schedule):
    settings, run = full_batch(optimizer, STEPS, schedule=schedule), make_run(learning_rate=RATE[optimizer])
    result, module = train_both(make_data(task), run, settings, TWINS[optimizer]())
    assert result.epochs == STEPS
    assert difference(result, module) < TOLERANCE


def test_sgd_without_momentum():
    settings, run = replace(full_batch("sgd", STEPS), momentum=0.0), make_run(learning_rate=0.1)
    both = train_both(make_data(), run, settings, lambda module: torch.optim.SGD(module.parameters(), lr=0.1))
    assert difference(*both) < TOLERANCE


@EACH_TASK
@EVERYTHING
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_l2_is_half_the_weight_decay_of_torch_sgd_and_adam(task, optimizer, biases):
    run = make_run(L2(0.02, biases=biases), learning_rate=RATE[optimizer])
    twin = TWINS[optimizer](decay=0.04, biases=biases)
    assert difference(*train_both(make_data(task), run, full_batch(optimizer, STEPS), twin)) < TOLERANCE


@EACH_TASK
@EVERYTHING
def test_weight_decay_is_that_of_torch_adamw(task, biases):
    run = make_run(WeightDecay(0.5, biases=biases), learning_rate=RATE["adamw"])
    twin = adamw(decay=0.5, biases=biases)
    assert difference(*train_both(make_data(task), run, full_batch("adamw", STEPS), twin)) < TOLERANCE


def test_weight_decay_follows_the_schedule():
    run = make_run(WeightDecay(0.5), learning_rate=RATE["adamw"])
    settings = full_batch("adamw", STEPS, schedule="cosine")
    assert difference(*train_both(make_data(), run, settings, adamw(decay=0.5))) < TOLERANCE


@EVERYTHING
def test_scales_and_shifts_of_batch_norm_decay_only_if_asked_for(biases):
    run = make_run(Recipe((BatchNorm(), L2(0.02, biases=biases))), learning_rate=RATE["sgd"])
    twin = sgd(decay=0.04, biases=biases)
    assert difference(*train_both(make_data(), run, full_batch("sgd", STEPS), twin)) < TOLERANCE


def test_l2_and_decay_are_one_under_plain_sgd_and_two_under_adam():
    def difference_of(optimizer, momentum, learning_rate):
        runs = [make_run(recipe, learning_rate=learning_rate) for recipe in (L2(0.05), WeightDecay(0.1))]
        l2, decay = train(make_data(), runs, replace(full_batch(optimizer, STEPS), momentum=momentum))
        return np.abs(l2.parameters - decay.parameters).max()

    assert difference_of("sgd", 0.0, 0.03) < TOLERANCE
    assert difference_of("adam", 0.0, 0.003) > 0.01


@pytest.mark.parametrize("wrong", [adam(decay=0.02), adam(decay=0.08), adamw(decay=0.04), sgd(decay=0.04)])
def test_another_twin_is_another_network(wrong):
    """The tolerance tells a factor of two, decay from L2, and one optimizer from the other."""
    run = make_run(L2(0.02), learning_rate=RATE["adam"])
    assert difference(*train_both(make_data(), run, full_batch("adam", STEPS), wrong)) > 20 * TOLERANCE
