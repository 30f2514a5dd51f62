"""One step of training for a block: forward, backward, and the places where regularizers act."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from goodfit.networks import Hook, Parameters, forward, views
from goodfit.regularizers.places import (
    Averages,
    Decays,
    Drops,
    InLoss,
    Normalizes,
    OnInputs,
    OnTargets,
    OnWeights,
    Proximal,
    column,
)
from goodfit.rng import Purpose
from goodfit.training.block import Block
from goodfit.training.losses import row_losses
from goodfit.training.mixing import Mixture, mixed
from goodfit.training.normalization import identity, layer_statistics, normalizer, training_norm
from goodfit.training.optimizer import Step, adam, schedule_factor, sgd
from goodfit.training.rows import Sample
from goodfit.training.runs import Data, Settings

W = TypeVar("W", bound=OnWeights)
Batch = tuple[Tensor, Tensor | None]


def batches(sample: Sample, order: Tensor, steps: int) -> Iterator[Batch]:
    """Cut each member's rows, in its own order, into `steps` batches of even size.

    Yields:
        rows `(M, B)`, and which of them are the member's own, or None if all are.
    """
    rows = sample.rows.gather(1, order)
    if sample.even:
        cuts = [rows.shape[1] * t // steps for t in range(steps + 1)]
        yield from ((rows[:, a:b], None) for a, b in pairwise(cuts))
        return
    for t in range(steps):
        start, end = sample.counts * t // steps, sample.counts * (t + 1) // steps
        places = start[:, None] + torch.arange(int((end - start).max()), device=rows.device)
        yield rows.gather(1, places.clamp(max=rows.shape[1] - 1)), places < end[:, None]


def train_epoch(block: Block, data: Data, settings: Settings, epoch: int) -> None:
    """Train a block for one epoch (counted from 0), in place."""
    order = block.streams.at(Purpose.ORDER, step=epoch).order(block.rows.train.rows.shape[1], block.rows.train.counts)
    for t, (rows, own) in enumerate(batches(block.rows.train, order, block.steps)):
        step = epoch * block.steps + t
        gradient, parameters = _gradient(block, data, rows, own, settings=settings, step=step)
        rate = block.learning_rate * schedule_factor(settings, step, block.steps)
        with torch.no_grad():
            _update(block, parameters, gradient, rate=rate, settings=settings, step=step)


def _gradient(
    block: Block, data: Data, rows: Tensor, own: Tensor | None, *, settings: Settings, step: int
) -> tuple[Tensor, Parameters]:
    """Gradient `(M, P)` of the mean loss of a batch with its penalties, and the parameters as a tensor a layer."""
    # .data counts its changes by itself: blocks side by side are views of one tensor
    parameters = views(block.state.parameters.data, block.layout)
    for tensor in parameters.all:
        tensor.requires_grad_()
    loss = _batch_loss(block, data, parameters, rows, own=own, settings=settings, step=step)
    gradients = torch.autograd.grad(loss.sum(), parameters.all, materialize_grads=True)
    gradient = torch.cat([g.flatten(1) for g in gradients], 1)
    for tensor in parameters.all:
        tensor.requires_grad_(False)
    parts = views(gradient, block.layout)
    if (norm := normalizer(block.regularizers)) is not None:
        _still_biases(norm, parts)
    for penalty, weights, at in _on(block, InLoss, parameters, parts):
        at.add_(penalty.gradient(weights))
    return gradient, parameters


def _still_biases(norm: Normalizes, gradient: Parameters) -> None:
    """Full batch norm takes a bias out again: its gradient is rounding, which Adam would scale up to whole steps."""
    partial = torch.as_tensor(norm.strength) < 1.0
    for bias in gradient.biases[:-1]:
        bias.mul_(column(partial, bias))


def _batch_loss(
    block: Block,
    data: Data,
    parameters: Parameters,
    rows: Tensor,
    *,
    own: Tensor | None,
    settings: Settings,
    step: int,
) -> Tensor:
    """Mean weighted loss `(M,)` of a batch in training mode."""
    total = data.inputs.shape[1]
    inputs = data.inputs.flatten(0, 1).index_select(0, rows.flatten()).view(*rows.shape, *data.shape)
    targets = data.targets.flatten(0, 1).index_select(0, rows.flatten()).view(*rows.shape, -1)
    weights = data.weights[rows % total] * block.rows.weight_scale
    for part in block.regularizers.at(OnInputs):
        inputs = part.inputs(inputs, block.streams.at(Purpose.NOISE, place=part.stream, step=step), data.form)
    batch = mixed(Mixture(inputs, targets, weights), block, own, form=data.form, step=step)
    inputs, targets, weights = batch.inputs.flatten(2), batch.targets, batch.weights
    if data.task != "regression":
        for aim in block.regularizers.at(OnTargets):
            targets = aim.targets(targets)
    norm = normalizer(block.regularizers)
    running = layer_statistics(block.state.statistics, block.layout)
    outputs = forward(
        parameters.folded,
        inputs,
        block.layout,
        normalize=identity if norm is None else training_norm(norm, parameters, running, own),
        drop=_drop(block, step),
        rounded=settings.precision == "bfloat16",
    )
    losses = row_losses(outputs, targets, data.task) * weights
    if own is None:
        return losses.mean(1)
    return (losses * own).sum(1) / own.sum(1).clamp(min=1)


def _drop(block: Block, step: int) -> Hook:
    parts = block.regularizers.at(Drops)

    def drop(hidden: Tensor, layer: int) -> Tensor:
        for part in parts:
            hidden = part.drop(hidden, block.streams.at(Purpose.DROPOUT, place=layer, step=step), layer=layer)
        return hidden

    return drop if parts else identity


def _update(
    block: Block, parameters: Parameters, gradient: Tensor, *, rate: Tensor, settings: Settings, step: int
) -> None:
    """decay, step, prox, average: the weights after a step, in place."""
    state = block.state
    for decay, weights, _ in _on(block, Decays, parameters, parameters):
        decay.decay_(weights, rate[:, 0])
    taken = _optimizer_step(block, gradient, rate=_rates(block, rate, settings), settings=settings, step=step)
    state.parameters.sub_(taken.change)
    sizes = views(taken.size.expand_as(state.parameters), block.layout)
    for prox, weights, size in _on(block, Proximal, parameters, sizes):
        weights.copy_(prox.prox(weights, size))
    for part in block.regularizers.at(Averages):
        state.average.copy_(state.parameters if step == 0 else part.average(state.average, state.parameters))


def _rates(block: Block, rate: Tensor, settings: Settings) -> Tensor:
    """The learning rate `(M, 1)`, or `(M, P)` where the inputs' factors have their own."""
    if not block.layout.scaling:
        return rate
    weights, factors = block.layout.plain.total, block.layout.sizes[0]
    return torch.cat([rate.expand(-1, weights), settings.scaling * rate.expand(-1, factors)], 1)


def _optimizer_step(block: Block, gradient: Tensor, *, rate: Tensor, settings: Settings, step: int) -> Step:
    state = block.state
    if settings.optimizer == "sgd":
        return sgd(gradient, state.first, learning_rate=rate, momentum=settings.momentum)
    return adam(gradient, state.first, state.second, learning_rate=rate, step=step + 1)


def _on(block: Block, place: type[W], parameters: Parameters, beside: Parameters) -> Iterator[tuple[W, Tensor, Tensor]]:
    """Each technique of a place with each tensor that it acts on, and the tensor beside it."""
    for part in block.regularizers.at(place):
        for weights, other in zip(parameters.weights, beside.weights, strict=True):
            yield part, weights, other
    for part in block.on_biases.at(place):
        for bias, other in zip(parameters.others, beside.others, strict=True):
            yield part, bias, other
