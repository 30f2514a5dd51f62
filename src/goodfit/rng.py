"""Random numbers as a pure function of (seed, purpose, place, step, index).

A member of a population draws the same numbers whatever its company, its place, the machine or the device, because
nothing is drawn from a stream that others share: each 32-bit word is a hash of its own address. Two rounds of a
multiply-xorshift permutation with a 64-bit key pass the usual tests of uniformity and independence, and cost about a
nanosecond an element; `bernoulli_` costs seven.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

_STEP = 0x9E3779B97F4A7C15
_PLACE = 0xD1B54A32D192ED03
_PURPOSE = 0x8CB92BA72F3D8DD7
_INDEX = 0x3C6EF373
_ROUND_1, _ROUND_2 = 0x21F0AAAD, 0x735A2D97
_MASK = (1 << 64) - 1
_STEP_SIGNED = _STEP - (1 << 64)
_PLACE_SIGNED = _PLACE - (1 << 64)
_PAIRS = 64
_BITS = 18

NEIGHBOURS = 1 << _BITS
"""Things of a random order that stay together: 31 MB of rows of 30 numbers."""


class Purpose(IntEnum):
    """What random numbers are for: each purpose has a stream of its own."""

    WEIGHTS = 1
    ORDER = 2
    DROPOUT = 3
    NOISE = 4
    EVALUATION = 5
    PARTNERS = 6
    MIXING = 7
    VARIANTS = 8


def mix(value: int) -> int:
    """Spread the bits of an integer over 64 bits (the finalizer of splitmix64, a permutation).

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.

    >>> mix(1) != mix(2)
    True
    """
    value = (value + _STEP) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def derive(seed: int, *path: int) -> int:
    """A seed for a part of a job: a function of the job's seed and of the part's path alone.

    >>> derive(0, 1) == derive(0, 1), derive(0, 1) == derive(0, 2)
    (True, False)
    """
    for part in path:
        seed = mix(mix(seed & _MASK) ^ (part & _MASK))
    return mix(seed & _MASK) & (2**63 - 1)


@dataclass(frozen=True)
class Draw:
    """Random numbers for M members at one address; asking twice gives the same numbers.

    Args:
        keys: `(M,)` int64, one a member.
    """

    keys: Tensor

    def bits(self, count: int) -> Tensor:
        """Random 32-bit words, `(M, count)` int32, uniform over all of int32."""
        # each half depends on the whole key, so that keys with one half in common make other streams too
        low = (self.keys ^ (self.keys >> 32)).to(torch.int32)[:, None]
        high = (self.keys * _STEP_SIGNED >> 32).to(torch.int32)[:, None]
        x = torch.arange(count, dtype=torch.int32, device=self.keys.device) * _INDEX ^ low
        shifted = torch.empty_like(x)
        _xorshift(x, 16, shifted)
        x.mul_(_ROUND_1).add_(high)
        _xorshift(x, 15, shifted)
        x.mul_(_ROUND_2)
        _xorshift(x, 15, shifted)
        return x

    def uniform(self, count: int) -> Tensor:
        """Numbers in (0, 1), `(M, count)` float32: the middles of 2^23 even steps, each exact in float32."""
        return (((self.bits(count) >> 9) & 0x7FFFFF).to(torch.float32) + 0.5) * 2.0**-23

    def normal(self, count: int) -> Tensor:
        """Standard normal numbers, `(M, count)` float32 (Box and Muller, 1958).

        They are made in whole blocks, so the first ones are the same for any count.
        """
        blocks = -(-count // (2 * _PAIRS))
        u = self.uniform(blocks * 2 * _PAIRS).view(len(self.keys), blocks, 2, _PAIRS)
        radius = (-2.0 * u[:, :, 0].log()).sqrt_()
        angle = u[:, :, 1] * (2.0 * math.pi)
        return torch.stack([radius * angle.cos(), radius * angle.sin()], 2).flatten(1)[:, :count]

    def order(self, count: int, own: Tensor | None = None) -> Tensor:
        """A random permutation a member, `(M, count)` int64: the order of hashed keys, ties broken by index.

        Beyond `NEIGHBOURS` the first so many are one block, the next another: blocks come in random order, and so does
        what is in a block. An epoch over rows that lie in a file then reads it piece by piece.

        Args:
            count: how many to permute, up to 2^30.
            own: `(M,)` permute only the first so many, as if there were no others, and leave the rest last.
        """
        index = torch.arange(count, device=self.keys.device)
        keys = (self.bits(count).to(torch.int64) + 2**31 << _BITS) | (index & (NEIGHBOURS - 1))
        if count > NEIGHBOURS:
            keys |= self._ranks(count, own)[:, index >> _BITS] << (32 + _BITS)
        if own is not None:
            keys = torch.where(index >= own[:, None], 2**62 + index, keys)
        return _sorted(keys) & (NEIGHBOURS - 1) if count <= NEIGHBOURS else _places(keys)

    def _ranks(self, count: int, own: Tensor | None) -> Tensor:
        """Of each block its place in the random order of a member's own blocks, `(M, blocks)`."""
        blocks = -(-count // NEIGHBOURS)
        words = Draw(self.keys + _PLACE_SIGNED).bits(blocks).to(torch.int64)
        if own is not None:
            starts = torch.arange(blocks, device=words.device) * NEIGHBOURS
            words = torch.where(starts < own[:, None], words, 2**32)
        return words.argsort(dim=1, stable=True).argsort(dim=1)


@dataclass(frozen=True)
class Streams:
    """The random streams of M members.

    Args:
        base: `(M,)` int64, the members' mixed seeds.
    """

    base: Tensor

    @classmethod
    def of(cls, seeds: list[int], device: torch.device | str = "cpu") -> Streams:
        """Streams of members with these seeds (any integers)."""
        return cls(torch.tensor([_signed(mix(seed & _MASK)) for seed in seeds], dtype=torch.int64, device=device))

    def at(self, purpose: Purpose, *, place: int = 0, step: int = 0) -> Draw:
        """The numbers for a purpose (dropout, order of rows, ...) at a place (a layer) and a step of training."""
        offset = int(purpose) * _PURPOSE + place * _PLACE + step * _STEP
        return Draw(self.base + _signed(offset & _MASK))


def _xorshift(x: Tensor, by: int, scratch: Tensor) -> None:
    """x ^= x >> by in place, the shift filling with zeros; scratch saves an allocation, dearer than the arithmetic."""
    torch.bitwise_right_shift(x, by, out=scratch)
    scratch.bitwise_and_((1 << (32 - by)) - 1)
    x.bitwise_xor_(scratch)


def _sorted(keys: Tensor) -> Tensor:
    """Each row sorted; NumPy's sort of whole numbers is many times faster than torch's on a CPU."""
    return torch.from_numpy(np.sort(keys.numpy(), axis=1)) if keys.device.type == "cpu" else keys.sort(1).values


def _places(keys: Tensor) -> Tensor:
    """Where each row's keys, all different, stand in ascending order."""
    return torch.from_numpy(np.argsort(keys.numpy(), axis=1)) if keys.device.type == "cpu" else keys.argsort(1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
