"""Evidence made by hand: networks with the losses that a test wants, by epoch and by row."""

from dataclasses import replace

import numpy as np

from goodfit.diagnosis import Diagnosis, Evidence, Leaks, Trial, diagnose
from goodfit.extrapolation import Extrapolation
from goodfit.networks import Layout
from goodfit.regularizers import Recipe
from goodfit.statistics import Estimate
from goodfit.studies.fitting import Plan, fit
from goodfit.studies.problem import read_problem
from goodfit.studies.trials import gather_evidence
from goodfit.training import History, Run, RunResult, Settings

FOLDS, FOLD = 5, 100
ROWS = FOLDS * FOLD
CLEAN = Leaks(ROWS, 0.0, 0.0, "a", 0.3)


def network(
    member: int = 0, *, train=(0.5, 0.4, 0.48), validation=(0.5, 0.45, 0.4), outcome="finished", best=None
) -> RunResult:
    """A network that held out the rows of a fold, with these losses by epoch."""
    rows = np.arange(ROWS)
    held = rows % FOLDS == member % FOLDS
    history = History(np.array(train, dtype=float), np.array(validation, dtype=float))
    run = Run(Recipe(), member, rows[~held], rows[held], member % FOLDS)
    empty = np.zeros(0, np.float32)
    return RunResult(run, np.zeros(2, np.float32), empty, Layout((1, 1)), history, best or len(train), outcome)


def networks(count: int = FOLDS, **keywords) -> tuple[RunResult, ...]:
    return tuple(network(member, **keywords) for member in range(count))


def with_train_loss(loss: float) -> tuple[RunResult, ...]:
    return networks(train=(0.9, 0.8, loss))


def row_losses(mean: float = 0.5, *, seed: int = 0, rows: int = ROWS) -> np.ndarray:
    """Losses by row that differ much: exponential, as log losses do."""
    losses = np.random.default_rng(seed).exponential(size=rows)
    return mean * losses / losses.mean()


def trial(name: str = "none", losses=None, *, kind="dose", recipe: str | None = None, results=None) -> Trial:
    """A way of training with these losses by row."""
    own = row_losses() if losses is None else np.array(losses, dtype=float)
    text = name if recipe is None else recipe
    return Trial(kind, name, text, networks() if results is None else results, own)


def times(share: float, *, noise: float = 0.0, seed: int = 1) -> np.ndarray:
    """The usual losses times a share, each row's with noise of its own."""
    return row_losses() * share * np.exp(noise * np.random.default_rng(seed).standard_normal(ROWS))


def sane_predictions() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `(n, 2)` that are taken at their word, and classes drawn from them."""
    chance = np.linspace(0.01, 0.99, ROWS)
    return np.stack([1 - chance, chance], axis=1), (np.random.default_rng(5).random(ROWS) < chance).astype(np.int64)


def evidence(*trials: Trial, task="binary", **other) -> Evidence:
    """Evidence of a sane job: five networks a trial, predictions that differ between rows."""
    predicted, target = sane_predictions()
    if task == "regression":
        target = np.linspace(-1, 1, ROWS)
        predicted = 0.9 * target[:, None]
    scores = {"accuracy": 0.8, "balanced_accuracy": 0.6, "log_loss": 0.5}
    numbers = {"rmse": 0.3, "r2": 0.8}
    tried = trials or (trial(),)
    usual = {
        "reference": 0,
        "chosen": 0,
        "rows": np.arange(ROWS),
        "target": target,
        "weights": np.ones(len(tried[0].losses)),
        "predicted": predicted,
        "best": predicted,
        "held": tuple(result.run.validation for result in tried[other.get("chosen", 0)].results),
        "scores": numbers if task == "regression" else scores,
        "baseline": {"rmse": 0.58, "r2": 0.0} if task == "regression" else {"accuracy": 0.5, "log_loss": 0.7},
        "classes": 0 if task == "regression" else 2,
    }
    return Evidence(task=task, trials=tried, **(usual | other))


def growth(*, gain=(0.1, 0.05, 0.15), loss=0.4, reliable=True) -> Extrapolation:
    """What twice the rows would bring: the fall of the loss with its interval, and the loss then."""
    return Extrapolation(0.1, 1.0, 0.5, Estimate(loss, loss - 0.05, loss + 0.05), Estimate(*gain), 2.0, reliable)


def diverging(trial_: Trial) -> Trial:
    """The trial, had one of its networks diverged: the rows of its fold have no loss."""
    gone = replace(trial_.results[-1], outcome="diverged")
    losses = trial_.losses.copy()
    losses[gone.run.validation] = np.nan
    return replace(trial_, results=(*trial_.results[:-1], gone), losses=losses)


def rows_of(count: int, columns: int = 5, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, columns)), random


def diagnosed(X, y, *texts: str, plan: Plan | None = None, **chosen) -> Diagnosis:
    """The verdicts on a real fit."""
    settings = Settings(**({"hidden": (32,), "batch_size": 16, "max_epochs": 40} | chosen))
    plan = plan or Plan(learning_rate=0.01)
    return diagnose(
        gather_evidence(fit(read_problem(X, y), [Recipe.parse(t) for t in texts], plan=plan, settings=settings))
    )
