"""goodfit export: a run's model as an ONNX file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from goodfit.commands.terminal import print_json, say
from goodfit.data.table import counted, listed
from goodfit.export import Exported, export_model
from goodfit.saving import read_model


def run(source: Path, out: Path, *, json: bool) -> None:
    """Write a run's model as an ONNX file, and print what is in it.

    Raises:
        InputError: no model there, one that ONNX can't say, or the package onnx isn't installed.
    """
    done = export_model(read_model(source), out)
    if json:
        print_json(asdict(done) | {"path": str(done.path)})
    else:
        for line in told(done):
            say(line)


def told(done: Exported) -> list[str]:
    """What was written, as lines."""
    units, dropped = sum(done.units), sum(done.units_dropped)
    lines = [
        f"{done.path}: {counted(done.networks, 'network')}, "
        f"{done.parameters:,} parameters of {done.parameters_before:,}, "
        f"{done.bytes:,} bytes of {done.bytes_before:,}",
        f"inputs: {', '.join(done.inputs)}",
    ]
    if dropped:
        lines.append(f"left out, for they do nothing: {dropped:,} of {units:,} hidden units")
    if done.unused_inputs:
        lines.append(f"encoded inputs that no network hears: {len(done.unused_inputs):,}")
    if done.unused_columns:
        lines.append(f"columns that no network hears: {listed(done.unused_columns)}")
    return lines
