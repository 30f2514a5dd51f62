"""RealMLP-TD and TabM of pytabkit, with as many epochs as the budget holds.

Their usual 256 epochs, or epochs until nothing improves, can take longer than the budget; RealMLP's schedule cut short
would leave it in the middle of its rates. So a few steps are timed first, and the epochs are chosen to end in time;
where five times the whole training fits in, five networks are bagged over folds, as pytabkit's documentation advises.
Both keep the epoch of the lowest log loss, and RealMLP smooths no labels, as it advises for log loss and AUC.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from peers_task import THREADS, Fitted, Task, predictor

BAGS, SHARE = 5, 0.9
"""Networks bagged, and the share of what is left of the budget that the epochs may take by the pace measured."""

REALMLP_EPOCHS, TABM_EPOCHS = 256, 100
"""RealMLP's own number; for TabM, which stops by itself, about what it takes on small tables."""

SAMPLE = 1024


def realmlp(task: Task) -> Fitted:
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    options = {"val_metric_name": "cross_entropy", "use_ls": False} if task.classes else {}
    estimator = RealMLP_TD_Classifier if task.classes else RealMLP_TD_Regressor
    inputs, target = _filled(task), task.train.target

    def fit(epochs: int, bags: int = 1, **limits: Any) -> Any:
        model = estimator(**_fixed(task), n_cv=bags, n_epochs=epochs, **options)
        return model.fit(inputs(task.train.coded), target, **limits)

    fit(1)
    few, more = _seconds(lambda: fit(1)), _seconds(lambda: fit(5))
    epoch = max((more - few) / 4, 1e-3)
    epochs, bags = plan(task, epoch, few, REALMLP_EPOCHS)
    left = max(task.until - time.monotonic(), 1)
    model = fit(epochs, bags, time_to_fit_in_seconds=int(left))
    return Fitted(predictor(model, task, lambda part: inputs(part.coded)), {"epochs": epochs, "bags": bags})


def tabm(task: Task) -> Fitted:
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    options = {"val_metric_name": "cross_entropy"} if task.classes else {}
    estimator = TabM_D_Classifier if task.classes else TabM_D_Regressor
    inputs, target = _filled(task), task.train.target
    # A few rows are enough to time it: a step of its 32 networks takes far longer than what comes before the first.
    sample = np.random.default_rng(task.seed).permutation(len(target))[:SAMPLE]

    def fit(epochs: int, bags: int, rows: Any) -> Any:
        model = estimator(**_fixed(task), n_cv=bags, n_epochs=epochs, **options)
        return model.fit(inputs(task.train.coded).iloc[rows], target[rows])

    epoch = _seconds(lambda: fit(1, 1, sample)) * len(target) / len(sample)
    epochs, bags = plan(task, epoch, 0, TABM_EPOCHS)
    model = fit(epochs, bags, slice(None))
    return Fitted(predictor(model, task, lambda part: inputs(part.coded)), {"epochs": epochs, "bags": bags})


def plan(task: Task, epoch: float, setup: float, most: int) -> tuple[int, int]:
    """How many epochs, and of how many bagged networks."""
    left = SHARE * (task.until - time.monotonic())
    bags = BAGS if BAGS * (setup + most * epoch) <= left else 1
    return max(1, min(most, int((left - setup) / epoch))), bags


def _fixed(task: Task) -> dict[str, Any]:
    return {"device": "cpu", "random_state": task.seed, "n_threads": THREADS}


def _filled(task: Task) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Missing numbers are refused: medians stand in, and a column says where."""
    numbers = task.train.coded.select_dtypes("number")
    medians = numbers.median().fillna(0)
    gaps = [name for name in numbers if numbers[name].isna().any()]

    def filled(coded: pd.DataFrame) -> pd.DataFrame:
        return coded.fillna(medians).assign(**{f"{name}_missing": coded[name].isna().astype(float) for name in gaps})

    return filled


def _seconds(act: Callable[[], Any]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started
