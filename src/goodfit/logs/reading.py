"""A log's format, told by its content, and the log itself."""

from __future__ import annotations

import json
from pathlib import Path

from goodfit.errors import InputError
from goodfit.logs.alignment import align
from goodfit.logs.documents import read_document
from goodfit.logs.json_lines import read_json_lines
from goodfit.logs.log import Asked, Fields, Log
from goodfit.logs.opening import head_of
from goodfit.logs.records import is_record
from goodfit.logs.run_folders import HISTORY, read_parquet
from goodfit.logs.separated import read_separated
from goodfit.logs.tensorboard import MARK, event_files, read_tensorboard

FILES = (HISTORY, "metrics.csv", "trainer_state.json", "history.json", "training.log", "log.csv", "results.csv")
"""What a folder without event files is looked through for, the first that is there."""


def read_log(path: str | Path, asked: Asked | None = None) -> Log:
    """Read a training log: its loss curves, run by run.

    Args:
        path: a CSV file, JSON lines, a JSON document, a Parquet file, a TensorBoard event file, or a folder with one of
            them; the kind is told by the content. Each file may be gzipped.
        asked: the fields of the losses, where their names aren't usual ones.

    Raises:
        InputError: what is there can't be read as a log, or it is not clear which field is the loss.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = Path(folder, "log.csv")
        ...     _ = log.write_text("epoch,loss,val_loss\\n1,0.9,1.0\\n2,0.7,0.8\\n")
        ...     read_log(log).curves["validation_loss"].to_list()
        [1.0, 0.8]
    """
    asked = asked or Asked()
    return align(_fields(Path(path), asked), asked)


def _fields(path: Path, asked: Asked) -> Fields:
    if path.is_dir():
        found = [path / name for name in FILES if (path / name).is_file()]
        if event_files(path) or not found:
            return read_tensorboard(path, asked)
        path = found[0]
    head = head_of(path)
    if is_record(head):
        return read_tensorboard(path, asked)
    if not head.strip():
        raise InputError(f"{path} is empty: give a log with the losses of every epoch")
    if head.startswith(b"PAR1"):
        return read_parquet(path, asked)
    if MARK in path.name:
        raise InputError(f"{path} is no TensorBoard event file, or its first bytes are damaged: copy it anew")
    if b"\0" in head:
        raise InputError(
            f"{path} is of no known kind: give CSV, JSON lines, JSON, TensorBoard events or a goodfit run folder"
        )
    if head.lstrip().startswith((b"{", b"[")):
        return read_json_lines(path, asked) if _is_lines(head) else read_document(path, asked)
    return read_separated(path, asked)


def _is_lines(head: bytes) -> bool:
    """Whether the first line is an object by itself, and not the whole of a document of lists."""
    first, newline, after = head.lstrip().partition(b"\n")
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        return False
    if not isinstance(record, dict):
        return False
    return bool(newline and after.strip()) or not any(isinstance(value, list | dict) for value in record.values())
