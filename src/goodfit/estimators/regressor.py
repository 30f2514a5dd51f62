"""Regressor: a regularized network for numbers."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from goodfit.estimators.network import Network, SpaceLike
from goodfit.metrics import Task


class Regressor(RegressorMixin, Network):
    """A regularized neural network for numbers, as a scikit-learn estimator.

    The loss is the mean squared error, not halved, of the standardized target; everything else is as in `Classifier`.

    Args:
        recipe: a `Recipe`, a regularizer, or their text such as "l2=1e-3, dropout=0.3, early_stopping=10"; with ranges
            such as "l2=1e-6..0.1" it is searched for within them, with None among all that is usual.
        hidden: units of each hidden layer; `()` is a linear model. None for the usual ones: (128, 128) for tables,
            (64,) after convolutions, () for texts.
        channels: units of each convolution, each followed by pooling, where X holds pictures or sounds; None for the
            usual (16, 32, 64), as many as suit their size.
        optimizer: "sgd" (momentum 0.9), "adam" or "adamw".
        learning_rate: step size, above 0; None for 0.001, or for one that the search chooses.
        batch_size: rows of a batch at most; None for a twentieth of the rows, between 16 and 256.
        max_epochs: passes over the training rows at most; None for 100, or 40 with convolutions.
        schedule: "constant" or "cosine"; None for "constant", in a search "cosine".
        scaling: how many times as fast as the weights a factor for each input learns, 0 or more: columns that count get
            ahead. In the end the factors are part of the first weights. 0 for none, as before convolutions. None for 0,
            in a search of tables for 6 (docs/search.md).
        validation: share of the rows that each network holds out, in [0, 0.5].
        members: networks whose predictions are averaged, 1 or more.
        metric: what to choose a recipe by, such as "mae"; None is the held-out squared error.
        standardize: whether numbers and the target are brought to mean 0 and deviation 1; False leaves them: doses are
            then in the target's own units, as in scikit-learn.
        budget: seconds, or a text such as "60s": the time of a search, or that after which training ends with what it
            has. "auto" is 60 s for a search and else no limit. None is no limit, and without a recipe no search: a few
            usual ones are tried; 60 s for ranges.
        ensemble: networks of a search's model at most, 1 or more; 1 is the best single network.
        random_state: seed of everything random.
        device: "auto", "cpu" or "cuda".
        backend: who trains: "local", or "ray" for the Ray cluster that this process has joined (`ray.init`), or else
            that of `RAY_ADDRESS`, of this machine, or one of its own; the networks are the same (docs/ray.md).
        threads: processor threads at most.
        precision: "float32", or "bfloat16" for matrix products in bfloat16 while training: faster where the processor
            has units for them. Predictions are not rounded.

    Attributes:
        recipe_: the recipe used.
        history_: training and validation loss by recipe, member and epoch, a polars frame.
        diagnosis_: verdicts, with their evidence.
        coefs_: weights `(inputs, units)` of each layer, for the encoded inputs and the standardized target.
        intercepts_: biases of each layer, likewise.

    Raises:
        InputError: (a ValueError) data or a setting can't be used as given.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = Regressor("l2=0.01, early_stopping=10", hidden=(16,)).fit(X, y)
        >>> model.score(X, y) > 0.4
        True
    """

    def __init__(
        self,
        recipe: SpaceLike = None,
        *,
        hidden: tuple[int, ...] | None = None,
        channels: tuple[int, ...] | None = None,
        optimizer: Literal["sgd", "adam", "adamw"] = "adamw",
        learning_rate: float | None = None,
        batch_size: int | None = None,
        max_epochs: int | None = None,
        schedule: Literal["constant", "cosine"] | None = None,
        scaling: float | None = None,
        validation: float = 0.2,
        members: int = 5,
        metric: str | None = None,
        standardize: bool = True,
        budget: float | str | None = "auto",
        ensemble: int = 32,
        random_state: Any = 0,
        device: str = "auto",
        backend: Literal["local", "ray"] = "local",
        threads: int | None = None,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self.recipe = recipe
        self.hidden = hidden
        self.channels = channels
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.schedule = schedule
        self.scaling = scaling
        self.validation = validation
        self.members = members
        self.metric = metric
        self.standardize = standardize
        self.budget = budget
        self.ensemble = ensemble
        self.random_state = random_state
        self.device = device
        self.backend = backend
        self.threads = threads
        self.precision = precision

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X `(n, D)`, a frame or an array, with numbers y `(n,)` and weights `(n,)` of 0 or more."""
        return self._fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The predicted number of each row, `(n,)`."""
        return self._predicted(X)[:, 0]

    @property
    def _task(self) -> Task:
        return "regression"
