"""The functions whose branches guide the fuzzing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType


def functions(package: str) -> Iterator[FunctionType]:
    """Every function and method of a package's modules, of those that are imported.

    They are found here since atheris sees no imports that go through an editable installation.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package:
            for value in list(vars(module).values()):
                if getattr(value, "__module__", None) == name:
                    yield from [value] if isinstance(value, FunctionType) else _methods(value)


def _methods(value: object) -> list[FunctionType]:
    own = vars(value).values() if isinstance(value, type) else ()
    bare = (getattr(method, "__func__", method) for method in own)
    return [method for method in bare if isinstance(method, FunctionType)]
