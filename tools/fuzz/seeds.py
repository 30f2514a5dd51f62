"""What fuzzing starts from: a small whole example of each format, made here."""

from __future__ import annotations

import io
import struct

import polars as pl

from fuzz.headers import whole
from fuzz.targets import LOGS, TABLES
from goodfit.logs.records import masked_checksum

RECIPES = (
    "none",
    "l2=1e-3, dropout=0.3 input=0.1, early_stopping=10",
    "l2=off|1e-6..0.1, dropout=0..0.5 input=0..0.2",
    "batch_norm=1, weight_averaging=0.99, label_smoothing=0.05, mixup=0.2, smote=0.5",
    "l1 = .1 , elastic_net=inf, max_norm=3",
)
CSV = b"epoch,loss,val_loss\n1,0.9,1.0\n2,0.7,0.8\n3,0.5,nan\n"
LINES = b'{"epoch": 1, "loss": 0.5, "val": {"loss": 0.6}}\n{"epoch": 2, "loss": NaN, "val": {"loss": 0.5}}\n'
STATE = b'{"log_history": [{"loss": 1, "epoch": 0.5, "step": 1}, {"eval_loss": 2, "epoch": 1.0, "step": 2}]}'
ROWS = b'day;price;kind\n2024-05-01;1,5;"a;b"\n2024-05-02;NA;c\n'


def seeds() -> dict[str, list[bytes]]:
    """Contents by target."""
    frame = pl.DataFrame({"epoch": [1, 2, 3], "loss": [0.9, 0.7, 0.5], "val_loss": [1.0, 0.8, None], "run": ["a"] * 3})
    parquet, arrow = io.BytesIO(), io.BytesIO()
    frame.write_parquet(parquet)
    frame.write_ipc(arrow)
    logs = dict(zip(LOGS, (CSV, STATE, LINES, _events(), parquet.getvalue()), strict=True))
    rows = (ROWS, ROWS.replace(b";", b"\t"), LINES.replace(b"NaN", b"null"), parquet.getvalue(), arrow.getvalue(), ROWS)
    return {
        "recipe": [text.encode() for text in RECIPES],
        "log": [bytes([LOGS.index(name)]) + content for name, content in logs.items()],
        "table": [bytes([place]) + content for place, content in enumerate(rows[: len(TABLES)])],
        "model": [whole()],
        "header": [b"", b"\3\5\2", bytes(range(12))],
    }


def _events() -> bytes:
    """An event file with a loss of three steps."""
    return b"".join(_record(_scalar("val_loss", step, 1.0 / step)) for step in (1, 2, 3))


def _scalar(tag: str, step: int, value: float) -> bytes:
    told = _part(1, tag.encode()) + b"\x15" + struct.pack("<f", value)
    return b"\x10" + bytes([step]) + _part(5, _part(1, told))


def _part(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    check = struct.pack("<I", masked_checksum(length)), struct.pack("<I", masked_checksum(data))
    return length + check[0] + data + check[1]
