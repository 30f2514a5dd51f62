"""Small problems of every kind of rows, the techniques that suit them, and poison for some of their rows."""

from dataclasses import replace

import numpy as np
import polars as pl
import torch

from goodfit.data.media import picture_table, sound_table, text_table, texts_of
from goodfit.data.table import Column, Table, to_table
from goodfit.regularizers import Recipe, Regularizer, families
from goodfit.regularizers.form import Kind
from goodfit.regularizers.places import Adds, Rewrites
from goodfit.sounds.mel import SILENCE
from goodfit.studies.problem import Problem, read_problem
from goodfit.training import Settings

ROWS, RARE = 120, 30
KINDS: tuple[Kind, ...] = ("table", "image", "sound", "text")
OFFLINE = [kind for kind in families().values() if issubclass(kind, Adds | Rewrites)]
"""The techniques that act before training."""
WORDS = ("film", "movie", "plot", "bought", "house", "cheap", "car", "dull", "long", "actor", "scene", "music")


class Shouts:
    """A translator: what comes back is in capitals, with a word of its own."""

    name = "shouts"

    def round_trip(self, texts):
        return [f"{text.upper()} indeed" for text in texts]


def techniques(kind: Kind) -> list[type[Regularizer]]:
    """All techniques that suit rows of a kind."""
    return [technique for technique in families().values() if kind in technique.suits]


def usual(technique: type[Regularizer]) -> Regularizer:
    """A technique at its usual dose, or where that is little at one that acts on texts so short."""
    return technique(0.5) if issubclass(technique, Rewrites) else technique()


def recipes_of(kind: Kind) -> list[Recipe]:
    return [Recipe((usual(technique),)) for technique in techniques(kind)]


def classes_of(rows: int = ROWS) -> np.ndarray:
    """A class of a quarter of the rows, and the rest."""
    return np.where(np.arange(rows) % 4 == 0, "rare", "usual")


def problem_of(kind: Kind) -> Problem:
    random, target = np.random.default_rng(3), classes_of()
    rare = target == "rare"
    if kind == "table":
        frame = pl.DataFrame(
            {
                "a": random.normal(size=ROWS) + rare,
                "gaps": pl.Series(np.where(random.random(ROWS) < 0.1, np.nan, random.normal(size=ROWS))).fill_nan(None),
                "count": random.integers(0, 9, ROWS),
                "town": random.choice(["Bath", "Ely", "York"], ROWS),
                "member": random.random(ROWS) < 0.4,
            }
        )
        return read_problem(frame, target)
    if kind == "image":
        pixels = random.integers(0, 200, (ROWS, 6, 6)) + 50 * rare[:, None, None]
        return read_problem(picture_table(pixels.astype(np.uint8)), target)
    if kind == "sound":
        levels = random.uniform(SILENCE, -20, (ROWS, 8, 10)) + 15 * rare[:, None, None]
        return read_problem(sound_table(levels), target)
    own = [[*random.choice(WORDS, 6), "awful" if one else "lovely", f"no{i}"] for i, one in enumerate(rare.tolist())]
    return read_problem(text_table([" ".join(random.permutation(words)) for words in own]), target)


def settings_of(kind: Kind, *, max_epochs: int = 3) -> Settings:
    hidden, channels = {"table": ((6,), ()), "text": ((), ())}.get(kind, ((5,), (4,)))
    return Settings(hidden, "sgd", batch_size=16, max_epochs=max_epochs, channels=channels)


def poisoned(problem: Problem, rows: np.ndarray) -> Problem:
    """The problem with poison in inputs, targets and weights of some rows; the structure of its columns stays."""
    (first, *others) = problem.table.columns
    if first.kind in ("image", "sound"):
        values = first.values.copy()
        values[rows] = 255 - values[rows] if first.kind == "image" else np.nan
        columns = [replace(first, values=values)]
    elif first.kind == "text":
        texts = texts_of(first)
        for row in rows.tolist():
            texts[row] = f"film poison{row} poison poison plot 毒 {'lovely ' * 50}"
        columns = list(text_table(texts).columns)
    else:
        columns = [_poisoned_cells(column, rows) for column in (first, *others)]
    target = problem.target.copy()
    target[rows] = 1 - target[rows]
    weights = problem.weights.copy()
    weights[rows] = 50.0
    return replace(problem, table=Table(tuple(columns), problem.rows), target=target, weights=weights)


def _poisoned_cells(column: Column, rows: np.ndarray) -> Column:
    """Numbers beyond all others, gaps, and categories that are in no other row."""
    if column.kind == "category":
        texts = [column.levels[code] if code >= 0 else None for code in column.values]
        for row in rows.tolist():
            texts[row] = "Atlantis" if row % 2 else None
        return to_table(pl.DataFrame({column.name: texts})).columns[0]
    values = column.values.copy()
    values[rows] = np.where(rows % 3 == 0, np.nan, 1.0 if column.kind == "boolean" else -1e290 * (1 + rows))
    return replace(column, values=values)


def splits(count: int = 3) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows to train on, to watch and to test on, as a comparison has them: each repeat cuts the rows anew."""
    orders = [np.random.default_rng(seed).permutation(ROWS) for seed in range(count)]
    return [(np.sort(order[:72]), np.sort(order[72:96]), np.sort(order[96:])) for order in orders]


def rows_by_content(inputs: torch.Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in inputs}
