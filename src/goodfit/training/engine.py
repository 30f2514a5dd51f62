"""Two orders of one computation, and which of them a training takes.

portable    members stacked, a product for all of them: any device, any technique
compiled    members one after the other, each in cache: the CPU's order, by compiled code
"""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol

from torch import Tensor

from goodfit.errors import InputError, SlowerTraining
from goodfit.regularizers import Stack
from goodfit.training.block import Block
from goodfit.training.compiled import Compiled, library_in_use, unknown
from goodfit.training.evaluation import mean_losses, refresh_statistics
from goodfit.training.native import find_blas, installed_libraries, load_library, multiplies_bf16
from goodfit.training.rows import Sample
from goodfit.training.runs import Data, Settings
from goodfit.training.step import train_epoch

Choice = Literal["auto", "compiled", "portable"]

NO_BLAS = "finds no BLAS that it can call"


class Engine(Protocol):
    """What trains a block for an epoch and measures its losses."""

    dealt: bool
    """Whether members may be dealt over the blocks in any mixture: none waits for another's techniques."""

    def alone(self) -> AbstractContextManager[None]:
        """While this lasts, a block's arithmetic uses the thread that asked for it and no other."""

    def train_epoch(self, block: Block, epoch: int) -> None:
        """Train a block for one epoch (counted from 0), in place."""

    def mean_losses(self, block: Block, sample: Sample, parameters: Tensor, statistics: Tensor) -> Tensor:
        """Mean weighted data loss `(M,)` of each member on its rows, in inference mode; nan without rows."""

    def refresh_statistics(self, block: Block, parameters: Tensor, statistics: Tensor) -> None:
        """Write batch norm's statistics of these weights over the evaluated training rows, in place."""


@dataclass(frozen=True, eq=False)
class Portable:
    """The stacked order, in torch.

    Args:
        data: the rows, on the device that trains.
        settings: what all runs share.
    """

    data: Data
    settings: Settings

    dealt = False

    def alone(self) -> AbstractContextManager[None]:
        """Nothing to do: torch's threads are set where the workers start."""
        return nullcontext()

    def train_epoch(self, block: Block, epoch: int) -> None:
        """Train a block for one epoch (counted from 0), in place."""
        train_epoch(block, self.data, self.settings, epoch)

    def mean_losses(self, block: Block, sample: Sample, parameters: Tensor, statistics: Tensor) -> Tensor:
        """Mean weighted data loss `(M,)` of each member on its rows, in inference mode; nan without rows."""
        return mean_losses(block, self.data, sample, parameters, statistics, rounded=self._rounded)

    def refresh_statistics(self, block: Block, parameters: Tensor, statistics: Tensor) -> None:
        """Write batch norm's statistics of these weights over the evaluated training rows, in place."""
        refresh_statistics(block, self.data, parameters, statistics, rounded=self._rounded)

    @property
    def _rounded(self) -> bool:
        return self.settings.precision == "bfloat16"


def choose_engine(choice: Choice, data: Data, settings: Settings, regularizers: Stack) -> Engine:
    """The engine that a user asked for, or the fastest that can train these techniques on the data's device.

    Raises:
        InputError: the compiled engine was asked for and can't be had.
    """
    if settings.channels and choice == "auto":
        return Portable(data, settings)
    strange = unknown(regularizers) + (["convolutions"] if settings.channels else [])
    on_cpu = data.inputs.device.type == "cpu"
    if choice == "compiled":
        library_in_use()
        if not find_blas().sgemm:
            raise InputError(f"the compiled engine {NO_BLAS}; choose the portable one, or auto")
        if strange or not on_cpu:
            limit = f"doesn't know {', '.join(strange)}" if strange else "works on the CPU alone"
            raise InputError(f"the compiled engine {limit}; choose the portable one, or auto")
    if choice == "portable" or not on_cpu:
        return Portable(data, settings)
    if choice == "auto" and (reason := _why_not(strange)):
        _say_once(reason)
        return Portable(data, settings)
    if settings.precision == "bfloat16" and not multiplies_bf16():
        _say_once("this processor has no products in bfloat16: training in float32")
    return Compiled(data.contiguous(), settings, find_blas())


@cache
def _say_once(reason: str) -> None:
    """Python's own filter would say it again whenever some library touches the filters."""
    warnings.warn(reason, SlowerTraining, stacklevel=5)


def _why_not(strange: list[str]) -> str | None:
    """Why the compiled engine can't be taken, in a sentence; None if it can."""
    if load_library() is None and installed_libraries():
        return (
            "goodfit's compiled engine can't be loaded on this machine, so it trains by its portable engine, several "
            "times slower; install a C++ compiler and goodfit from its source"
        )
    if load_library() is None:
        return (
            "goodfit was installed without a C++ compiler, so it trains by its portable engine, several times slower; "
            "install a compiler and goodfit anew"
        )
    if not find_blas().sgemm:
        return f"the compiled engine {NO_BLAS}: the portable one trains, several times slower"
    if strange:
        return f"the compiled engine doesn't know {', '.join(strange)}: the portable one trains, several times slower"
    return None
