"""Evidence made by hand: networks with the losses that a test wants."""

import numpy as np

from goodfit.diagnosis import Evidence
from goodfit.networks import Layout
from goodfit.regularizers import Recipe
from goodfit.training import History, Run, RunResult

FOLDS, FOLD = 5, 12


def network(member: int = 0, *, train=(0.5, 0.4, 0.3), validation=(0.5, 0.45, 0.4), outcome="finished") -> RunResult:
    """A network that held out the rows of a fold, with these losses by epoch."""
    rows = np.arange(FOLDS * FOLD)
    held = rows % FOLDS == member % FOLDS
    history = History(np.array(train, dtype=float), np.array(validation, dtype=float))
    run = Run(Recipe(), member, rows[~held], rows[held], member % FOLDS)
    return RunResult(
        run, np.zeros(2, np.float32), np.zeros(0, np.float32), Layout((1, 1)), history, len(train), outcome
    )


def networks(count: int = FOLDS, **keywords) -> tuple[RunResult, ...]:
    return tuple(network(member, **keywords) for member in range(count))


def evidence(task="binary", recipes=("none",), *, losses=None, results=None, chosen=0, predicted=None, **scores):
    """Evidence of a sane job: five networks a recipe, predictions that differ between rows."""
    results = results or tuple(networks() for _ in recipes)
    count = FOLDS * FOLD
    target = np.linspace(-1, 1, count) if task == "regression" else np.arange(count) % 2
    spread = np.linspace(0.1, 0.9, count)[:, None]
    return Evidence(
        task=task,
        recipes=tuple(recipes),
        results=results,
        losses=tuple(np.array(own, dtype=float) for own in (losses or [[0.5] * FOLDS for _ in recipes])),
        chosen=chosen,
        target=target,
        predicted=np.hstack([1 - spread, spread]) if predicted is None else predicted,
        scores=scores.get("scores", {"accuracy": 0.9, "balanced_accuracy": 0.6, "log_loss": 0.3}),
        baseline=scores.get("baseline", {"accuracy": 0.5, "log_loss": 0.7}),
    )
