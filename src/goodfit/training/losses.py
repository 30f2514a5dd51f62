"""The loss of each row, and what a network's outputs mean."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from goodfit.metrics import Task


def row_losses(outputs: Tensor, targets: Tensor, task: Task) -> Tensor:
    """The loss of each row, `(..., K)` to `(...)`.

    Two classes: cross-entropy of the logistic function of one output. More: cross-entropy of the softmax. Regression:
    the squared error, not halved.
    """
    if task == "regression":
        return (outputs - targets).square().sum(-1)
    if task == "binary":
        return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").squeeze(-1)
    return torch.logsumexp(outputs, -1) * targets.sum(-1) - (outputs * targets).sum(-1)


def probabilities(outputs: Tensor, task: Task) -> Tensor:
    """Class probabilities `(..., classes)` of outputs `(..., K)`; for regression the outputs themselves."""
    if task == "regression":
        return outputs
    if task == "binary":
        return torch.cat([torch.sigmoid(-outputs), torch.sigmoid(outputs)], -1)
    return torch.softmax(outputs, -1)


def best_constant(targets: Tensor, weights: Tensor, task: Task) -> Tensor:
    """The output `(K,)` of the best constant prediction for rows with targets `(n, K)` and weights `(n,)`."""
    mean = (targets * weights[:, None]).sum(0) / weights.sum()
    if task == "regression":
        return mean
    mean = mean.clamp(1e-4, 1.0 - 1e-4)
    return torch.logit(mean) if task == "binary" else mean.log()
