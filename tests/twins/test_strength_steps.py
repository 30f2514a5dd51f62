"""Networks with hidden layers take the same steps under converted strengths, whatever the optimizer.

A penalty in the loss is one under Adam too, and so is decay; only between the two there is no conversion then.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import nn
from twin_networks import (
    LOSSES,
    full_batch,
    initial_module,
    make_data,
    make_run,
    one_thread,
    train_both,
    vector_of,
    weights_and_others,
)

from goodfit import InputError, strength
from goodfit.regularizers import L2, WeightDecay

pytestmark = pytest.mark.usefixtures("keras_on_torch")
STEPS, TOLERANCE = 20, 2e-5
RATES = {"sgd": 0.03, "adam": 3e-3}
TORCH: dict[str, Callable] = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=RATES["sgd"], momentum=0.9),
    "adam": lambda groups: torch.optim.Adam(groups, lr=RATES["adam"]),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=RATES["adam"]),
}


def groups(module, decay):
    weights, others = weights_and_others(module)
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def goodfit_and_torch(recipe, optimizer, torch_optimizer, decay):
    """The parameters of our network and of torch's, which decays by as much."""
    run = make_run(recipe, learning_rate=RATES[optimizer])
    result, module = train_both(
        make_data(), run, full_batch(optimizer, STEPS), lambda module: TORCH[torch_optimizer](groups(module, decay))
    )
    return result.parameters, vector_of(module)


def keras_optimizer(name, weight_decay):
    """Keras adds Adam's ε before it corrects for the start, where a tenth of it is what others add after."""
    import keras

    if name == "sgd":
        return keras.optimizers.SGD(RATES["sgd"], momentum=0.9, weight_decay=weight_decay)
    return keras.optimizers.Adam(RATES["adam"], epsilon=1e-9, weight_decay=weight_decay)


def keras_network(optimizer, *, l2=0.0, weight_decay=None):
    """The parameters of Keras' network after as many steps from the same weights."""
    import keras

    data, run = make_data(), make_run(learning_rate=RATES[optimizer])
    start = initial_module(data, run, full_batch(optimizer, STEPS))
    linears = [layer for layer in start if isinstance(layer, nn.Linear)]
    activations = ["relu"] * (len(linears) - 1) + [None]
    dense = [
        keras.layers.Dense(linear.out_features, activation, kernel_regularizer=keras.regularizers.L2(l2))
        for linear, activation in zip(linears, activations, strict=True)
    ]
    model = keras.Sequential([keras.Input((data.inputs.shape[-1],)), *dense])
    for layer, linear in zip(dense, linears, strict=True):
        layer.set_weights([linear.weight.detach().numpy().T, linear.bias.detach().numpy()])
    used = keras_optimizer(optimizer, weight_decay)
    used.exclude_from_weight_decay(var_names=["bias"])
    model.compile(used, loss="mse")
    for _ in range(STEPS):
        model.train_on_batch(data.inputs[0].numpy(), data.targets[0].numpy())
    found = [variable.value.detach().numpy().ravel() for layer in dense for variable in layer.weights]
    return np.concatenate(found[::2] + found[1::2])


def assert_same(one, other, tolerance=TOLERANCE):
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_penalties_in_the_loss_are_the_same_under_any_optimizer(optimizer):
    decay = strength(0.05, of="goodfit.l2", to="torch.weight_decay", optimizer=optimizer)
    l2 = strength(decay, of="torch.weight_decay", to="keras.l2", optimizer=optimizer)
    ours, torchs = goodfit_and_torch(L2(0.05), optimizer, optimizer, decay)
    assert_same(ours, torchs)
    assert_same(keras_network(optimizer, l2=l2), torchs)
    assert np.abs(keras_network(optimizer, l2=l2 / 2) - torchs).max() > 20 * TOLERANCE


def test_decays_are_the_same_under_adam():
    decay = strength(2.0, of="goodfit.weight_decay", to="torch.adamw", optimizer="adam")
    for_keras = strength(decay, of="torch.adamw", to="keras.weight_decay")
    ours, torchs = goodfit_and_torch(WeightDecay(2.0), "adam", "adamw", decay)
    assert_same(ours, torchs)
    assert_same(keras_network("adam", weight_decay=for_keras), torchs)


def test_under_adam_no_decay_is_the_l2_that_is_the_same_under_sgd():
    decay = strength(0.05, of="goodfit.l2", to="goodfit.weight_decay", optimizer="sgd")
    with pytest.raises(InputError, match="under Adam"):
        strength(0.05, of="goodfit.l2", to="goodfit.weight_decay", optimizer="adam")
    l2, decayed = goodfit_and_torch(L2(0.05), "adam", "adamw", decay)
    assert np.abs(l2 - decayed).max() > 1000 * TOLERANCE


def scikit_learns(task, **settings):
    """Its network after some epochs over batches in the order of the rows, and the weights that it started from."""
    kind = MLPRegressor if task == "regression" else MLPClassifier
    common = {"hidden_layer_sizes": (7,), "shuffle": False, "tol": 0.0, "random_state": 0, "momentum": 0.0} | settings
    data = make_data(task)
    y = data.targets[0].argmax(-1).numpy() if task == "multiclass" else data.targets[0, :, 0].numpy()
    X = data.inputs[0].numpy().astype(float)
    start = kind(**common | {"max_iter": 1, "learning_rate_init": 1e-14}).fit(X, y)
    return start, kind(**common).fit(X, y)


def module_like(network):
    """A module of torch with a scikit-learn network's weights."""
    layers = []
    for weights, biases in zip(network.coefs_, network.intercepts_, strict=True):
        linear = nn.Linear(*weights.shape, dtype=torch.float64)
        linear.weight.data.copy_(torch.tensor(weights.T))
        linear.bias.data.copy_(torch.tensor(biases))
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("batch_size", [20, 30, 80])
def test_scikit_learns_network_is_torchs(task, solver, batch_size):
    """Of 80 rows in batches of 30 the last has 20, and its penalty is the greater.

    For regression its loss is half of torch's: SGD takes half the steps at the same rate, Adam the same.
    """
    epochs, rate, alpha = 10, RATES[solver], 3.0
    start, network = scikit_learns(
        task, solver=solver, batch_size=batch_size, alpha=alpha, max_iter=epochs, learning_rate_init=rate
    )
    module, data = module_like(start), make_data(task)
    kind = torch.optim.SGD if solver == "sgd" else torch.optim.Adam
    slower = 0.5 if task == "regression" and solver == "sgd" else 1.0
    optimizer = kind(groups(module, 0.0), lr=slower * rate)
    purpose = "regression" if task == "regression" else "classification"
    with one_thread():
        for rows in [*torch.arange(80).split(batch_size)] * epochs:
            optimizer.param_groups[0]["weight_decay"] = strength(
                alpha, of="sklearn.mlp", to="torch.weight_decay", batch_size=len(rows), task=purpose
            )
            optimizer.zero_grad()
            LOSSES[task](module(data.inputs[0, rows].double()), data.targets[0, rows].double()).backward()
            optimizer.step()
    assert_same(vector_of(module), vector_of(module_like(network)), 1e-10 if solver == "sgd" else TOLERANCE)
    assert np.abs(vector_of(module_like(start)) - vector_of(module)).max() > 0.01
