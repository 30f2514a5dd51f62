"""TensorBoard's events: the scalars in a record's protocol buffer.

Event    2: step   5: Summary
Summary  1: Value (repeated)
Value    1: tag    2: simple_value (float)    8: TensorProto
Tensor   1: dtype  4: content (bytes)  5: floats  6: doubles  13: halves
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_DOUBLE, _FLOAT, _HALF, _BFLOAT16 = 2, 1, 19, 14
_FORMATS = {_FLOAT: "<f", _DOUBLE: "<d", _HALF: "<e"}
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def scalars(record: bytes) -> Iterator[tuple[str, int, float]]:
    """The tag, step and value of each scalar of an event.

    Raises:
        ValueError: not a protocol buffer.
    """
    step, summaries = 0, []
    for number, value in _fields(record):
        if number == 2 and isinstance(value, int):
            step = value - (1 << 64) if value >> 63 else value
        elif number == 5 and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        for number, value in _fields(summary):
            if number == 1 and isinstance(value, bytes) and (scalar := _scalar(value)):
                yield scalar[0], step, scalar[1]


def _scalar(message: bytes) -> tuple[str, float] | None:
    tag, found = "", None
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and isinstance(value, bytes) and len(value) == 4:
            found = float(struct.unpack("<f", value)[0])
        elif number == 8 and isinstance(value, bytes):
            found = _tensor(value)
    return None if found is None else (tag, found)


def _tensor(message: bytes) -> float | None:
    """A tensor's number, if it holds one."""
    dtype, content = 0, b""
    for number, value in _fields(message):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number in (4, 5, 6) and isinstance(value, bytes):
            content = value
        elif number == 13:
            content = _half(value)
    if dtype == _BFLOAT16 and len(content) == 2:
        return float(struct.unpack("<f", b"\0\0" + content)[0])
    layout = _FORMATS.get(dtype)
    return float(struct.unpack(layout, content)[0]) if layout and len(content) == struct.calcsize(layout) else None


def _half(value: int | bytes) -> bytes:
    """Two bytes of a number that is written as an integer, packed or not."""
    number = value if isinstance(value, int) else _varint(value, 0)[0]
    return struct.pack("<H", number & 0xFFFF)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: their numbers, and integers or bytes."""
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FOUR, _EIGHT):
            length = 4 if kind == _FOUR else 8
        else:
            raise ValueError(f"wire type {kind}")
        if place + length > end:
            raise ValueError("a field ends after its message")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(message) or shift > 63:
            raise ValueError("an integer without end")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
        shift += 7
