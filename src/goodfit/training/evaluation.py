"""Inference for a block: losses of its rows, and outputs for any rows."""

from __future__ import annotations

import torch
from torch import Tensor

from goodfit.networks import Layout, forward, views
from goodfit.regularizers import Stack
from goodfit.training.block import Block
from goodfit.training.losses import row_losses
from goodfit.training.normalization import identity, inference_norm, layer_statistics, normalizer, refreshing_norm
from goodfit.training.rows import Sample
from goodfit.training.runs import Data

CHUNK, PICTURES = 1024, 64
"""Rows whose outputs are computed at once; of pictures fewer, whose activations would fall out of the cache."""


def rows_at_once(layout: Layout) -> int:
    """How many rows an evaluation takes at once."""
    return PICTURES if layout.channels else CHUNK


def refresh_statistics(
    block: Block, data: Data, parameters: Tensor, statistics: Tensor, *, rounded: bool = False
) -> None:
    """Write batch norm's statistics of these weights over the evaluated training rows, in place."""
    norm = normalizer(block.regularizers)
    if norm is None:
        return
    parts, sample = views(parameters, block.layout), block.rows.evaluated
    # a pixel is a row here: few pictures have many
    rows = sample.rows[:, : 4 * PICTURES] if block.layout.channels else sample.rows
    places = torch.arange(rows.shape[1], device=rows.device)
    own = None if sample.even else places < sample.counts[:, None]
    inputs = data.inputs.flatten(0, 1)[rows]
    hook = refreshing_norm(norm, parts, layer_statistics(statistics, block.layout), own)
    forward(parts, inputs, block.layout, normalize=hook, drop=identity, rounded=rounded)


def outputs_of(
    parameters: Tensor,
    statistics: Tensor,
    layout: Layout,
    regularizers: Stack,
    inputs: Tensor,
    *,
    rounded: bool = False,
) -> Tensor:
    """Outputs `(M, B, K)` of M networks for rows `(M, B, D)` in inference mode: no dropout, running statistics."""
    parts = views(parameters, layout)
    norm = normalizer(regularizers)
    hook = identity if norm is None else inference_norm(norm, parts, layer_statistics(statistics, layout))
    return forward(parts, inputs, layout, normalize=hook, drop=identity, rounded=rounded)


def mean_losses(
    block: Block, data: Data, sample: Sample, parameters: Tensor, statistics: Tensor, *, rounded: bool = False
) -> Tensor:
    """Mean weighted data loss `(M,)` of each member on its rows; nan without rows."""
    total = data.inputs.shape[1]
    long = data.inputs.flatten(0, 1)
    sums = parameters.new_zeros(len(block.members))
    weight = torch.zeros_like(sums)
    step = rows_at_once(block.layout)
    for start in range(0, sample.rows.shape[1], step):
        rows = sample.rows[:, start : start + step]
        inputs = long.index_select(0, rows.flatten()).view(*rows.shape, -1)
        targets = data.targets.flatten(0, 1)[rows]
        outputs = outputs_of(parameters, statistics, block.layout, block.regularizers, inputs, rounded=rounded)
        share = data.weights[rows % total]
        if not sample.even:
            share = share * (torch.arange(start, start + rows.shape[1], device=rows.device) < sample.counts[:, None])
        sums += (row_losses(outputs, targets, data.task) * share).sum(1)
        weight += share.sum(1)
    return sums / weight
