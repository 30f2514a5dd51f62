"""Label smoothing of class targets."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from goodfit.regularizers.places import OnTargets, column
from goodfit.regularizers.recipe import Dose, dose


def smooth(targets: Tensor, epsilon: Dose) -> Tensor:
    r"""$\tilde y = (1-\epsilon) y + \epsilon/K$ over K classes; one column holds the second of two classes."""
    classes = max(targets.shape[-1], 2)
    amount = column(epsilon, targets)
    return targets * (1.0 - amount) + amount / classes


@dataclass(frozen=True)
class LabelSmoothing(OnTargets):
    r"""Label smoothing: the target of class k becomes $(1-\epsilon)\,y_k + \epsilon/K$.

    The network is no longer rewarded for boundless confidence. Validation and training losses are measured against the
    true targets. For classification only.

    Args:
        epsilon: ε in [0, 1]: 0 keeps the targets, at 1 they are ignored (all classes alike); usually 0.05 to 0.2.

    Raises:
        InputError: epsilon is outside [0, 1].

    Example:
        >>> import torch
        >>> LabelSmoothing(0.1).targets(torch.tensor([[[0.0], [1.0]]])).flatten()
        tensor([0.0500, 0.9500])

    Note:
        The same ε as torch's `CrossEntropyLoss(label_smoothing=...)` and Keras's.

    Source:
        Szegedy and others, "Rethinking the inception architecture", CVPR 2016.
    """

    epsilon: Dose = dose(0.1, neutral=0.0, high=1.0, usual=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9))

    def targets(self, targets: Tensor) -> Tensor:
        """The smoothed targets."""
        return smooth(targets, self.epsilon)
