"""An ONNX graph, written a node at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from goodfit.errors import InputError

OPSET, ML_OPSET, IR = 17, 3, 8
"""Old ones, so that older runtimes read the file."""
ML = "ai.onnx.ml"
ROWS = "N"
DOUBLE, FLOAT, LONG, TEXT, BOOLEAN = (np.dtype(kind) for kind in (np.float64, np.float32, np.int64, object, np.bool_))

Array = npt.NDArray[Any]


class Graph:
    """Nodes, constants, inputs and outputs; a value is known by its name.

    Args:
        reserved: names that no node may take: those of inputs, in their order, and outputs to come.

    Raises:
        InputError: the package onnx isn't installed.
    """

    def __init__(self, reserved: Sequence[str]) -> None:
        self._onnx = load_onnx()
        self._reserved, self._taken = tuple(reserved), set(reserved)
        self._inputs: dict[str, Any] = {}
        self._outputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], tuple[str, Any]] = {}

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its inputs, in the reserved order."""
        return tuple(sorted(self._inputs, key=self._reserved.index))

    def input(self, name: str, shape: Sequence[int], dtype: np.dtype[Any]) -> str:
        """An input `(N, *shape)`, which may be asked for more than once."""
        if name not in self._inputs:
            self._inputs[name] = self._onnx.helper.make_tensor_value_info(name, self._kind(dtype), [ROWS, *shape])
        return name

    def output(self, name: str, value: str, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
        """Name a value `(N, *shape)` as an output."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._onnx.helper.make_tensor_value_info(name, self._kind(dtype), [ROWS, *shape]))

    def apply(
        self,
        operator: str,
        *operands: str | Array | float,
        attributes: Mapping[str, Any] | None = None,
        domain: str = "",
    ) -> str:
        """What an operator makes of values and constants."""
        names = [operand if isinstance(operand, str) else self.constant(operand) for operand in operands]
        made = self._fresh(operator)
        self._nodes.append(self._onnx.helper.make_node(operator, names, [made], domain=domain, **(attributes or {})))
        return made

    def cast(self, value: str | Array, dtype: np.dtype[Any]) -> str:
        """A value as another type."""
        return self.apply("Cast", value, attributes={"to": self._kind(dtype)})

    def join(self, values: Sequence[str]) -> str:
        """Values `(N, a)`, `(N, b)`, ... side by side."""
        return values[0] if len(values) == 1 else self.apply("Concat", *values, attributes={"axis": 1})

    def pick(self, value: str, columns: npt.NDArray[np.int64], width: int) -> str:
        """Columns of a value `(N, width)`, in this order."""
        if np.array_equal(columns, np.arange(width)):
            return value
        return self.apply("Gather", value, columns, attributes={"axis": 1})

    def constant(self, values: Array | float) -> str:
        """A constant; equal ones are one. A plain number is a double."""
        array = np.asarray(values, dtype=None if isinstance(values, np.ndarray) else np.float64)
        content = "\0".join(array.ravel().tolist()).encode() if array.dtype == TEXT else array.tobytes()
        key = (array.dtype.str, array.shape, content)
        if key not in self._constants:
            name = self._fresh("constant")
            self._constants[key] = (name, self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return self._constants[key][0]

    def to_bytes(self, told: Mapping[str, str]) -> bytes:
        """The checked file.

        Args:
            told: what its metadata say, by key.
        """
        onnx = self._onnx
        constants = [tensor for _, tensor in self._constants.values()]
        inputs = [self._inputs[name] for name in self.inputs]
        graph = onnx.helper.make_graph(self._nodes, "goodfit", inputs, self._outputs, initializer=constants)
        opsets = [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid(ML, ML_OPSET)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR)
        model.producer_name, model.producer_version = "goodfit", version("goodfit")
        onnx.helper.set_model_props(model, dict(told))
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _fresh(self, operator: str) -> str:
        place = len(self._nodes) + len(self._constants)
        while (name := f"{operator}_{place}") in self._taken:
            place += 1
        self._taken.add(name)
        return name

    def _kind(self, dtype: np.dtype[Any]) -> int:
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(dtype))


def load_onnx() -> Any:
    """The package onnx, imported only where a file is written.

    Raises:
        InputError: it isn't installed.
    """
    try:
        onnx = import_module("onnx")
        import_module("onnx.checker")
    except ImportError:
        raise InputError(
            'ONNX files need the package onnx, which isn\'t installed: pip install "goodfit[onnx]"'
        ) from None
    return onnx
