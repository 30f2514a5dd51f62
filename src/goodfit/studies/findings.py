"""What a fit shows beyond its scores: losses by epoch, weights, selected columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from goodfit.data.schema import Schema
from goodfit.networks import views
from goodfit.regularizers import Recipe
from goodfit.studies.preparing import Prepared
from goodfit.studies.problem import Floats
from goodfit.training import RunResult

BINS = 60


@dataclass(frozen=True, eq=False)
class Histogram:
    """How a recipe's first-layer weights are distributed.

    Args:
        recipe: whose networks.
        edges: `(b + 1,)`, the same for all recipes compared.
        counts: `(b,)`; weights beyond the edges count in the outermost bins.
        zeros: share of weights that are exactly 0.
        total: how many weights.
    """

    recipe: Recipe
    edges: Floats
    counts: NDArray[np.int64]
    zeros: float
    total: int


@dataclass(frozen=True)
class Selected:
    """How much networks use a column.

    Args:
        name: of the column.
        selected: share of the networks in which any weight from its inputs is not exactly 0.
        weight: the mean over networks of the Euclidean norm of those weights.
    """

    name: str
    selected: float
    weight: float


def history_frame(results: Sequence[Sequence[RunResult]]) -> pl.DataFrame:
    """Losses by epoch: a row a recipe, member and epoch."""
    each = [(member, result) for own in results for member, result in enumerate(own)]
    epochs = np.array([result.epochs for _, result in each], dtype=np.int64)
    none = np.empty(0)
    # one frame from whole columns: polars joins frames in threads, which a forked process has lost
    return pl.DataFrame(
        {
            "recipe": [str(result.run.recipe) for _, result in each for _ in range(result.epochs)],
            "member": np.repeat(np.array([member for member, _ in each], dtype=np.int64), epochs),
            "seed": np.repeat(np.array([result.run.seed for _, result in each], dtype=np.int64), epochs),
            "epoch": np.concatenate([none.astype(np.int64), *(np.arange(1, count + 1) for count in epochs)]),
            "train_loss": np.concatenate([none, *(result.history.train for _, result in each)]),
            "validation_loss": np.concatenate([none, *(result.history.validation for _, result in each)]),
        }
    )


def weight_histograms(recipes: Sequence[Recipe], results: Sequence[Sequence[RunResult]]) -> list[Histogram]:
    """Histograms of the first-layer weights of each recipe's networks, on the same bins."""
    weights = [_pooled(own) for own in results]
    reach = max((float(np.quantile(np.abs(w), 0.999)) for w in weights if len(w)), default=0.0) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1)
    return [
        Histogram(
            recipe=recipe,
            edges=edges,
            counts=np.histogram(w.clip(-reach, reach), edges)[0],
            zeros=float((w == 0).mean()) if len(w) else 0.0,
            total=len(w),
        )
        for recipe, w in zip(recipes, weights, strict=True)
    ]


def selected_columns(results: Sequence[RunResult], schema: Schema) -> list[Selected]:
    """How much each column is used, most used first."""
    owners = np.array(schema.input_columns)
    firsts = [first_weights(result) for result in results if not result.failed]
    found = []
    for column, name in enumerate(schema.names):
        blocks = [weights[owners == column] for weights in firsts]
        if blocks and blocks[0].size:
            used, norms = [block.any() for block in blocks], [np.linalg.norm(block) for block in blocks]
            found.append(Selected(name, float(np.mean(used)), float(np.mean(norms))))
    return sorted(found, key=lambda column: (-column.selected, -column.weight))


def selected_terms(results: Sequence[RunResult], prepared: Prepared) -> list[Selected]:
    """How much each term of the texts is used, most used first; a linear network tells what a term speaks for.

    A term that a network's training texts don't have is one that it doesn't keep.
    """
    norms: dict[str, list[float]] = {}
    speaks: dict[str, Floats] = {}
    kept = [result for result in results if not result.failed]
    for result in kept:
        words, weights = prepared.encoders[result.run.view].vocabulary, first_weights(result)
        for term, row in zip(words.terms if words else (), weights, strict=False):
            norms.setdefault(term, []).append(float(np.linalg.norm(row)))
            speaks[term] = speaks.get(term, 0.0) + row
    classes, linear = prepared.problem.classes, bool(kept) and not kept[0].layout.hidden
    found = [
        Selected(
            f"{term} ({_spoken_for(speaks[term], classes)})" if linear and any(own) and len(classes) else term,
            sum(norm > 0 for norm in own) / len(kept),
            sum(own) / len(kept),
        )
        for term, own in norms.items()
    ]
    return sorted(found, key=lambda term: (-term.selected, -term.weight))


def _spoken_for(weights: Floats, classes: NDArray[Any]) -> str:
    """The class that a linear network's weights from a term raise most."""
    place = int(weights[0] > 0) if len(weights) == 1 else int(weights.argmax())
    return str(classes[place])


def _pooled(results: Sequence[RunResult]) -> NDArray[np.float32]:
    kept = [first_weights(result).ravel() for result in results if not result.failed]
    return np.concatenate(kept) if kept else np.zeros(0, dtype=np.float32)


def first_weights(result: RunResult) -> NDArray[np.float32]:
    """The first layer's weights `(D, H)`."""
    return views(torch.from_numpy(result.parameters[None]), result.layout).weights[0][0].numpy()
