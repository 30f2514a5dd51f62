"""TensorFlow's record files: each record framed by its length and checksums.

    length      8 bytes, little-endian
    checksum    4 bytes, of the length
    data        as many bytes as length says
    checksum    4 bytes, of the data

A checksum is CRC-32C (Castagnoli), rotated right by 15 bits plus a constant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from goodfit.logs.opening import Bytes

_POLYNOMIAL = 0x82F63B78
_CONSTANT = 0xA282EAD8
CHECKED = 1 << 14
"""Bytes of the longest record that is read: a scalar's is far shorter, and graphs and pictures are skipped."""


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def masked_checksum(data: bytes) -> int:
    """The checksum as the file holds it.

    Example:
        >>> masked_checksum(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
        True
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _CONSTANT) & 0xFFFFFFFF


def is_record(head: bytes) -> bool:
    """Whether a file begins with a record."""
    return len(head) >= 12 and _length_of(head[:12]) is not None


def read_records(file: Bytes) -> Iterator[bytes | None]:
    """The records of a file, but for long ones.

    Yields:
        A record's data; None, as the last, if the file is cut off or damaged from there.
    """
    while header := file.read(12):
        length = _length_of(header)
        if length is None:
            yield None
            return
        if length > CHECKED:
            if not _skipped(file, length + 4):
                yield None
                return
            continue
        data, checksum = file.read(length), file.read(4)
        if len(data) < length or len(checksum) < 4 or struct.unpack("<I", checksum)[0] != masked_checksum(data):
            yield None
            return
        yield data


def _skipped(file: Bytes, length: int) -> bool:
    """Whether as many bytes could be passed over."""
    while length:
        read = len(file.read(min(length, 1 << 20)))
        if not read:
            return False
        length -= read
    return True


def _length_of(header: bytes) -> int | None:
    if len(header) < 12:
        return None
    length, checksum = struct.unpack("<QI", header)
    return length if checksum == masked_checksum(header[:8]) else None
