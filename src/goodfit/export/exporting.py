"""A model's ONNX file, and what is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goodfit.blend import AnyModel
from goodfit.data.table import listed
from goodfit.errors import InputError
from goodfit.export.assembling import OUTPUTS, Part, assemble, parts_of
from goodfit.export.graph import load_onnx
from goodfit.saving import write_all

LARGEST = 2**63 - 1
"""Of a label that is a whole number."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: the file.
        networks: how many are in it.
        inputs: the names of its inputs: the columns that a network hears.
        unused_columns: columns of the training that no network hears; the file doesn't take them.
        unused_inputs: encoded inputs that no network hears, such as `colour=red`.
        units: of each hidden layer, first to last, over all networks, as trained.
        units_dropped: of these, how many do nothing and are left out.
        parameters: weights, biases and batch norm's gains in the file.
        parameters_before: the same with nothing left out.
        bytes: of the file.
        bytes_before: of the same file with no unit and no heard input left out.
    """

    path: Path
    networks: int
    inputs: tuple[str, ...]
    unused_columns: tuple[str, ...]
    unused_inputs: tuple[str, ...]
    units: tuple[int, ...]
    units_dropped: tuple[int, ...]
    parameters: int
    parameters_before: int
    bytes: int
    bytes_before: int


def export_model(model: AnyModel, path: Path) -> Exported:
    """Write a model as an ONNX file that predicts as it does.

    Args:
        model: what predicts rows of a table, pictures or sounds.
        path: the file; its folder is made if it isn't there.

    Raises:
        InputError: onnx isn't installed; texts; a column without a name, or named as an output; the path is a folder.
        OSError: the file can't be written.
    """
    load_onnx()
    _refuse(model, path)
    whole, parts = (parts_of(model, pruned=pruned) for pruned in (False, True))
    before, after = assemble(model, whole), assemble(model, parts)
    write_all(path.parent, {path.name: after.content})
    units = _units(whole)
    columns = dict.fromkeys(name for part in whole for name in part.encoder.schema.names)
    return Exported(
        path=path,
        networks=len(parts),
        inputs=after.inputs,
        unused_columns=tuple(name for name in columns if name not in after.inputs),
        unused_inputs=_unheard(parts) if model.medium is None else (),
        units=units,
        units_dropped=tuple(a - b for a, b in zip(units, _units(parts), strict=True)),
        parameters=sum(part.network.parameters for part in parts),
        parameters_before=sum(part.network.parameters for part in whole),
        bytes=len(after.content),
        bytes_before=len(before.content),
    )


def _refuse(model: AnyModel, path: Path) -> None:
    """Raise InputError for what can't be exported."""
    if model.medium == "text":
        raise InputError(
            "a model of texts can't be exported: ONNX can't cut texts into words as goodfit does; predict with goodfit"
        )
    if path.is_dir() or not path.name:
        raise InputError(f"{path} is a folder: give a file, such as {path / 'model.onnx'}")
    if model.classes.dtype.kind == "u" and len(model.classes) and int(model.classes.max()) > LARGEST:
        raise InputError(f"the class {model.classes.max()} is above {LARGEST}, the largest number of an ONNX label")
    names = model.encoders[0].schema.names
    if "" in names:
        raise InputError("a column's name is empty, and an ONNX input has to have one: name the column and fit anew")
    taken = [name for name, count in Counter(names).items() if count > 1 or name in OUTPUTS]
    if taken:
        raise InputError(
            f"a column is named {listed(taken)}, as another column or an output is: rename the column and fit anew"
        )


def _units(parts: Sequence[Part]) -> tuple[int, ...]:
    """Units of each hidden layer over all networks."""
    deepest = max(len(part.network.hidden) for part in parts)
    return tuple(sum(sum(part.network.hidden[place : place + 1]) for part in parts) for place in range(deepest))


def _unheard(parts: Sequence[Part]) -> tuple[str, ...]:
    """The names of inputs that no network of any encoding hears, in the order of the encodings."""
    known: dict[str, bool] = {}
    for part in parts:
        names = np.array(part.encoder.schema.input_names, dtype=object)
        known |= {name: known.get(name, False) for name in names.tolist()}
        heard = part.network.inputs[part.network.layers[0].heard]
        known |= dict.fromkeys(names[heard].tolist(), True)
    return tuple(name for name, heard in known.items() if not heard)
