"""The run folder: weights in safetensors, everything else in JSON and parquet; no pickle.

model.safetensors   weights; its header holds the format's version, recipe, network, encoders and a checksum
run.json            settings, metrics, verdicts, versions
history.parquet     losses by epoch
report.html         made from the two above
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goodfit.blend import Blend
from goodfit.errors import InputError
from goodfit.headers import arrays_of, header_of, model_of_header
from goodfit.locking import hold
from goodfit.model import Model
from goodfit.sealed import CHECKSUM, check, first_line, ordered, read_arrays, sealed
from goodfit.templates import parsed

FORMAT, FORMAT_OF_BLENDS, FORMAT_OF_DECISIONS = 2, 3, 4
"""What is read and written: a model has the lowest that says all of it, so that older programs read what they can."""
FORMAT_OF_SUMMARIES = 1
MODEL, SUMMARY, HISTORY, REPORT = "model.safetensors", "run.json", "history.parquet", "report.html"
BESIDE = "files"
"""Where a summary tells of the checksums of the files beside it."""


def write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder: all of them beside the old ones first, so that a full disk leaves those as they were.

    Args:
        folder: made if it isn't there.
        files: the content of each, by its name; they take their places in this order.

    Raises:
        InputError: another process is writing one of them.
        OSError: a file can't be written; its `filename` is the one that was wanted.
    """
    name, held = "", dict[str, int]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            held[name] = hold(draft_of(folder / name), f"writing {folder / name}", "file")
            draft_of(folder / name).write_bytes(content)
            os.fsync(held[name])  # or a power cut could leave an empty file in the old one's place
        for name in files:
            if sys.platform == "win32":  # nobody moves an open file there
                os.close(held.pop(name))
            os.replace(draft_of(folder / name), folder / name)
            if name in held:
                os.close(held.pop(name))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder / name)) from None
    finally:
        for name, opened in held.items():
            with suppress(OSError):
                draft_of(folder / name).unlink()
            os.close(opened)


def draft_of(path: Path) -> Path:
    """Where a file is written before it takes its place."""
    return path.with_name(f".{path.name}.new")


def run_files(
    model: Model | Blend | None, summary: Mapping[str, Any], history: pl.DataFrame | None
) -> dict[str, bytes]:
    """The files of a run, without its report; the summary, which tells of the others, is the last to take its place."""
    files = {} if model is None else {MODEL: model_bytes(model)}
    if history is not None:
        history.write_parquet(buffer := io.BytesIO())
        files[HISTORY] = buffer.getvalue()
    told = {**summary, BESIDE: {name: _sum(content) for name, content in files.items()}}
    return files | {SUMMARY: json_text(told | {CHECKSUM: _sum_of(told)}).encode()}


def json_text(value: Mapping[str, Any]) -> str:
    """A dictionary as strict JSON in plain ASCII without control characters: numbers that aren't finite become null."""
    return json.dumps(_finite(value), indent=1, allow_nan=False).replace("\x7f", "\\u007f")


def model_bytes(model: Model | Blend) -> bytes:
    """A model as one safetensors file."""
    number = FORMAT_OF_BLENDS if isinstance(model, Blend) else FORMAT
    number = number if model.decision is None else FORMAT_OF_DECISIONS
    told = {"format": str(number), "goodfit": version("goodfit"), "model": json.dumps(header_of(model))}
    return ordered(sealed(arrays_of(model), told))


def read_model(path: Path) -> Model | Blend:
    """Read a model from its file, or from the run folder that holds it.

    Raises:
        InputError: no such file; not a model; truncated, altered, or written by a newer goodfit.
    """
    file = path / MODEL if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"no model at {file}: give a run folder or the path of a {MODEL}")
    told, arrays = read_arrays(file)
    if "format" not in told or not (told["format"].isascii() and told["format"].isdecimal()):
        raise InputError(f"{file} is a safetensors file, but not one of goodfit's: give a run folder that it wrote")
    if len(told["format"]) > 9 or int(told["format"]) > FORMAT_OF_DECISIONS:
        raise InputError(
            f"{file} was written by goodfit {_shown(told.get('goodfit', '?'))} in format {_shown(told['format'])}, "
            f"this is goodfit {version('goodfit')} with format {FORMAT_OF_DECISIONS}: upgrade goodfit"
        )
    check(file, told, arrays)
    try:
        return model_of_header(parsed(told.get("model", "")), arrays)
    except InputError as error:
        raise InputError(f"{file} doesn't say a whole model ({error}): train or copy it again") from None


def read_summary(folder: Path) -> tuple[dict[str, Any], pl.DataFrame | None]:
    """Read what a run folder tells of its run: the summary, and the losses by epoch if they are there.

    Raises:
        InputError: no run there; its files can't be read, were altered, or are of two runs.
    """
    file, losses = folder / SUMMARY, folder / HISTORY
    if not file.is_file():
        raise InputError(f"no run in {folder}: it has no {SUMMARY}; give a folder that goodfit wrote")
    try:
        summary = parsed(file.read_bytes())
        if not isinstance(summary, dict):
            raise InputError(f"{SUMMARY} holds no object")
        newer = isinstance(summary.get("format"), int) and summary["format"] > FORMAT_OF_SUMMARIES
        if not newer:
            _check_beside(folder, summary)
        history = pl.read_parquet(losses.read_bytes()) if losses.is_file() and not newer else None
    except (InputError, OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the run in {folder} can't be read ({first_line(error)}): make it again") from None
    if newer:
        raise InputError(
            f"{file} was written by goodfit {summary.get('goodfit', '?')} in format {summary['format']}, "
            f"this is goodfit {version('goodfit')} with format {FORMAT_OF_SUMMARIES}: upgrade goodfit"
        )
    return summary, history


def _check_beside(folder: Path, summary: dict[str, Any]) -> None:
    """Take the checksums out of a summary, and refuse what they don't hold for; older runs have none."""
    given = summary.pop(CHECKSUM, None)
    if (given is not None or BESIDE in summary) and given != _sum_of(summary):
        raise InputError(f"{SUMMARY} was altered after it was written: its checksum is wrong")
    beside = summary.pop(BESIDE, {})
    if not isinstance(beside, dict):
        raise InputError(f"{SUMMARY} tells of no {BESIDE}")
    for name in (MODEL, HISTORY):
        if name in beside and (folder / name).is_file() and beside[name] != _sum((folder / name).read_bytes()):
            raise InputError(f"{name} isn't the one that {SUMMARY} tells of: it was altered, or left half-way")


def _sum_of(summary: Mapping[str, Any]) -> str:
    return _sum(json_text(summary).encode())


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _shown(text: str) -> str:
    """What a file says of itself, as far as a message may repeat it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:20])
