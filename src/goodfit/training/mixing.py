"""Rows of a batch mixed with other rows of it: inputs, targets and weights alike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from goodfit.regularizers.form import Form
from goodfit.regularizers.places import Mixes
from goodfit.rng import Purpose
from goodfit.training.block import Block


@dataclass(frozen=True, eq=False)
class Mixture:
    """The rows of a batch.

    Args:
        inputs: `(M, B, ...)`.
        targets: `(M, B, K)`.
        weights: `(M, B)`.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor


def mixed(batch: Mixture, block: Block, own: Tensor | None, *, form: Form, step: int) -> Mixture:
    """Let each technique that mixes act: every row meets another one of the same member's batch.

    Args:
        batch: the rows.
        block: whose techniques and random numbers.
        own: `(M, B)` which rows are the member's own, or None if all are: no row meets a padded one.
        form: what a row is.
        step: of the training.
    """
    for part in block.regularizers.at(Mixes):
        count = None if own is None else own.sum(1)
        partners = block.streams.at(Purpose.PARTNERS, place=part.stream, step=step)
        others = _taken(batch, partners.order(batch.weights.shape[1], count))
        draw = block.streams.at(Purpose.MIXING, place=part.stream, step=step)
        inputs, share = part.mix(batch.inputs, others.inputs, draw, form)
        batch = blended(batch, others, inputs, share)
    return batch


def blended(batch: Mixture, others: Mixture, inputs: Tensor, share: Tensor) -> Mixture:
    r"""Targets and weights of mixed rows, so that their loss is the mixture of the losses.

    $s w \ell(y) + (1-s) w' \ell(y') = \bar w \ell(\bar y)$ for losses linear in the target, with
    $\bar w = s w + (1-s) w'$ and $\bar y = (s w y + (1-s) w' y') / \bar w$. A row with share 1 stays as it is.

    Args:
        batch: the rows before.
        others: those that they were mixed with.
        inputs: the mixed inputs.
        share: `(M, B)` of a mixed row that is its own.
    """
    mine, theirs = share * batch.weights, (1.0 - share) * others.weights
    weights = mine + theirs
    total = weights.clamp(min=torch.finfo(weights.dtype).tiny)[..., None]
    targets = (mine[..., None] * batch.targets + theirs[..., None] * others.targets) / total
    whole = share == 1.0
    return Mixture(
        inputs,
        torch.where(whole[..., None], batch.targets, targets),
        torch.where(whole, batch.weights, weights),
    )


def _taken(batch: Mixture, order: Tensor) -> Mixture:
    """The rows of each member in an order `(M, B)` of its own."""
    member = torch.arange(len(order), device=order.device)[:, None]
    return Mixture(batch.inputs[member, order], batch.targets[member, order], batch.weights[member, order])
