"""A training loader's batches once more, without a trace in the training that goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from goodfit.errors import InputError


def once_more(loader: Any) -> Iterator[Any]:
    """The batches of a loader, drawn as in training; random numbers are afterwards as if nothing had been drawn.

    A loader of torch is read in this process, by its own sampler, so that workers which are reading for the training
    aren't disturbed.

    Args:
        loader: of training rows.

    Raises:
        InputError: it is several loaders.
    """
    if isinstance(loader, dict) or (
        isinstance(loader, list | tuple) and isinstance(next(iter(loader), None), DataLoader)
    ):
        raise InputError("batch norm's statistics of averaged weights need one training loader, and there are several")
    held = _generators(loader)
    before = [generator.get_state() for generator in held]
    try:
        with torch.random.fork_rng(devices=[]):
            yield from _plain(loader)
    finally:
        for generator, state in zip(held, before, strict=True):
            generator.set_state(state)


def _generators(loader: Any) -> list[torch.Generator]:
    """Those from which a loader draws beside torch's own."""
    batches = getattr(loader, "batch_sampler", None)
    holders = (loader, getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None))
    found = {id(g): g for g in (getattr(holder, "generator", None) for holder in holders)}
    return [generator for generator in found.values() if isinstance(generator, torch.Generator)]


def _plain(loader: Any) -> Iterable[Any]:
    mapped = isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)
    if not mapped or loader.batch_sampler is None:
        batches: Iterable[Any] = loader
        return batches
    return DataLoader(
        loader.dataset,
        batch_sampler=loader.batch_sampler,
        collate_fn=loader.collate_fn,
        generator=loader.generator,
    )
