"""The compiled engine: members one after the other, each with its weights and rows in the cache of one core.

The same computation as `step` and `evaluation`, in the order that suits a CPU; its source lies in `src/native`. Random
draws are the same bit for bit, floats differ by rounding. A member's floats are the same in any company.
"""

from __future__ import annotations

import ctypes
import math
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goodfit.errors import InputError
from goodfit.metrics import Task
from goodfit.regularizers import (
    L1,
    L2,
    BatchNorm,
    Dropout,
    EarlyStopping,
    ElasticNet,
    GaussianNoise,
    GroupL1,
    LabelSmoothing,
    MaxNorm,
    Regularizer,
    Stack,
    WeightAveraging,
    WeightDecay,
)
from goodfit.regularizers.dropout import cut_and_scale
from goodfit.regularizers.places import Adds, Rewrites
from goodfit.training.block import Block
from goodfit.training.native import Blas, load_library, multiplies_bf16
from goodfit.training.rows import Sample
from goodfit.training.runs import Data, Settings

TASKS: tuple[Task, ...] = ("regression", "binary", "multiclass")

SHRINKS = ("l2", "weight_decay", "elastic_net", "l1_ratio", "l1")
SHRINKAGE = np.dtype([(name, np.float32) for name in SHRINKS])
DOSES = np.dtype(
    [
        *((group, SHRINKAGE) for group in ("weights", "others")),
        *((name, np.float32) for name in ("max_norm", "group_l1", "half_at", "input_dropout", "dropout")),
        *((name, np.int32) for name in ("input_cut", "cut")),
        *((name, np.float32) for name in ("label_smoothing", "noise", "averaging")),
        *((name, np.float32) for name in ("norm_strength", "norm_momentum", "norm_eps")),
    ]
)
MEMBER = np.dtype(
    [
        *((name, np.uintp) for name in ("parameters", "first", "second", "statistics", "average", "rows")),
        ("count", np.int64),
        ("stream", np.uint64),
        ("learning_rate", np.float32),
        ("weight_scale", np.float32),
        ("doses", DOSES),
    ],
    align=True,
)

FIELDS: dict[type[Regularizer], dict[str, str]] = {
    L2: {"l2": "strength"},
    L1: {"l1": "strength"},
    ElasticNet: {"elastic_net": "strength", "l1_ratio": "l1_ratio"},
    WeightDecay: {"weight_decay": "strength"},
    MaxNorm: {"max_norm": "radius"},
    GroupL1: {"group_l1": "strength", "half_at": "half_at"},
    Dropout: {},
    BatchNorm: {"norm_strength": "strength", "norm_momentum": "momentum", "norm_eps": "eps"},
    LabelSmoothing: {"label_smoothing": "epsilon"},
    GaussianNoise: {"noise": "std"},
    WeightAveraging: {"averaging": "decay"},
    EarlyStopping: {},
}
"""The techniques that the engine knows, and where each of their doses goes. Dropout's are turned into what it compares;
early stopping acts between epochs, outside."""


class Job(ctypes.Structure):
    """What all members share: `Job` of `src/native/job.h`."""

    _fields_ = (
        ("sizes", ctypes.POINTER(ctypes.c_int64)),
        ("layers", ctypes.c_int64),
        ("batch_norm", ctypes.c_int64),
        ("task", ctypes.c_int64),
        ("inputs", ctypes.c_void_p),
        ("targets", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("adam", ctypes.c_int64),
        ("momentum", ctypes.c_double),
        ("steps", ctypes.c_int64),
        ("epoch", ctypes.c_int64),
        ("period", ctypes.c_double),
        ("scaling", ctypes.c_double),
        ("sgemm", ctypes.c_void_p),
        ("bgemm", ctypes.c_void_p),
        ("set_threads", ctypes.c_void_p),
    )


@dataclass(frozen=True, eq=False)
class Compiled:
    """The compiled engine for a training.

    Args:
        data: the rows, contiguous and on the CPU.
        settings: what all runs share.
        blas: whose products it uses.
    """

    data: Data
    settings: Settings
    blas: Blas

    dealt = True

    def alone(self) -> AbstractContextManager[None]:
        """While this lasts, a product uses the thread that asked for it and no other."""
        return self.blas.one_thread()

    def train_epoch(self, block: Block, epoch: int) -> None:
        """Train a block for one epoch (counted from 0), in place."""
        members = _members(block, block.rows.train, block.state.parameters, block.state.statistics)
        job, library = self._job(block, epoch), library_in_use()
        _check(library.goodfit_train_epoch(ctypes.byref(job), members.ctypes.data, len(members)))

    def mean_losses(self, block: Block, sample: Sample, parameters: Tensor, statistics: Tensor) -> Tensor:
        """Mean weighted data loss `(M,)` of each member on its rows, in inference mode; nan without rows."""
        members = _members(block, sample, parameters, statistics)
        losses = torch.empty(len(members), dtype=torch.float64)
        job, library = self._job(block, 0), library_in_use()
        _check(library.goodfit_mean_losses(ctypes.byref(job), members.ctypes.data, len(members), losses.data_ptr()))
        return losses.to(torch.float32)

    def refresh_statistics(self, block: Block, parameters: Tensor, statistics: Tensor) -> None:
        """Write batch norm's statistics of these weights over the evaluated training rows, in place."""
        if not block.layout.batch_norm:
            return
        members = _members(block, block.rows.evaluated, parameters, statistics)
        job, library = self._job(block, 0), library_in_use()
        _check(library.goodfit_refresh_statistics(ctypes.byref(job), members.ctypes.data, len(members)))

    def _job(self, block: Block, epoch: int) -> Job:
        data, settings, sizes = self.data, self.settings, block.layout.sizes
        rounded = settings.precision == "bfloat16" and multiplies_bf16()
        return Job(
            sizes=(ctypes.c_int64 * len(sizes))(*sizes),
            layers=len(sizes) - 1,
            batch_norm=block.layout.batch_norm,
            task=TASKS.index(data.task),
            inputs=data.inputs.data_ptr(),
            targets=data.targets.data_ptr(),
            weights=data.weights.data_ptr(),
            rows=data.inputs.shape[1],
            adam=settings.optimizer != "sgd",
            momentum=settings.momentum,
            steps=block.steps,
            epoch=epoch,
            period=settings.max_epochs * block.steps if settings.schedule == "cosine" else 0.0,
            scaling=settings.scaling if block.layout.scaling else 0.0,
            sgemm=self.blas.sgemm,
            bgemm=self.blas.bgemm if rounded else None,
            set_threads=self.blas.set_threads or None,
        )


def unknown(stack: Stack) -> list[str]:
    """Names of the techniques that the engine doesn't know; those that act before training don't concern it."""
    return [part.name for part in stack.parts if type(part) not in FIELDS and not isinstance(part, Adds | Rewrites)]


def library_in_use() -> ctypes.CDLL:
    """The compiled engine.

    Raises:
        InputError: none was built, or one from other sources.
    """
    library = load_library()
    if library is None:
        raise InputError("the compiled engine is not installed; install a C++ compiler and goodfit anew")
    if library.goodfit_sizes() != ctypes.sizeof(Job) * 65536 + MEMBER.itemsize:
        raise InputError("the compiled engine is of another version than goodfit; install goodfit anew")
    return library


def _check(status: int) -> None:
    if status:
        raise MemoryError


def _members(block: Block, sample: Sample, parameters: Tensor, statistics: Tensor) -> NDArray[np.void]:
    """The members as the engine reads them. The tensors must outlive the call: only their addresses are taken."""
    state = block.state
    members = np.zeros(len(block.members), MEMBER)
    tensors = (parameters, state.first, state.second, statistics, state.average, sample.rows)
    names = ("parameters", "first", "second", "statistics", "average", "rows")
    for name, tensor in zip(names, tensors, strict=True):
        if tensor.shape[1]:
            members[name] = tensor.data_ptr() + np.arange(len(members)) * (tensor.stride(0) * tensor.element_size())
    members["count"] = sample.counts.numpy()
    members["stream"] = block.streams.base.numpy().view(np.uint64)
    members["learning_rate"] = block.learning_rate[:, 0].numpy()
    members["weight_scale"] = block.rows.weight_scale[:, 0].numpy()
    _write_doses(members["doses"], block)
    return members


def _write_doses(doses: NDArray[np.void], block: Block) -> None:
    """Neutral doses, then those of the block's techniques."""
    doses["max_norm"] = math.inf
    doses["input_dropout"], doses["dropout"] = 1.0, 1.0
    doses["input_cut"], doses["cut"] = -(2**15), -(2**15)
    for group, stack in (("weights", block.regularizers), ("others", block.on_biases)):
        for part in stack.parts:
            for name, attribute in FIELDS.get(type(part), {}).items():
                target = doses[group] if name in SHRINKS else doses
                target[name] = getattr(part, attribute).to(torch.float32).numpy()
            if isinstance(part, Dropout):
                for cut, scale, p in (("cut", "dropout", part.p), ("input_cut", "input_dropout", part.input)):
                    doses[cut], doses[scale] = (tensor.numpy() for tensor in cut_and_scale(p))
