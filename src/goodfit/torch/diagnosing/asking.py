"""diagnose: what ails a trained module, whatever trained it?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from goodfit.errors import InputError
from goodfit.torch.batches import check_loader
from goodfit.torch.calling import device_of
from goodfit.torch.diagnosing.evidence import NAMES, gather
from goodfit.torch.diagnosing.losses import Loss
from goodfit.torch.diagnosing.notes import notes_of
from goodfit.torch.diagnosing.questions import ask
from goodfit.torch.diagnosing.restoring import untouched
from goodfit.torch.diagnosing.result import ModuleDiagnosis


def diagnose(
    module: nn.Module,
    train_loader: Iterable[Any],
    val_loader: Iterable[Any],
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    device: torch.device | str | None = None,
) -> ModuleDiagnosis:
    """Tell what is wrong with a trained module and the rows that it was trained and validated on.

    Nothing is trained: all rows of both loaders are read twice and predicted once, in inference mode. The module is
    left as it was, bit for bit: training flags, weights, buffers, gradients and random streams.

    Args:
        module: any `nn.Module` with parameters. It may return a tensor whose first axis is the rows, a tuple that
            begins with it, or an object or dict with `logits`.
        train_loader: the rows that it was trained on, as a DataLoader or a list of batches: pairs of inputs and
            targets, where inputs are a tensor, a tuple (given in order) or a dict (given by name); lists of several
            inputs and last the targets; or dicts with "labels".
        val_loader: rows that it was not trained on, of the same form.
        loss: a callable of what the module returns and the targets, whose result is the mean over the batch; torch's
            own losses get the outputs alone. None: cross-entropy for integer targets and an output for each class,
            binary cross-entropy for targets of 0 and 1 and one output, the loss that the module returns beside its
            logits, or the mean squared error.
        optimizer: the one that trained it: three questions are about it. None leaves them not applicable.
        device: where the module is; batches are moved there. None: where its parameters are.

    Returns:
        `.verdicts`, all of them with outcome, evidence, threshold and advice; `.fired`, the names of those that fired;
        `diagnosis["gap"]`, one of them; `print(diagnosis)`, a table.

    Raises:
        InputError: (a ValueError) the module, a loader, its batches, the loss or the device can't be used as given.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from goodfit.torch import diagnose
        >>> stream = torch.Generator().manual_seed(0)
        >>> X = torch.randn(200, 4, generator=stream)
        >>> y = (X[:, 0] > 0).long()
        >>> module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
        >>> found = diagnose(module, [(X[:150], y[:150])], [(X[100:], y[100:])])
        >>> "random_predictions" in found.fired, "overlap" in found.fired
        (True, True)

    Note:
        A gap between the losses is not what `goodfit.diagnose` calls overfitting: that takes another training, whose
        validation loss is lower. Attributes of a module that are neither parameters nor buffers are not restored.
    """
    module = getattr(module, "_orig_mod", module)  # compiled code would not call what watches the layers
    for loader, name in zip((train_loader, val_loader), NAMES, strict=True):
        check_loader(loader, name)
    if optimizer is not None and not hasattr(optimizer, "param_groups"):
        raise InputError(f"optimizer is a {type(optimizer).__name__}: give a torch.optim.Optimizer, or None")
    place = device_of(module, device)
    with untouched(module, (train_loader, val_loader), place):
        evidence = gather(module, (train_loader, val_loader), loss=loss, optimizer=optimizer, device=place)
        return ModuleDiagnosis(ask(evidence), evidence.scorer.name, notes_of(evidence))
