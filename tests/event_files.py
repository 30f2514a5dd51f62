"""TensorBoard's event files, byte by byte."""

import struct
from collections.abc import Iterable


def crc32c(data: bytes) -> int:
    """The checksum by its definition: polynomial division, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def chunk(number: int, content: bytes) -> bytes:
    """A field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def event(step: int, *values: bytes) -> bytes:
    summary = b"".join(chunk(1, value) for value in values)
    return record(b"\x09" + struct.pack("<d", 1.7e9) + b"\x10" + varint(step) + chunk(5, summary))


def simple(tag: str, value: float) -> bytes:
    """A scalar as PyTorch's and Lightning's writers have it."""
    return chunk(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def tensor(tag: str, content: bytes, dtype: int) -> bytes:
    """A scalar as TensorFlow 2 and Keras have it."""
    plugin = chunk(9, chunk(1, chunk(1, b"scalars")))
    return chunk(1, tag.encode()) + chunk(8, b"\x08" + varint(dtype) + chunk(2, b"") + chunk(4, content)) + plugin


def start() -> bytes:
    return record(b"\x09" + struct.pack("<d", 1.7e9) + chunk(3, b"brain.Event:2"))


def scalar_file(tag: str, values: Iterable[tuple[int, float]]) -> bytes:
    return start() + b"".join(event(step, simple(tag, value)) for step, value in values)
