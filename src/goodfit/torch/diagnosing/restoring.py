"""Leave a module, its loaders and all random streams as they were, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def untouched(module: nn.Module, loaders: Sequence[object], device: torch.device) -> Iterator[None]:
    """On leaving, put back training flags, parameters, buffers and the states of torch's, numpy's and Python's streams.

    Gradients aren't recorded meanwhile, so those that are there stay. What a module keeps in attributes of its own
    that are no buffers is not known here.

    Args:
        module: the module.
        loaders: whose generators are put back too.
        device: whose random stream is.
    """
    flags = [(part, part.training) for part in module.modules()]
    tensors = [(held, name, tensor, _copy(tensor)) for held, name, tensor in _held(module)]
    generators = [(generator, generator.get_state()) for generator in _generators(loaders)]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    places = [device.index or 0] if device.type in ("cuda", "xpu") else []
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=places, device_type=device.type if places else "cuda"))
        stack.enter_context(torch.no_grad())
        try:
            yield
        finally:
            for part, flag in flags:
                part.training = flag
            for held, name, tensor, before in tensors:
                held[name] = tensor
                if tensor is not None and not _same(tensor, before):
                    tensor.copy_(before)
            for generator, state in generators:
                generator.set_state(state)
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002


def _held(module: nn.Module) -> Iterator[tuple[dict[str, Any], str, Any]]:
    for part in module.modules():
        for held in (part._parameters, part._buffers):
            for name, tensor in list(held.items()):
                yield held, name, tensor


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()


def _same(now: Tensor, before: Any) -> bool:
    """Equal in every bit: nan too, and the sign of 0."""
    if now.layout != torch.strided or now.is_quantized:
        return False
    left, right = (part.detach().contiguous().reshape(-1) for part in (now, before))
    return bool(torch.equal(left.view(torch.uint8), right.view(torch.uint8)))


def _generators(loaders: Sequence[object]) -> list[torch.Generator]:
    found: list[torch.Generator] = []
    for loader in loaders:
        sampler = getattr(loader, "sampler", None)
        batches = getattr(loader, "batch_sampler", None)
        for holder in (loader, sampler, batches, getattr(batches, "sampler", None)):
            generator = getattr(holder, "generator", None)
            if isinstance(generator, torch.Generator) and all(generator is not known for known in found):
                found.append(generator)
    return found
