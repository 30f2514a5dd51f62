"""Calling a module on a batch, and what of its answer are the outputs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.errors import InputError
from goodfit.torch.batches import Batch


def call(module: nn.Module, batch: Batch, where: str) -> Any:
    """What a module returns for a batch: tuples of inputs are given in their order, dicts by name.

    A dict's targets are passed too if `forward` names them, so that a module that computes its own loss can.

    Raises:
        InputError: the module can't take the batch.
    """
    try:
        inputs = batch.inputs
        if isinstance(inputs, Mapping):
            named = {str(key): value for key, value in inputs.items()}
            if batch.label and batch.label in _parameters(module):
                named[batch.label] = batch.targets
            return module(**named) if _binds(module, (), named) else module(inputs)
        if type(inputs) in (tuple, list) and _binds(module, inputs, {}):
            return module(*inputs)
        return module(inputs)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, KeyError) as error:
        said = str(error).strip().splitlines()
        raise InputError(f"the module can't take {where}: {said[0] if said else type(error).__name__}") from error


def outputs_of(answer: Any) -> Tensor:
    """The outputs in what a module returns: a tensor, the `logits` of an object or dict, or the first of a tuple.

    Raises:
        InputError: there is no real tensor in it.
    """
    found = answer
    if isinstance(answer, Mapping):
        found = answer.get("logits", next((v for v in answer.values() if isinstance(v, Tensor) and v.ndim), None))
    elif not isinstance(answer, Tensor) and hasattr(answer, "logits"):
        found = answer.logits
    elif isinstance(answer, tuple | list) and answer:
        found = answer[0]
    if not isinstance(found, Tensor):
        raise InputError(
            f"the module returns a {type(answer).__name__} without logits: wrap it so that it returns a tensor"
        )
    if found.is_complex():
        raise InputError("the module's outputs are complex: wrap it so that it returns real ones")
    if found.ndim == 0:
        raise InputError("the module returns one number for a batch: wrap it so that it returns outputs for each row")
    return found


def own_loss(answer: Any) -> Tensor | None:
    """The loss that a module has computed itself, as those of Hugging Face do; None where there is none."""
    loss = answer.get("loss") if isinstance(answer, Mapping) else getattr(answer, "loss", None)
    return loss if isinstance(loss, Tensor) and loss.numel() == 1 else None


def device_of(module: nn.Module, device: torch.device | str | None) -> torch.device:
    """Where the module is, checked.

    Raises:
        InputError: it has no parameters, lazy ones, some that hold no numbers, or it is elsewhere than was said.
    """
    if not isinstance(module, nn.Module):
        raise InputError(f"module is a {type(module).__name__}: give a torch.nn.Module")
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError("module is TorchScript, whose layers can't be seen: give the module that it was made from")
    parameters = dict(module.named_parameters())
    lazy = [name for name, parameter in parameters.items() if nn.parameter.is_lazy(parameter)]
    if lazy:
        raise InputError(f"parameter {lazy[0]} is lazy, without a shape yet: call the module on one batch first")
    if not parameters:
        raise InputError("module has no parameters (a quantized one keeps none): give the network in floating point")
    meta = [name for name, parameter in parameters.items() if parameter.is_meta]
    if meta:
        raise InputError(f"parameter {meta[0]} is on the device meta and holds no numbers: load the weights first")
    here = next(iter(parameters.values())).device
    if device is None:
        return here
    wanted = torch.device(device)
    if wanted.type != here.type or (wanted.index is not None and wanted.index != here.index):
        raise InputError(f"device is {wanted}, but the module is on {here}: move it there first, module.to('{wanted}')")
    return here


def _parameters(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(module.forward).parameters


def _binds(module: nn.Module, positional: Any, named: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(module.forward).bind(*positional, **named)
    except TypeError:
        return False
    return True
