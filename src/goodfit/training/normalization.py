"""Batch norm in training and in inference: which statistics each uses, and how the running ones are kept."""

from __future__ import annotations

import torch
from torch import Tensor

from goodfit.networks import Hook, Layout, Parameters
from goodfit.regularizers import Stack
from goodfit.regularizers.places import Normalizes, column


def identity(hidden: Tensor, layer: int) -> Tensor:
    """No normalization, no dropout."""
    return hidden


def layer_statistics(statistics: Tensor, layout: Layout) -> tuple[list[Tensor], list[Tensor]]:
    """Running means and variances `(M, 1, H)` of each hidden layer, as views of `(M, R)`."""
    if not layout.batch_norm:
        return [], []
    means, variances = statistics.view(len(statistics), 2, -1).unbind(1)
    cut = list(layout.hidden)
    return [m[:, None] for m in torch.split(means, cut, 1)], [v[:, None] for v in torch.split(variances, cut, 1)]


def training_norm(
    part: Normalizes, parameters: Parameters, running: tuple[list[Tensor], list[Tensor]], own: Tensor | None
) -> Hook:
    """Normalize by the batch's statistics, and update the running ones in place.

    Args:
        part: batch norm.
        parameters: its γ and β.
        running: means and variances, as `layer_statistics` gives them.
        own: `(M, B)` which rows count; None if all do. A member with one row, one pixel of a convolution, uses its
            running statistics.
    """

    def normalize(hidden: Tensor, layer: int) -> Tensor:
        if own is None and hidden.shape[1] > 1:
            done, mean, variance = part.of_batch(hidden, parameters.scales[layer], parameters.shifts[layer])
            count = hidden.new_full((hidden.shape[0], 1, 1), hidden.shape[1])
            _track(part, running, mean.detach(), variance.detach(), count=count, layer=layer)
            return _in_part(part, hidden, done)
        mean, variance, count = batch_statistics(hidden, own)
        lone = count < 2
        mean, variance = (
            torch.where(lone, old[layer].clone(), new) for old, new in zip(running, (mean, variance), strict=True)
        )
        _track(part, running, mean.detach(), variance.detach(), count=count, layer=layer)
        return _scaled(part, hidden, mean, variance, parameters=parameters, layer=layer)

    return normalize


def _track(
    part: Normalizes,
    running: tuple[list[Tensor], list[Tensor]],
    mean: Tensor,
    variance: Tensor,
    *,
    count: Tensor,
    layer: int,
) -> None:
    """Update running statistics in place by a batch's; a member with one row keeps its own."""
    lone = count < 2
    unbiased = variance * (count / (count - 1).clamp(min=1))
    with torch.no_grad():
        for old, new in zip(running, (mean, unbiased), strict=True):
            old[layer].copy_(torch.where(lone, old[layer], part.track(old[layer], new)))


def inference_norm(part: Normalizes, parameters: Parameters, running: tuple[list[Tensor], list[Tensor]]) -> Hook:
    """Normalize by the running statistics."""

    def normalize(hidden: Tensor, layer: int) -> Tensor:
        return _scaled(part, hidden, running[0][layer], running[1][layer], parameters=parameters, layer=layer)

    return normalize


def refreshing_norm(
    part: Normalizes, parameters: Parameters, running: tuple[list[Tensor], list[Tensor]], own: Tensor | None
) -> Hook:
    """Normalize by the statistics of all rows at hand, and write them over the running ones; of one row, keep those."""

    def normalize(hidden: Tensor, layer: int) -> Tensor:
        mean, variance, count = batch_statistics(hidden, own)
        unbiased = variance * (count / (count - 1).clamp(min=1))
        mean = torch.where(count < 2, running[0][layer], mean)
        variance = torch.where(count < 2, running[1][layer], variance)
        running[0][layer].copy_(mean)
        running[1][layer].copy_(torch.where(count < 2, running[1][layer], unbiased))
        return _scaled(part, hidden, mean, variance, parameters=parameters, layer=layer)

    return normalize


def normalizer(regularizers: Stack) -> Normalizes | None:
    """The technique that normalizes hidden layers, if any member has one."""
    return next(iter(regularizers.at(Normalizes)), None)


def batch_statistics(hidden: Tensor, own: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, biased variance, `(M, 1, H)`, and count, `(M, 1, 1)`, of the rows that count."""
    if own is None:
        variance, mean = torch.var_mean(hidden, 1, correction=0, keepdim=True)
        return mean, variance, hidden.new_full((hidden.shape[0], 1, 1), hidden.shape[1])
    pixels = hidden.shape[1] // own.shape[1]  # of a convolution; else 1
    share = own.repeat_interleave(pixels, 1)[:, :, None].to(hidden.dtype)
    count = share.sum(1, keepdim=True).clamp(min=1)
    mean = (hidden * share).sum(1, keepdim=True) / count
    variance = ((hidden - mean).square() * share).sum(1, keepdim=True) / count
    return mean, variance, count


def _scaled(
    part: Normalizes, hidden: Tensor, mean: Tensor, variance: Tensor, *, parameters: Parameters, layer: int
) -> Tensor:
    normalized = parameters.scales[layer] * part.normalize(hidden, mean, variance) + parameters.shifts[layer]
    return _in_part(part, hidden, normalized)


def _in_part(part: Normalizes, hidden: Tensor, normalized: Tensor) -> Tensor:
    """As much of the normalization as each member's strength asks for."""
    strength = torch.as_tensor(column(part.strength, hidden), dtype=hidden.dtype)
    if not strength.is_cuda and bool((strength == 1.0).all()):
        return normalized
    return torch.lerp(hidden, normalized, strength)
