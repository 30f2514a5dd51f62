"""Bias and variance of a network over 200 bootstrap samples: goodfit beside mlxtend, in one run.

All train perceptrons with two hidden layers of 64 units on bootstrap samples of 1,024 rows of 20 numbers, for 30 epochs
of Adam in batches of 32 or 256, without regularization, from initial weights of one distribution, and predict 500 test
rows. mlxtend's `bias_variance_decomp` fits one network after the other: scikit-learn's MLP, in single precision as
goodfit's, and a plain loop in PyTorch, each with one thread: products this small are no faster with several. goodfit
takes all that torch has. goodfit's time is that of the whole call, `goodfit.bias_variance`, intervals included.

    python benchmarks/bias_variance.py [--replicates 200] [--repeats 3]

Printed are seconds and how often goodfit's time goes into them, by the median of its repeats; then the terms of each,
and how far mlxtend's lie from goodfit's, in standard errors of the difference that come from there being so few
replicates (the test rows are the same). mlxtend divides the variance by R instead of R - 1; both are shown divided by
R - 1, its bias corrected alike. The machine should have nothing else to do.

The rows divide evenly into batches: rivals would else end an epoch with a small one, where goodfit evens them out, and
these are other networks.

mlxtend comes with `pip install "goodfit[bench]"`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mlxtend.evaluate import bias_variance_decomp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits
from torch import nn

import goodfit
from goodfit.decompositions import TERMS, Terms, decompose

ROWS, TEST_ROWS, INPUTS = 1024, 500, 20
WIDTH, EPOCHS, RATE = 64, 30, 1e-3
ROUNDS = (
    ("squared", 32, ("scikit-learn", "PyTorch")),
    ("zero_one", 32, ("scikit-learn",)),
    ("squared", 256, ("scikit-learn",)),
)
MLXTEND = {"squared": "mse", "zero_one": "0-1_loss"}

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    name: str
    seconds: float
    terms: Terms


def make_data(loss: str) -> tuple[Array, Array, Array, Array]:
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS + TEST_ROWS, INPUTS))
    mean = X[:, 0] + np.sin(2 * X[:, 1]) + X[:, 2] * X[:, 3]
    y = (
        mean + random.normal(size=len(X))
        if loss == "squared"
        else (mean + random.logistic(size=len(X)) > 0).astype(int)
    )
    return X[:ROWS], y[:ROWS], X[ROWS:], y[ROWS:]


def start_of(y: Array, loss: str) -> float:
    """The output bias that every network starts from: the best constant prediction."""
    return float(y.mean() if loss == "squared" else np.log(y.mean() / (1 - y.mean())))


class _Started:
    """Initial weights as torch has them, where scikit-learn draws other ones."""

    def _initialize(self, y, layer_units, dtype):
        super()._initialize(y, layer_units, dtype)
        for weights, bias in zip(self.coefs_, self.intercepts_, strict=True):
            weights[:] = self._random_state.uniform(-1, 1, weights.shape) / np.sqrt(len(weights))
            bias[:] = 0
        self.intercepts_[-1][:] = start_of(y, "zero_one" if isinstance(self, MLPClassifier) else "squared")


class StartedRegressor(_Started, MLPRegressor):
    pass


class StartedClassifier(_Started, MLPClassifier):
    pass


class TorchNetwork:
    """What users write: a loop over batches."""

    def __init__(self, loss: str, batch: int) -> None:
        self.loss, self.batch = loss, batch

    def fit(self, X: Array, y: Array) -> TorchNetwork:
        layers = [nn.Linear(INPUTS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1)]
        for layer in layers[::2]:
            nn.init.zeros_(layer.bias)
        nn.init.constant_(layers[-1].bias, start_of(y, self.loss))
        self.network = nn.Sequential(*layers)
        criterion = nn.MSELoss() if self.loss == "squared" else nn.BCEWithLogitsLoss()
        optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE)
        inputs, targets = torch.from_numpy(X).float(), torch.from_numpy(y).float()[:, None]
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(inputs)).split(self.batch):
                optimizer.zero_grad()
                criterion(self.network(inputs[rows]), targets[rows]).backward()
                optimizer.step()
        return self

    def predict(self, X: Array) -> Array:
        with torch.inference_mode():
            outputs = self.network(torch.from_numpy(X).float())[:, 0].numpy()
        return outputs if self.loss == "squared" else (outputs > 0).astype(int)


class Recorded:
    """An estimator whose predictions are kept, to know how far chance moves their terms."""

    def __init__(self, estimator) -> None:
        self.estimator, self.predictions = estimator, []

    def fit(self, X: Array, y: Array) -> Recorded:
        self.estimator.fit(X, y)
        return self

    def predict(self, X: Array) -> Array:
        self.predictions.append(self.estimator.predict(X))
        return self.predictions[-1]


def rival(name: str, estimator, loss: str, replicates: int) -> Outcome:
    X, y, X_test, y_test = make_data(loss)
    recorded = Recorded(estimator)
    if name.endswith("scikit-learn"):
        X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        started = time.perf_counter()
        theirs = bias_variance_decomp(
            recorded, X, y, X_test, y_test, loss=MLXTEND[loss], num_rounds=replicates, random_seed=1
        )
        seconds = time.perf_counter() - started
    torch.set_num_threads(threads)
    predicted = np.stack(recorded.predictions)
    predicted = predicted[..., None] if loss == "squared" else np.eye(2)[predicted]
    terms = decompose(predicted, y_test, loss=loss)
    assert np.isclose(terms.error.mean(), theirs[0]), "mlxtend's expected loss is another"
    variance = terms.variance.mean() * (replicates - 1) / replicates
    assert loss != "squared" or np.isclose(variance, theirs[2]), "mlxtend's variance is another"
    return Outcome(name, seconds, terms)


def ours(loss: str, batch: int, replicates: int) -> Outcome:
    X, y, X_test, y_test = make_data(loss)
    kind = goodfit.Regressor if loss == "squared" else goodfit.Classifier
    estimator = kind(
        "none",
        hidden=(WIDTH, WIDTH),
        optimizer="adam",
        learning_rate=RATE,
        batch_size=batch,
        max_epochs=EPOCHS,
        standardize=False,
    )
    started = time.perf_counter()
    result = goodfit.bias_variance(estimator, X, y, X_test=X_test, y_test=y_test, loss=loss, replicates=replicates)
    return Outcome("goodfit", time.perf_counter() - started, result.terms)


def perceptron(loss: str, batch: int):
    kind = StartedRegressor if loss == "squared" else StartedClassifier
    return kind(
        hidden_layer_sizes=(WIDTH, WIDTH),
        alpha=0.0,
        batch_size=batch,
        learning_rate_init=RATE,
        max_iter=EPOCHS,
        tol=0.0,
        n_iter_no_change=EPOCHS + 1,
        random_state=np.random.RandomState(0),
    )


def contest(loss: str, batch: int, rivals: Sequence[str], replicates: int, repeats: int) -> None:
    torch.manual_seed(0)
    ours(loss, batch, 4)  # the first call loads what later ones have
    own = [ours(loss, batch, replicates)]
    outcomes = []
    for name in rivals:
        print(f"{loss}: mlxtend, {name}", file=sys.stderr)
        estimator = (perceptron if name == "scikit-learn" else TorchNetwork)(loss, batch)
        outcomes.append(rival(f"mlxtend, {name}", estimator, loss, replicates))
        own.append(ours(loss, batch, replicates))
    own += [ours(loss, batch, replicates) for _ in range(repeats - len(own))]
    seconds = statistics.median(outcome.seconds for outcome in own)
    print(f"\n{loss}, batches of {batch}, {replicates} replicates")
    print(f"{'':24}{'seconds':>10}{'ratio':>8}" + "".join(f"{term:>21}" for term in ("bias² + noise", *TERMS[1::2])))
    for outcome in (*outcomes, own[0]):
        took = seconds if outcome.name == "goodfit" else outcome.seconds
        print(f"{outcome.name:24}{took:10.2f}{took / seconds:8.1f}" + "".join(cells(outcome.terms, own[0].terms)))
    print(f"goodfit's repeats: {', '.join(f'{outcome.seconds:.2f}' for outcome in own)} s")


def cells(terms: Terms, reference: Terms) -> list[str]:
    """Means of the terms and, in brackets, their distance from the reference in standard errors."""
    texts = []
    for term in ("bias2", "variance", "error"):
        value, other = (getattr(part, term).mean() for part in (terms, reference))
        place = TERMS.index(term)
        apart = (value - other) / np.sqrt(terms.shared[place] + reference.shared[place])
        texts.append(f"{value:12.5f} ({apart:+.1f} se)" if terms is not reference else f"{value:12.5f}         ")
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {ROWS} rows, {EPOCHS} epochs")
    for loss, batch, rivals in ROUNDS:
        contest(loss, batch, rivals, args.replicates, args.repeats)


if __name__ == "__main__":
    main()
