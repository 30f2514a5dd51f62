"""Group L1: a penalty on all weights out of an input at once, so that whole inputs are left without weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from goodfit.regularizers.places import Proximal, column
from goodfit.regularizers.recipe import Dose, dose

ROUNDS, SETTLED = 6, 1e-4
"""Newton's steps towards a group's new norm: enough for all digits of float32, however far step sizes lie apart; fewer
where the last one changed no norm by more than this share of it, for what is left is about the square of that."""


def group_threshold(weights: Tensor, threshold: Dose, step_size: Dose) -> Tensor:
    r"""The proximal operator of the norm of a group, with a step size a weight; groups are rows, the last dimension.

    It minimizes $\sum_i (u_i - w_i)^2 / 2s_i + t \lVert u \rVert_2$ over u: a group with $\lVert w / s \rVert_2 \le t$
    becomes 0; in any other $u_i = w_i\, r / (r + s_i t)$, where r is its new norm, for which
    $\sum_i (w_i / (r + s_i t))^2 = 1$. Newton's method on the root of that sum's reciprocal comes to r from below.
    Threshold 0 returns w itself.

    Args:
        weights: w, `(..., D, H)`.
        threshold: t, a number or `(..., D, 1)`.
        step_size: s, a number or of the shape of the weights.
    """
    shift = threshold * step_size + torch.zeros_like(weights[..., :1])
    least = (weights.abs() - shift).amax(-1, keepdim=True).clamp(min=0.0)
    norm = weights.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(weights.dtype).tiny
    for _ in range(ROUNDS):
        reached = norm + shift
        share = (weights / reached).square()
        total, slope = share.sum(-1, keepdim=True), (share / reached).sum(-1, keepdim=True)
        before, norm = norm, torch.maximum(norm + total * (total.sqrt() - 1.0) / slope.clamp(min=tiny), least)
        if norm.device.type == "cpu" and bool(((before - norm).abs() <= SETTLED * norm).all()):
            break
    return torch.where(shift > 0.0, weights - weights * (shift / (norm + shift)), weights)


@dataclass(frozen=True)
class GroupL1(Proximal):
    r"""Group L1 (group lasso): all weights out of an input go to exact zeros together, or stay.

    A group is the n weights out of one input of a layer, with $\rho$ the root of their mean square. The penalty beside
    the mean loss is $\lambda \sum_{\mathrm{groups}} n h \log(1 + \rho / h)$. It pulls a group that is nearly 0 with
    $\lambda\sqrt n$, as the group lasso $\lambda \sum \sqrt n \lVert w \rVert_2$ does, one of size h with half of that,
    and a large one hardly: so it empties inputs of no use at a λ that leaves the others their size. Each step takes the
    proximal operator of the group lasso, at the size of each weight's own step, with the pull of the group as it is.

    Acts in every layer: on inputs, and on hidden units by the weights that lead out of them. For inputs of a table, one
    number each, this selects columns. Each place in the window of a convolution is an input of its own. In loops of
    one's own a group of an embedding is one of its numbers over all tokens, and of a convolution with groups a place in
    the window over all of them: there it empties more at once than an input.

    Args:
        strength: λ, in units of the loss a unit of weight, in [0, inf): 0 is no penalty; from some value on all
            weights are 0.
        half_at: h, in units of a weight, in [1e-6, inf]: inf is the group lasso, which shrinks what it keeps and so
            keeps more; the nearer to 0, the more only small groups feel the penalty, which needs a larger λ.

    Raises:
        InputError: a dose is out of its range.

    Example:
        >>> import torch
        >>> weights = torch.tensor([[0.03, -0.04], [3.0, 4.0]])
        >>> GroupL1(1.0, half_at=float("inf")).prox(weights, step_size=0.5)
        tensor([[0.0000, 0.0000],
                [2.5757, 3.4343]])
        >>> GroupL1(1.0, half_at=0.1).prox(weights, step_size=0.5)
        tensor([[0.0000, 0.0000],
                [2.9883, 3.9844]])

    Note:
        scikit-learn's MultiTaskLasso, a linear network of K outputs, halves the squared error: with `half_at=inf` its
        `alpha` = λ √K / 2, or λ √K K/2 beside torch's `mse_loss`, which averages over outputs too. A group of one
        weight, as in a last layer of one output, is penalized as by `L1`, where `half_at=inf`.

    Source:
        Yuan and Lin, "Model selection and estimation in regression with grouped variables", JRSS B 2006; for networks:
        Scardapane and others, "Group sparse regularization for deep neural networks", Neurocomputing 2017; for the
        logarithm: Candes, Wakin and Boyd, "Enhancing sparsity by reweighted l1 minimization", J. Fourier Analysis and
        Applications 2008.
    """

    strength: Dose = dose(
        8e-3, neutral=0.0, high=float("inf"), open="high", usual=(1e-3, 4e-3, 8e-3, 0.016, 0.03, 0.06, 0.12, 0.5)
    )
    half_at: Dose = dose(0.005, low=1e-6)

    def prox(self, weights: Tensor, step_size: Dose) -> Tensor:
        """Each row shrunk as a whole, by λ √n / (1 + ρ / h)."""
        root = math.sqrt(weights.shape[-1])
        size = weights.norm(dim=-1, keepdim=True) / root
        pull = root * column(self.strength, weights) / (1.0 + size / column(self.half_at, weights))
        return group_threshold(weights, pull, step_size)

    def released(self) -> Dose | None:
        """λ: where the root mean square of a group's mean gradients is below it, the group is 0."""
        return self.strength

    def stays(self, zero: Tensor, mean: Tensor) -> Tensor:
        """Groups that were 0 as a whole, unless their mean gradients are above λ."""
        quiet = mean.norm(dim=-1, keepdim=True) <= math.sqrt(mean.shape[-1]) * column(self.strength, mean)
        held: Tensor = zero.all(-1, keepdim=True) & quiet
        return held.expand_as(zero)

    def for_biases(self) -> Self | None:
        """Biases are never penalized: they lead out of no input."""
        return None
