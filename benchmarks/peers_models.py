"""The peers: how each is fitted by whoever knows it.

Categories go natively to libraries that take them, else one-hot with standardized numbers and medians for missing ones;
all take two threads. What has a budget of its own (goodfit, the tuned ones, pytabkit's) is given it, the others train
as they do by default.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from peers_boosting import CATBOOST, LIGHTGBM, XGBOOST, Library
from peers_networks import realmlp, tabm
from peers_task import THREADS, Fitted, Task, predictor
from peers_tuning import tuned
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SHORT = 10.0
"""Seconds of goodfit's second version."""

MOST_LEVELS = 255
"""Histogram boosting takes no more levels of a category."""


@dataclass(frozen=True)
class Peer:
    """A way to predict: its title, the packages that it needs, and how it's fitted."""

    name: str
    title: str
    fit: Callable[[Task], Fitted]
    package: str = "sklearn"
    modules: tuple[str, ...] = field(default=())

    @property
    def lacking(self) -> str | None:
        """The package that isn't installed."""
        needed = (self.package, *(module.split(".")[0] for module in self.modules))
        return next((name for name in needed if find_spec(name) is None), None)


def goodfit(task: Task, longest: float = float("inf")) -> Fitted:
    """The table goes in as it is."""
    from goodfit import Classifier, Regressor

    budget = min(longest, task.until - time.monotonic())
    estimator = (Classifier if task.classes else Regressor)(budget=budget, random_state=task.seed, threads=THREADS)
    model = estimator.fit(task.train.raw, task.train.target)
    return Fitted(predictor(model, task, lambda part: part.raw), {"recipe": str(model.recipe_)})


def encoder() -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", drop="if_binary", sparse_output=False)
    return make_column_transformer((words, make_column_selector(dtype_include="category")), remainder=numbers)


def encoded(task: Task, model: Any) -> Fitted:
    """A model of scikit-learn's on encoded rows."""
    pipeline = make_pipeline(encoder(), model).fit(task.train.coded, task.train.target)
    return Fitted(predictor(pipeline, task))


def linear(task: Task) -> Fitted:
    """The penalty is chosen among many on inner folds."""
    if not task.classes:
        return encoded(task, RidgeCV(np.logspace(-3, 4, 15)))
    return encoded(
        task,
        LogisticRegressionCV(
            Cs=10,
            l1_ratios=(0,),
            cv=5,
            scoring="neg_log_loss",
            max_iter=2000,
            use_legacy_attributes=False,
        ),
    )


def mlp(task: Task) -> Fitted:
    """The default network, stopped early; a quantity is standardized for it."""
    options = {"early_stopping": True, "max_iter": 1000, "random_state": task.seed}
    if task.classes:
        return encoded(task, MLPClassifier(**options))
    return encoded(task, TransformedTargetRegressor(MLPRegressor(**options), transformer=StandardScaler()))


def forest(task: Task) -> Fitted:
    """Leaves of one row would give probabilities of 0, which log loss doesn't forgive: 5 rows a leaf for classes."""
    options = {"n_estimators": 500, "n_jobs": THREADS, "random_state": task.seed}
    if task.classes:
        return encoded(task, RandomForestClassifier(min_samples_leaf=5, **options))
    return encoded(task, RandomForestRegressor(**options))


def histogram_boosting(task: Task) -> Fitted:
    model = HistGradientBoostingClassifier if task.classes else HistGradientBoostingRegressor
    fitted = model(random_state=task.seed).fit(_few_levels(task.train.coded), task.train.target)
    return Fitted(predictor(fitted, task, lambda part: _few_levels(part.coded)))


def _few_levels(coded: pd.DataFrame) -> pd.DataFrame:
    words = coded.select_dtypes("category")
    many = [name for name in words if len(words[name].cat.categories) > MOST_LEVELS]
    return coded.assign(**{name: coded[name].cat.codes.astype("float64") for name in many})


def boosting(library: Library, task: Task) -> Fitted:
    """As the library comes."""
    model = library.make(task, {}).fit(library.inputs(task.train.coded), task.train.target)
    return Fitted(predictor(model, task, lambda part: library.inputs(part.coded)))


def _boosted(library: Library, title: str) -> list[Peer]:
    name = library.name
    return [
        Peer(name, title, partial(boosting, library), name, (name,)),
        Peer(f"{name}_tuned", f"{title}, tuned", partial(tuned, library), name, (name, "optuna")),
    ]


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in [
        Peer("goodfit", "goodfit", goodfit, "goodfit", ("goodfit.estimators",)),
        Peer("goodfit_10s", "goodfit, 10 s", partial(goodfit, longest=SHORT), "goodfit", ("goodfit.estimators",)),
        Peer("linear", "logistic or ridge", linear),
        Peer("mlp", "scikit-learn's MLP", mlp),
        Peer("forest", "random forest", forest),
        Peer("hist", "histogram boosting", histogram_boosting),
        *_boosted(XGBOOST, "XGBoost"),
        *_boosted(LIGHTGBM, "LightGBM"),
        *_boosted(CATBOOST, "CatBoost"),
        Peer("realmlp", "RealMLP-TD", realmlp, "pytabkit", ("pytabkit",)),
        Peer("tabm", "TabM", tabm, "pytabkit", ("pytabkit",)),
    ]
}
