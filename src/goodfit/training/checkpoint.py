"""A training's state on disk, so that what was interrupted goes on as if it never was."""

from __future__ import annotations

import hashlib
import os
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from goodfit.errors import DamagedFile, InputError
from goodfit.sealed import read_sealed, sealed
from goodfit.training.runs import Data, Run, Settings

FORMAT = 3
"""Of what is saved: a file of another format belongs to no job."""


@dataclass
class Checkpoint:
    """Where and how often to save.

    Args:
        path: the file; it is replaced whole, so a crash leaves the last one.
        interval: least seconds between two savings.
    """

    path: Path
    interval: float = 5.0
    saved: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self.saved >= self.interval

    def save(self, tensors: dict[str, Tensor], fingerprint: str) -> None:
        """Save tensors under the fingerprint of their job."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        content = sealed({key: t.cpu().numpy() for key, t in tensors.items()}, {"fingerprint": fingerprint})
        try:
            temporary.write_bytes(content)
            os.replace(temporary, self.path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self.saved = time.monotonic()

    def load(self, fingerprint: str) -> dict[str, Tensor] | None:
        """The saved tensors of the same job; None if there are none, or of another job. Says so if they are damaged."""
        if not self.path.exists():
            return None
        try:
            told, arrays = read_sealed(self.path)
        except InputError:
            said = f"{self.path} is damaged, or of an older goodfit: the training that it was of starts anew"
            warnings.warn(said, DamagedFile, stacklevel=2)
            return None
        if told.get("fingerprint") != fingerprint:
            return None
        return {key: torch.from_numpy(values) for key, values in arrays.items()}

    def remove(self) -> None:
        """Remove the file: the job is done."""
        self.path.unlink(missing_ok=True)


def fingerprint(data: Data, runs: Sequence[Run], settings: Settings) -> str:
    """What a job is: a hash of its rows, runs and settings."""
    digest = hashlib.sha256(repr((version("goodfit"), FORMAT, settings, data.task, data.form)).encode())
    for tensor in (data.inputs, data.targets, data.weights):
        digest.update(repr(tuple(tensor.shape)).encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    for run in runs:
        digest.update(repr((str(run.recipe), run.seed, run.view, run.learning_rate)).encode())
        for rows in (run.train, run.validation, run.added, run.variants, run.shift):
            digest.update(b"|")
            digest.update(b"" if rows is None else np.ascontiguousarray(rows).data)
    return digest.hexdigest()
