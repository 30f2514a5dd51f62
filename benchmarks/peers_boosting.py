"""XGBoost, LightGBM and CatBoost under one interface: making, stopping in time, and what to search.

The spaces are those of TabArena (Erickson et al., TabArena: a living benchmark for machine learning on tabular data,
2025), with at most 2,000 trees and a patience of 50 instead of 10,000 and 300, since a budget is seconds here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from peers_task import THREADS, Task

MOST_TREES, PATIENCE = 2000, 50

Options = dict[str, Any]
Grown = tuple[Any, int, int]


@dataclass(frozen=True)
class Library:
    """How a library's models are made.

    Args:
        make: a model for a task, with options.
        inputs: the library's form of rows.
        watched: fits with options, watching held-out rows, until a time at the latest; gives the model, its trees, and
            how many were grown to find these.
        suggest: draws options from the search space.
        start: the options to try first: the library's own, with a rate that suits early stopping.
    """

    name: str
    make: Callable[[Task, Options], Any]
    inputs: Callable[[pd.DataFrame], pd.DataFrame]
    watched: Callable[[Task, Options, Watched], Grown]
    suggest: Callable[[Any], Options]
    start: Options


@dataclass(frozen=True)
class Watched:
    """Rows to learn from, rows to watch, and when to stop at the latest."""

    rows: tuple[pd.DataFrame, NDArray[Any]]
    held_out: tuple[pd.DataFrame, NDArray[Any]]
    until: float

    @property
    def late(self) -> bool:
        return time.monotonic() > self.until


def _as_it_is(coded: pd.DataFrame) -> pd.DataFrame:
    return coded


def _xgboost(task: Task, options: Options) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    model = XGBClassifier if task.classes else XGBRegressor
    return model(enable_categorical=True, n_jobs=THREADS, random_state=task.seed, **options)


def _watched_xgboost(task: Task, options: Options, watched: Watched) -> Grown:
    from xgboost.callback import EarlyStopping, TrainingCallback

    class InTime(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return watched.late

    callbacks = [EarlyStopping(rounds=PATIENCE), InTime()]
    model = _xgboost(task, options | {"n_estimators": MOST_TREES, "callbacks": callbacks})
    model.fit(*watched.rows, eval_set=[watched.held_out], verbose=False)
    return model, model.best_iteration + 1, model.get_booster().num_boosted_rounds()


def _suggest_xgboost(trial: Any) -> Options:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 5e-3, 0.1, log=True),
        "max_depth": trial.suggest_int("max_depth", 4, 10, log=True),
        "min_child_weight": trial.suggest_float("min_child_weight", 1e-3, 5, log=True),
        "subsample": trial.suggest_float("subsample", 0.6, 1),
        "colsample_bylevel": trial.suggest_float("colsample_bylevel", 0.6, 1),
        "colsample_bynode": trial.suggest_float("colsample_bynode", 0.6, 1),
        "reg_alpha": trial.suggest_float("reg_alpha", 1e-4, 5, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-4, 5, log=True),
        "grow_policy": trial.suggest_categorical("grow_policy", ["depthwise", "lossguide"]),
        "max_cat_to_onehot": trial.suggest_int("max_cat_to_onehot", 8, 100, log=True),
        "max_leaves": trial.suggest_int("max_leaves", 8, 1024, log=True),
    }


def _lightgbm(task: Task, options: Options) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = LGBMClassifier if task.classes else LGBMRegressor
    return model(n_jobs=THREADS, random_state=task.seed, verbosity=-1, **options)


def _watched_lightgbm(task: Task, options: Options, watched: Watched) -> Grown:
    from lightgbm import early_stopping
    from lightgbm.callback import CallbackEnv, EarlyStopException

    seen: dict[int, float] = {}

    def in_time(env: CallbackEnv) -> None:
        seen[env.iteration] = env.evaluation_result_list[0][2]
        if watched.late:
            raise EarlyStopException(min(seen, key=seen.__getitem__), env.evaluation_result_list)

    model = _lightgbm(task, options | {"n_estimators": MOST_TREES})
    callbacks = [early_stopping(PATIENCE, verbose=False), in_time]
    inputs, target = watched.held_out
    model.fit(*watched.rows, eval_X=inputs, eval_y=target, callbacks=callbacks)
    return model, model.best_iteration_, len(seen)


def _suggest_lightgbm(trial: Any) -> Options:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 5e-3, 0.1, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.4, 1),
        "subsample": trial.suggest_float("subsample", 0.7, 1),
        "subsample_freq": 1,
        "num_leaves": trial.suggest_int("num_leaves", 2, 200, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 1, 64, log=True),
        "extra_trees": trial.suggest_categorical("extra_trees", [False, True]),
        "min_data_per_group": trial.suggest_int("min_data_per_group", 2, 100, log=True),
        "cat_l2": trial.suggest_float("cat_l2", 5e-3, 2, log=True),
        "cat_smooth": trial.suggest_float("cat_smooth", 1e-3, 100, log=True),
        "max_cat_to_onehot": trial.suggest_int("max_cat_to_onehot", 8, 100, log=True),
        "reg_alpha": trial.suggest_float("reg_alpha", 1e-5, 1, log=True),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-5, 2, log=True),
    }


def _catboost_inputs(coded: pd.DataFrame) -> pd.DataFrame:
    words = coded.select_dtypes("category")
    return coded.assign(**{name: words[name].astype(object).fillna("missing").astype(str) for name in words})


def _catboost(task: Task, options: Options) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = CatBoostClassifier if task.classes else CatBoostRegressor
    words = list(task.train.coded.select_dtypes("category"))
    fixed = {"cat_features": words, "thread_count": THREADS, "random_seed": task.seed, "allow_writing_files": False}
    return model(verbose=False, **fixed, **options)


def _watched_catboost(task: Task, options: Options, watched: Watched) -> Grown:
    grown = 0

    class InTime:
        def after_iteration(self, info: Any) -> bool:
            nonlocal grown
            grown = info.iteration
            return not watched.late

    model = _catboost(task, options | {"iterations": MOST_TREES, "early_stopping_rounds": PATIENCE})
    model.fit(*watched.rows, eval_set=watched.held_out, callbacks=[InTime()])
    return model, model.tree_count_, max(grown, model.tree_count_)


def _suggest_catboost(trial: Any) -> Options:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 5e-3, 0.1, log=True),
        "bootstrap_type": "Bernoulli",
        "subsample": trial.suggest_float("subsample", 0.7, 1),
        "grow_policy": trial.suggest_categorical("grow_policy", ["SymmetricTree", "Depthwise"]),
        "depth": trial.suggest_int("depth", 4, 8),
        "colsample_bylevel": trial.suggest_float("colsample_bylevel", 0.85, 1),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1e-4, 5, log=True),
        "leaf_estimation_iterations": trial.suggest_int("leaf_estimation_iterations", 1, 20, log=True),
        "one_hot_max_size": trial.suggest_int("one_hot_max_size", 8, 100, log=True),
        "model_size_reg": trial.suggest_float("model_size_reg", 0.1, 1.5, log=True),
        "max_ctr_complexity": trial.suggest_int("max_ctr_complexity", 2, 5),
        "boosting_type": "Plain",
    }


XGBOOST = Library("xgboost", _xgboost, _as_it_is, _watched_xgboost, _suggest_xgboost, {"learning_rate": 0.1})
LIGHTGBM = Library("lightgbm", _lightgbm, _as_it_is, _watched_lightgbm, _suggest_lightgbm, {"learning_rate": 0.1})
CATBOOST = Library(
    "catboost", _catboost, _catboost_inputs, _watched_catboost, _suggest_catboost, {"learning_rate": 0.05}
)
