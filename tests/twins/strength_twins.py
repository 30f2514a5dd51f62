"""A linear model under the penalty of each convention, trained by the library that the convention is from.

Trainers take the convention's number and give the weights and the bias `(COLUMNS + 1,)` of the solution. Rows are few,
inputs close to independent, so that some dozens of steps over all rows are enough.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import nn
from twin_networks import one_thread

from goodfit.networks import views
from goodfit.regularizers import L1, L2, ElasticNet, Recipe, Regularizer, WeightDecay
from goodfit.training import Data, Run, Settings, train

ROWS, COLUMNS, STEPS = 60, 5, 120
RATES = {"regression": 0.2, "classification": 3.0}
Weights = NDArray[np.float64]
Trainer = Callable[[float], Weights]


@cache
def problem(task: str) -> tuple[Weights, Weights]:
    """Standardized inputs, and a noisy target that all of them make: a number, or a class of two."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(ROWS, COLUMNS))
    X = (X - X.mean(0)) / X.std(0)
    y = X @ np.array([2.0, -1.5, 1.0, -1.0, 0.7]) + generator.normal(size=ROWS) + 0.3
    return X, y if task == "regression" else (y > 0.0).astype(float)


def goodfit_weights(
    task: str,
    recipe: Recipe | Regularizer,
    *,
    momentum: float = 0.0,
    steps: int = STEPS,
    row_weights: Weights | None = None,
) -> Weights:
    X, y = problem(task)
    counted = torch.ones(ROWS) if row_weights is None else torch.tensor(row_weights, dtype=torch.float32)
    tensors = (torch.tensor(array, dtype=torch.float32)[None] for array in (X, y[:, None]))
    data = Data(*tensors, counted, "regression" if task == "regression" else "binary")
    everything = np.arange(ROWS)
    rate = RATES[task] * (1.0 - momentum)
    run = Run(Recipe.of(recipe), 0, everything, everything[:0], learning_rate=rate)
    settings = Settings((), "sgd", momentum=momentum, batch_size=ROWS, max_epochs=steps)
    (result,) = train(data, [run], settings)
    parts = views(torch.from_numpy(result.parameters)[None], result.layout)
    return np.append(parts.weights[0][0, :, 0].numpy(), parts.biases[0][0, 0].numpy()).astype(float)


def torch_weights(task: str, *, in_gradient: float = 0.0, beside: float = 0.0) -> Weights:
    """SGD's `weight_decay`, and AdamW's written out under SGD, which torch doesn't have."""
    X, y = (torch.tensor(array) for array in problem(task))
    linear = nn.Linear(COLUMNS, 1, dtype=torch.float64)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    loss = nn.MSELoss() if task == "regression" else nn.BCEWithLogitsLoss()
    groups = [{"params": [linear.weight], "weight_decay": in_gradient}, {"params": [linear.bias]}]
    optimizer = torch.optim.SGD(groups, lr=RATES[task])
    with one_thread():
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss(linear(X)[:, 0], y).backward()
            linear.weight.data.mul_(1.0 - RATES[task] * beside)
            optimizer.step()
    return np.append(linear.weight.detach().numpy()[0], linear.bias.detach().numpy())


def keras_weights(task: str, *, l1: float = 0.0, l2: float = 0.0, weight_decay: float | None = None) -> Weights:
    import keras

    X, y = problem(task)
    penalty = keras.regularizers.L1L2(l1=l1, l2=l2)
    dense = keras.layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((COLUMNS,)), dense])
    optimizer = keras.optimizers.SGD(RATES[task], weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    mean_loss = "mse" if task == "regression" else keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer, loss=mean_loss)
    for _ in range(STEPS):
        model.train_on_batch(X.astype(np.float32), y[:, None].astype(np.float32))
    return np.append(*(variable.value.detach().numpy().ravel() for variable in dense.weights)).astype(float)


def sklearn_weights(task: str, estimator) -> Weights:
    fitted = estimator.fit(*problem(task))
    if hasattr(fitted, "coefs_"):
        return np.append(fitted.coefs_[0], fitted.intercepts_[0])
    return np.append(fitted.coef_, fitted.intercept_)


def mlp(task: str, alpha: float) -> Weights:
    kind = MLPRegressor if task == "regression" else MLPClassifier
    return sklearn_weights(task, kind(hidden_layer_sizes=(), alpha=alpha, solver="lbfgs", tol=1e-9, max_iter=1000))


def elastic_net(alpha: float, l1_ratio: float) -> Weights:
    return sklearn_weights("regression", SklearnElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-12, max_iter=10_000))


def logistic(C: float, l1_ratio: float) -> Weights:
    solver = "saga" if l1_ratio else "lbfgs"
    twin = LogisticRegression(C=C, l1_ratio=l1_ratio, solver=solver, tol=1e-9, max_iter=10_000, random_state=0)
    return sklearn_weights("classification", twin)


def _of_both(task: str) -> dict[str, Trainer]:
    """Of the conventions that are for both tasks: L2, by decay too."""
    return {
        "goodfit.l2": lambda x: goodfit_weights(task, L2(x)),
        "goodfit.weight_decay": lambda x: goodfit_weights(task, WeightDecay(x)),
        "torch.weight_decay": lambda x: torch_weights(task, in_gradient=x),
        "torch.adamw": lambda x: torch_weights(task, beside=x),
        "keras.l2": lambda x: keras_weights(task, l2=x),
        "keras.weight_decay": lambda x: keras_weights(task, weight_decay=x),
        "goodfit.elastic_net": lambda x: goodfit_weights(task, ElasticNet(x, l1_ratio=0.0)),
        "sklearn.mlp": partial(mlp, task),
    }


def _l1_of_both(task: str) -> dict[str, Trainer]:
    return {
        "goodfit.l1": lambda x: goodfit_weights(task, L1(x)),
        "goodfit.elastic_net": lambda x: goodfit_weights(task, ElasticNet(x, l1_ratio=1.0)),
        "keras.l1": lambda x: keras_weights(task, l1=x),
    }


TRAINERS: dict[tuple[str, str], dict[str, Trainer]] = {
    ("regression", "L2"): _of_both("regression")
    | {
        "sklearn.ridge": lambda x: sklearn_weights("regression", Ridge(alpha=x)),
        "sklearn.elasticnet": lambda x: elastic_net(x, 0.0),
    },
    ("regression", "L1"): _l1_of_both("regression")
    | {
        "sklearn.lasso": lambda x: sklearn_weights("regression", Lasso(alpha=x, tol=1e-12, max_iter=10_000)),
        "sklearn.elasticnet": lambda x: elastic_net(x, 1.0),
    },
    ("classification", "L2"): _of_both("classification") | {"sklearn.logistic": lambda x: logistic(x, 0.0)},
    ("classification", "L1"): _l1_of_both("classification") | {"sklearn.logistic": lambda x: logistic(x, 1.0)},
}
