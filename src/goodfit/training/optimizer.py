"""SGD with momentum and Adam for M members at once, and the learning rate over the steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from goodfit.training.runs import Settings

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


@dataclass(frozen=True, eq=False)
class Step:
    """What an optimizer says of a step.

    Args:
        change: `(M, P)`, to be subtracted from the parameters.
        size: `(M, P)` or `(M, 1)`: how far a unit of gradient moves a parameter in the long run; the proximal operators
            of penalties are taken at this size.
    """

    change: Tensor
    size: Tensor


def sgd(gradient: Tensor, velocity: Tensor, *, learning_rate: Tensor, momentum: float) -> Step:
    r"""SGD with momentum: $v \leftarrow \mu v + g$, $w \leftarrow w - \alpha v$; velocity is updated in place.

    As torch's SGD without dampening. A steady gradient g moves w by $\alpha g/(1-\mu)$ a step.
    """
    velocity.mul_(momentum).add_(gradient)
    return Step(learning_rate * velocity, learning_rate / (1.0 - momentum))


def adam(gradient: Tensor, first: Tensor, second: Tensor, *, learning_rate: Tensor, step: int) -> Step:
    r"""Adam: $w \leftarrow w - \alpha \hat m / (\sqrt{\hat v} + \epsilon)$; moments are updated in place.

    As torch's Adam with its usual β and ε. Source: Kingma and Ba, ICLR 2015.

    Args:
        gradient: `(M, P)`.
        first: running mean of gradients.
        second: running mean of squared gradients.
        learning_rate: `(M, 1)`.
        step: number of this step, from 1.
    """
    first.lerp_(gradient, 1.0 - BETA1)
    second.mul_(BETA2).addcmul_(gradient, gradient, value=1.0 - BETA2)
    scale = second.sqrt().mul_(1.0 / math.sqrt(1.0 - BETA2**step)).add_(EPS)
    size = learning_rate / scale
    return Step(first * size * (1.0 / (1.0 - BETA1**step)), size)


def schedule_factor(settings: Settings, step: int, steps_an_epoch: int) -> float:
    """What the learning rate is multiplied by at a step (from 0)."""
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * step / (settings.max_epochs * steps_an_epoch)))
