"""A script of the tour, run cell by cell: what each cell is and what it printed, for the page that tells of it.

A cell begins with a line `# %% name` (editors and notebooks know this mark) and ends at the next. The cell without a
name at the end is for who runs the script by hand; a page doesn't run it.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CELL = re.compile(r"^# %%[ \t]*(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """A script after its run.

    Args:
        path: of the script.
        code: of each cell, by its name; the part before the first is "".
        printed: what each cell printed.
        names: what the script's names stand for at its end.
    """

    path: Path
    code: Mapping[str, str]
    printed: Mapping[str, str]
    names: Mapping[str, Any]


def cells(text: str) -> dict[str, tuple[int, str]]:
    """The line on which each cell begins, from 0, and its code; the nameless last cell is left out.

    Example:
        >>> cells("import math\\n# %% root\\nprint(math.sqrt(4))\\n# %%\\nexit()")
        {'': (0, 'import math'), 'root': (2, 'print(math.sqrt(4))')}
    """
    marks = [*CELL.finditer(text)]
    starts, ends = [0, *(mark.end() + 1 for mark in marks)], [*(mark.start() for mark in marks), len(text)]
    found: dict[str, tuple[int, str]] = {}
    for name, start, end in zip(["", *(mark[1].strip() for mark in marks)], starts, ends, strict=True):
        if name in found:
            if name:
                raise ValueError(f"two cells are called {name!r}; give each a name of its own")
            continue
        found[name] = (text.count("\n", 0, start), text[start:end].strip("\n"))
    return found


def run(path: Path) -> Ran:
    """Run a script cell by cell, each in the names that the others have left.

    Raises:
        Exception: whatever a cell raises, an AssertionError where a claim doesn't hold.
    """
    names: dict[str, Any] = {"__name__": "tour", "__file__": str(path)}
    found = cells(path.read_text(encoding="utf-8"))
    printed = {}
    beside = str(path.parent)
    sys.path.insert(0, beside)
    try:
        for name, (line, code) in found.items():
            said = io.StringIO()
            with redirect_stdout(said):
                exec(compile("\n" * line + code, str(path), "exec", dont_inherit=True), names)
            printed[name] = said.getvalue().rstrip("\n")
    finally:
        sys.path.remove(beside)
    return Ran(path, {name: code for name, (_, code) in found.items()}, printed, names)
