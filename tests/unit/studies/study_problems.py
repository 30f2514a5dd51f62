"""Small problems for the studies' tests, and what to compare of them."""

from itertools import pairwise

import numpy as np
import polars as pl

from goodfit.data.table import Table
from goodfit.metrics import Task
from goodfit.regularizers import Recipe
from goodfit.studies.problem import Problem, read_problem
from goodfit.training import RunResult, Settings

SETTINGS = Settings(hidden=(8,), batch_size=16, max_epochs=5)
LINEAR = Settings(hidden=(), batch_size=16, max_epochs=5)
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
CLASSES = {"binary": np.array(["alarm", "fine"]), "multiclass": np.array(["blue", "green", "red"])}


def recipes(*texts: str) -> list[Recipe]:
    return [Recipe.parse(text) for text in texts]


def frame_of(rows: int, seed: int = 0) -> pl.DataFrame:
    """Two numbers that tell, one that doesn't and has gaps, and a category."""
    random = np.random.default_rng(seed)
    columns = {name: random.normal(size=rows) for name in ("a", "b", "gaps")}
    frame = pl.DataFrame(columns | {"kind": random.choice(["x", "y", "z"], rows)})
    gone = pl.Series(random.random(rows) < 0.1)
    return frame.with_columns(gaps=pl.when(gone).then(None).otherwise(pl.col("gaps")))


def target_of(frame: pl.DataFrame, task: Task, *, noise: float = 0.5, seed: int = 1) -> np.ndarray:
    """A linear truth with noise; of two classes the first is the rarer, of three all differ in size."""
    signal = frame["a"].to_numpy() - frame["b"].to_numpy()
    signal = signal + noise * np.random.default_rng(seed).normal(size=len(signal))
    if task == "regression":
        return 50.0 + 10.0 * signal
    cuts = np.quantile(signal, [0.35] if task == "binary" else [0.3, 0.55])
    return CLASSES[task][np.digitize(signal, cuts)]


def problem_of(task: Task, rows: int = 90, *, copies: int = 0, seed: int = 0, noise: float = 0.5) -> Problem:
    """A problem whose last `copies` rows are copies of its first ones."""
    frame = frame_of(rows, seed)
    target = target_of(frame, task, noise=noise, seed=seed + 1)
    frame, target = pl.concat([frame, frame.head(copies)]), np.concatenate([target, target[:copies]])
    return read_problem(frame, target, task=task, name="aim")


def contents(problem: Problem, rows: np.ndarray | None = None) -> list[tuple[object, ...]]:
    """Rows as plain values with their target: equal where the rows are."""
    chosen = range(problem.rows) if rows is None else rows
    table: Table = problem.table
    cells = [
        [None if gone else (c.levels[v] if c.levels else float(v)) for v, gone in zip(c.values, c.missing, strict=True)]
        for c in table.columns
    ]
    return [(*(cell[i] for cell in cells), problem.target[i].item()) for i in chosen]


def outputs_by_hand(result: RunResult, inputs: np.ndarray) -> np.ndarray:
    """The outputs `(r, K)` of a network without batch norm, by numpy alone."""
    flat, start, weights = result.parameters.astype(np.float64), 0, []
    for rows, columns in pairwise(result.layout.sizes):
        weights.append(flat[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    hidden = np.asarray(inputs, dtype=np.float64)
    for layer, matrix in enumerate(weights):
        hidden = hidden @ matrix + flat[start : start + matrix.shape[1]]
        start += matrix.shape[1]
        hidden = np.maximum(hidden, 0) if layer < len(weights) - 1 else hidden
    return hidden


def predicted_by_hand(result: RunResult, inputs: np.ndarray, task: Task, scale: tuple[float, float] = (0.0, 1.0)):
    """Class probabilities or numbers `(r, C)`; `scale` is the target's center and scale."""
    outputs = outputs_by_hand(result, inputs)
    if task == "regression":
        return outputs * scale[1] + scale[0]
    if task == "binary":
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)
    shifted = np.exp(outputs - outputs.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)
