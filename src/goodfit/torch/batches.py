"""A loader's batches -> inputs and targets, checked, on the module's device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from goodfit.errors import InputError

LABELS = ("labels", "label", "targets", "target")
WANTED = "give batches of (inputs, targets), or dicts of tensors with 'labels'"


@dataclass(frozen=True, eq=False)
class Batch:
    """What a loader yields at once.

    Args:
        inputs: what the module is called with: a tensor, or a tuple or dict of them.
        targets: `(B, ...)`.
        label: the name of the targets where the batch was a dict; else "".
    """

    inputs: Any
    targets: Tensor
    label: str = ""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.targets)

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(moved(self.inputs, device), self.targets.to(device), self.label)


def read(loader: Iterable[Any], name: str) -> Iterator[Batch]:
    """The batches of a loader that hold rows.

    Args:
        loader: a DataLoader, or any other collection of batches that can be gone through again.
        name: what messages call it.

    Raises:
        InputError: it yields no rows, or something else than inputs and targets.
    """
    rows = 0
    for place, given in enumerate(loader, start=1):
        batch = _split(given, f"batch {place} of {name}")
        rows += batch.rows
        if batch.rows:
            yield batch
    if not rows:
        raise InputError(f"{name} yields no rows: give at least one batch")


def inputs_alone(given: Any) -> Batch:
    """A batch of which only the inputs count: what is beside them may be of any kind, or missing.

    The targets in a dict stay beside the others, for a module that computes its own loss.
    """
    if isinstance(given, Mapping):
        label = next((key for key in LABELS if isinstance(given.get(key), Tensor)), "")
        inputs = {key: value for key, value in given.items() if key not in LABELS}
        return Batch(inputs, given[label] if label else torch.empty(0), label)
    if isinstance(given, list | tuple) and given:
        return Batch(given[0] if len(given) < 3 else tuple(given[:-1]), torch.empty(0))
    return Batch(given, torch.empty(0))


def check_loader(loader: object, name: str) -> None:
    """Refuse what can't be gone through, or only once."""
    if not isinstance(loader, Iterable):
        raise InputError(f"{name} is a {type(loader).__name__}: give a DataLoader or a list of batches")
    if isinstance(loader, Iterator):
        raise InputError(
            f"{name} is a {type(loader).__name__}, which can be read once only: give a DataLoader or a list"
        )
    if isinstance(loader, Tensor | str | Mapping):
        raise InputError(f"{name} is a {type(loader).__name__}: give a DataLoader or a list of batches")


def moved(content: Any, device: torch.device) -> Any:
    """Inputs with all their tensors on a device."""
    if isinstance(content, Tensor):
        return content.to(device)
    if isinstance(content, PackedSequence):
        return content.to(str(device))  # type: ignore[arg-type]
    if isinstance(content, Mapping):
        return {key: moved(value, device) for key, value in content.items()}
    if isinstance(content, tuple | list):
        return tuple(moved(value, device) for value in content)
    return content


def _split(given: Any, where: str) -> Batch:
    if isinstance(given, Mapping):
        label = next((key for key in LABELS if key in given), "")
        if not label or len(given) < 2:
            raise InputError(f"{where} has the keys {', '.join(map(str, given))}: {WANTED}")
        return Batch({key: value for key, value in given.items() if key != label}, _targets(given[label], where), label)
    if not isinstance(given, tuple | list) or len(given) < 2:
        found = f"a {type(given).__name__}" + (f" of {len(given)}" if isinstance(given, tuple | list) else "")
        raise InputError(f"{where} is {found}: {WANTED}")
    inputs = given[0] if len(given) == 2 else tuple(given[:-1])
    return Batch(inputs, _targets(given[-1], where), "")


def _targets(given: Any, where: str) -> Tensor:
    try:
        targets = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"the targets in {where} are a {type(given).__name__}: give one tensor") from None
    if targets.ndim == 0:
        raise InputError(f"the targets in {where} are one number: give a tensor with one for each row")
    return targets
