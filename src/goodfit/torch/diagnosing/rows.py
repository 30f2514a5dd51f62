"""The rows of a loader: a fingerprint of each, so that equal ones are found, and what their targets are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor

from goodfit.torch.batches import Batch


@dataclass(frozen=True)
class Rows:
    """What a pass over a loader's rows tells without the module.

    Args:
        inputs: a fingerprint of each row's inputs; empty where a row holds something else than tensors.
        targets: a fingerprint of each row's target.
        batches: the rows of each batch.
        whole: whether the targets are integers or booleans.
        binary: whether they are all 0 or 1.
    """

    inputs: tuple[bytes, ...]
    targets: tuple[bytes, ...]
    batches: tuple[int, ...]
    whole: bool
    binary: bool

    def shared_with(self, other: Rows) -> float:
        """The share of these rows that another pass gives too, each as often at most as it does there."""
        together = Counter(self.inputs) & Counter(other.inputs)
        return sum(together.values()) / max(len(self.inputs), 1)


def read_rows(batches: Iterable[Batch]) -> Rows:
    """Fingerprint every row of some batches."""
    inputs: list[bytes] = []
    targets: list[bytes] = []
    sizes: list[int] = []
    whole = binary = readable = True
    for batch in batches:
        sizes.append(batch.rows)
        found = fingerprints(batch.inputs, batch.rows)
        readable = readable and found is not None
        inputs += found or []
        targets += fingerprints(batch.targets, batch.rows) or []
        whole = whole and not batch.targets.is_floating_point() and not batch.targets.is_complex()
        binary = binary and bool(((batch.targets == 0) | (batch.targets == 1)).all())
    return Rows(tuple(inputs) if readable else (), tuple(targets), tuple(sizes), whole, binary)


def fingerprints(content: Any, rows: int) -> list[bytes] | None:
    """A hash of each row of inputs; None where they hold something else than tensors.

    Args:
        content: a tensor, or a tuple or dict of them. A tensor's rows lie along its first axis of that length; one
            without such an axis belongs to all rows.
        rows: how many there are.

    Example:
        >>> same, other, again = fingerprints(torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]), rows=3)
        >>> same == again, same == other
        (True, False)
    """
    leaves = leaves_of(content)
    if leaves is None or not leaves:
        return None
    tables = [_bytes(tensor, rows) for tensor in leaves]
    table = torch.cat(tables, dim=1).numpy()
    return [blake2b(row.tobytes(), digest_size=16).digest() for row in table]


def leaves_of(content: Any) -> list[Tensor] | None:
    """The tensors of inputs, in a fixed order; None where there is something else among them."""
    if isinstance(content, Tensor):
        return [content]
    if isinstance(content, Mapping):
        content = [content[key] for key in sorted(content, key=str)]
    if type(content) not in (tuple, list):
        return None
    parts = [leaves_of(part) for part in content]
    return [leaf for part in parts if part for leaf in part] if None not in parts else None


def _bytes(tensor: Tensor, rows: int) -> Tensor:
    """`(rows, bytes)` of a tensor; 0 and -0 are the same."""
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if plain.layout != torch.strided:
        plain = plain.to_dense()
    plain = torch.view_as_real(plain) if plain.is_complex() else plain
    if plain.is_floating_point():
        plain = plain + 0.0
    axis = next((axis for axis, length in enumerate(plain.shape) if length == rows), None)
    table = plain.expand(rows, *plain.shape) if axis is None else plain.movedim(axis, 0)
    flat = table.reshape(rows, -1).contiguous()
    return flat.view(torch.uint8).reshape(rows, -1) if flat.numel() else torch.empty(rows, 0, dtype=torch.uint8)
