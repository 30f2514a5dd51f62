"""What an estimator's settings mean, and whether each is within its range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from sklearn.utils import check_random_state

from goodfit.backends import BACKENDS, backend_of
from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.ranges import has_ranges
from goodfit.studies.budget import USUAL_BUDGET, read_seconds, training_until
from goodfit.studies.fitting import Plan
from goodfit.studies.problem import Problem
from goodfit.studies.usual import usual_settings
from goodfit.training import Execution, Settings

if TYPE_CHECKING:
    from goodfit.estimators.network import Network

USUAL_RATE = 1e-3
SCHEDULES = ("constant", "cosine")


def searches(estimator: Network) -> bool:
    """Whether an estimator looks for its recipe within a budget."""
    return has_ranges(estimator.recipe) or (estimator.recipe is None and estimator.budget is not None)


def granted(estimator: Network) -> float | None:
    """The seconds that an estimator may take; None for no limit, which a search always has."""
    seconds = None if estimator.budget == "auto" else read_seconds(estimator.budget)
    return USUAL_BUDGET if seconds is None and searches(estimator) else seconds


def recipe_of(estimator: Network) -> Recipe:
    """An estimator's recipe, which has no ranges.

    Raises:
        InputError: it has.
    """
    return Recipe.of(cast(Any, estimator.recipe))


def plan_of(estimator: Network) -> Plan:
    """How an estimator's settings cut rows into runs; InputError for the first setting out of its range."""
    check_settings(estimator)
    costs = _costs_of(estimator)
    return Plan(
        members=estimator.members,
        validation=estimator.validation,
        learning_rate=USUAL_RATE if estimator.learning_rate is None else estimator.learning_rate,
        seed=_seed(estimator.random_state),
        standardize=estimator.standardize,
        metric=estimator.metric,
        costs=None if costs is None else (float(costs[0]), float(costs[1])),
    )


def settings_of(estimator: Network, problem: Problem) -> Settings:
    """What all runs of an estimator share; what it leaves open is as usual for such rows."""
    usual = usual_settings(problem)
    pictures = problem.kind in ("image", "sound")
    channels = tuple(estimator.channels or ()) if pictures else ()
    return Settings(
        hidden=usual.hidden if estimator.hidden is None else tuple(estimator.hidden),
        channels=usual.channels if estimator.channels is None else channels,
        optimizer=estimator.optimizer,
        batch_size=estimator.batch_size or usual.batch_size,
        max_epochs=estimator.max_epochs or usual.max_epochs,
        schedule=estimator.schedule or "constant",
        scaling=estimator.scaling or 0.0,
        precision=estimator.precision,
    )


def execution_of(estimator: Network, started: float, *, deadline: float = math.inf) -> Execution:
    """Where an estimator trains and until when: the earlier of its budget's end and the deadline."""
    until = training_until(granted(estimator), started)
    backend = backend_of(estimator.backend)
    device = device_of(estimator.device, here=backend is None)
    return Execution(device, estimator.threads, min(until, deadline), backend=backend)


def _seed(random_state: Any) -> int:
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        return int(random_state)
    try:
        return int(check_random_state(random_state).randint(2**31))
    except ValueError:
        raise InputError(f"random_state is {random_state!r}; give a whole number, a RandomState, or None") from None


def device_of(device: str, *, here: bool = True) -> str:
    """Where to train; InputError for a device that isn't there. What nodes of a cluster have is seen by the backend."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not _among(device, ("cpu", "cuda")):
        raise InputError(f"device is {device!r}; give 'auto', 'cpu' or 'cuda'")
    if device == "cuda" and here and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but torch finds no GPU; give 'auto' or 'cpu'")
    return device


def check_settings(estimator: Network) -> None:
    """Raise InputError for the first setting out of its range."""
    rate, share, scaling = estimator.learning_rate, estimator.validation, estimator.scaling
    allowed: list[tuple[str, bool, str]] = [
        ("hidden", estimator.hidden is None or _widths(estimator.hidden), "units of each layer, such as (128, 128)"),
        ("channels", estimator.channels is None or _widths(estimator.channels), "units of each convolution, or None"),
        ("optimizer", _among(estimator.optimizer, ("sgd", "adam", "adamw")), "'sgd', 'adam' or 'adamw'"),
        ("learning_rate", rate is None or (_number(rate) and 0 < rate < math.inf), "a number above 0, or None"),
        ("batch_size", estimator.batch_size is None or _whole(estimator.batch_size, 1), "rows, 1 or more, or None"),
        ("max_epochs", estimator.max_epochs is None or _whole(estimator.max_epochs, 1), "epochs, 1 or more"),
        (
            "schedule",
            estimator.schedule is None or _among(estimator.schedule, SCHEDULES),
            "'constant', 'cosine' or None",
        ),
        ("scaling", scaling is None or (_number(scaling) and 0 <= scaling < math.inf), "a number, 0 or more, or None"),
        ("validation", _number(share) and 0 <= share <= 0.5, "a share from 0 to 0.5"),
        ("members", _whole(estimator.members, 1), "networks, 1 or more"),
        ("ensemble", _whole(estimator.ensemble, 1), "networks, 1 or more"),
        ("costs", _prices(_costs_of(estimator)), "(false_alarm, miss), two numbers above 0, or None"),
        ("backend", _among(estimator.backend, BACKENDS), "'local' or 'ray'"),
        ("threads", estimator.threads is None or _whole(estimator.threads, 1), "threads, 1 or more, or None"),
        ("precision", _among(estimator.precision, ("float32", "bfloat16")), "'float32' or 'bfloat16'"),
    ]
    for name, fine, wanted in allowed:
        if not fine:
            raise InputError(f"{name} is {getattr(estimator, name)!r}; give {wanted}")


def _costs_of(estimator: Network) -> Any:
    """A classifier's costs; a regressor has none."""
    return getattr(estimator, "costs", None)


def _prices(costs: Any) -> bool:
    if costs is None:
        return True
    pair = isinstance(costs, tuple | list | np.ndarray) and len(costs) == 2
    return pair and all(_number(cost) and 0 < cost < math.inf for cost in costs)


def _widths(hidden: Any) -> bool:
    return isinstance(hidden, tuple | list | np.ndarray) and all(_whole(units, 1) for units in hidden)


def _among(value: Any, names: tuple[str, ...]) -> bool:
    return isinstance(value, str) and value in names


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least
