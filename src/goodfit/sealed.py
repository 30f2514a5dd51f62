"""Named arrays and texts in one safetensors file under a checksum: it is read whole as it was written, or refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from goodfit.errors import InputError

Arrays = dict[str, NDArray[Any]]
CHECKSUM = "sha256"


def sealed(arrays: Mapping[str, NDArray[Any]], told: Mapping[str, str]) -> bytes:
    """A file's content: the arrays, what is told of them, and a checksum over all of it.

    Args:
        arrays: by their names, of any shape.
        told: texts by their names, none of them `CHECKSUM`.
    """
    in_order = {name: np.asarray(values, order="C") for name, values in arrays.items()}
    return save(in_order, {**told, CHECKSUM: checksum(told, in_order)})


def read_sealed(file: Path) -> tuple[dict[str, str], Arrays]:
    """What was sealed: the texts and the arrays.

    Raises:
        InputError: it can't be read, is damaged, or was altered.
    """
    told, arrays = read_arrays(file)
    check(file, told, arrays)
    return {key: text for key, text in told.items() if key != CHECKSUM}, arrays


def check(file: Path, told: Mapping[str, str], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise InputError where a file's checksum isn't that of its content."""
    if told.get(CHECKSUM) != checksum(told, arrays):
        raise InputError(f"{file} was altered after it was written (its checksum is wrong): train or copy it again")


def read_arrays(file: Path) -> tuple[dict[str, str], Arrays]:
    """The texts and the arrays of any safetensors file, sealed or not.

    Raises:
        InputError: it isn't there, is damaged, or holds numbers of a kind that numpy doesn't know.
    """
    try:
        with safe_open(file, "np") as opened:
            return opened.metadata() or {}, {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file} is truncated or not a model ({first_line(error)}): train or copy it again") from None
    except (TypeError, AttributeError) as error:  # how safetensors says that numpy has no such numbers
        raise InputError(f"{file} holds no model of goodfit's ({first_line(error)}): give one that it wrote") from None


def checksum(told: Mapping[str, str], arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over texts and arrays: names, shapes, kinds of numbers where they aren't float32, and every byte."""
    texts = sorted((key, text) for key, text in told.items() if key != CHECKSUM)
    digest = hashlib.sha256(json.dumps(texts).encode())
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        kind = "" if values.dtype == np.float32 else values.dtype.str
        digest.update(name.encode() + repr(arrays[name].shape).encode() + kind.encode())
        digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def ordered(file: bytes) -> bytes:
    """The same file with its header in order: safetensors writes texts in an order that differs from run to run."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + file[end:]
