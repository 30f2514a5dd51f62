"""The results file: a JSON line a fit, appended whole or not at all, the last one of a job counting."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Key = tuple[str, int, int, str, float]

DISTURBING = 0.2
"""Processors that other programs took on average during a fit from which on it counts as disturbed."""


def key_of(record: Record) -> Key:
    return record["table"], record["folds"], record["fold"], record["peer"], record["budget"]


def read(file: Path) -> dict[Key, Record]:
    """Every job's last record. A line cut short, as a crash leaves one, counts as none."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    records = (record for line in lines if (record := _parsed(line)) is not None)
    return {key_of(record): record for record in records}


def append(file: Path, record: Record) -> None:
    """One write at the end of the file; a line cut short before it is closed first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record) + "\n"
    if file.is_file() and not file.read_bytes().endswith(b"\n"):
        line = "\n" + line
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def disturbed(record: Record) -> bool:
    return record.get("elsewhere", 0.0) > DISTURBING


def chosen(records: Iterable[Record], *, budget: float, folds: int, peers: Iterable[str]) -> list[Record]:
    """The records of one budget and one way to cut folds, of some peers."""
    names = set(peers)
    return [r for r in records if r["budget"] == budget and r["folds"] == folds and r["peer"] in names]


def _parsed(line: str) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "peer" in record else None
