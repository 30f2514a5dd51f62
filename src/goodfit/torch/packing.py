"""A training's state as bytes without code in them: tensors as safetensors, all else as JSON in their header."""

from __future__ import annotations

import json
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from goodfit.errors import InputError

REST, TENSOR = "state", "\x00tensor"


def write_state(state: dict[str, Any], path: str) -> None:
    """Write nested mappings, lists, tensors, numbers and texts into a file; tuples come back as lists."""
    tensors: dict[str, Tensor] = {}
    rest = _taken_out(state, tensors)
    save_file(tensors, path, {REST: json.dumps(rest)})


def read_state(path: str, device: str = "cpu") -> dict[str, Any]:
    """The inverse of `write_state`, tensors on a device.

    Raises:
        InputError: the file is damaged, or holds something else.
    """
    try:
        with safe_open(path, "pt", device) as file:
            rest: dict[str, Any] = _put_back(json.loads(file.metadata()[REST]), file)
            return rest
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is damaged or no state of goodfit's ({error}): give an undamaged checkpoint"
        ) from None


def _taken_out(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {TENSOR: name}
    if isinstance(value, dict):
        return {key: _taken_out(each, tensors) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_taken_out(each, tensors) for each in value]
    return value


def _put_back(value: Any, file: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {TENSOR}:
            return file.get_tensor(value[TENSOR])
        return {key: _put_back(each, file) for key, each in value.items()}
    return [_put_back(each, file) for each in value] if isinstance(value, list) else value
