"""The run folder: weights in safetensors, everything else in JSON and parquet; no pickle.

model.safetensors   weights; its header holds the format's version, recipe, network, encoders and a checksum
run.json            settings, metrics, verdicts, versions
history.parquet     losses by epoch
report.html         made from the two above
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from goodfit.data.encoder import Encoder
from goodfit.data.target import TargetScale
from goodfit.errors import InputError
from goodfit.model import Model
from goodfit.networks import Layout
from goodfit.regularizers import Recipe

FORMAT = 1
MODEL, SUMMARY, HISTORY, REPORT = "model.safetensors", "run.json", "history.parquet", "report.html"


def write_all(folder: Path, writers: Mapping[str, Callable[[Path], object]]) -> None:
    """Write files into a folder so that either all are new or none is.

    Args:
        folder: made if it isn't there.
        writers: for each file's name, what writes it to the path it is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drafts = {name: folder / f".{name}.new" for name in writers}
    try:
        for name, write in writers.items():
            write(drafts[name])
        for name, draft in drafts.items():
            draft.chmod(0o644)  # safetensors writes files that only their owner can read
            os.replace(draft, folder / name)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def run_files(
    model: Model | None, summary: Mapping[str, Any], history: pl.DataFrame | None
) -> dict[str, Callable[[Path], object]]:
    """What writes the files of a run, without its report."""
    files: dict[str, Callable[[Path], object]] = {SUMMARY: lambda path: write_json(summary, path)}
    if model is not None:
        files[MODEL] = lambda path: write_model(model, path)
    if history is not None:
        files[HISTORY] = history.write_parquet
    return files


def write_json(value: Mapping[str, Any], path: Path) -> None:
    """Write a dictionary as JSON; numbers that aren't finite become null."""
    path.write_text(json.dumps(_finite(value), indent=1, ensure_ascii=False), encoding="utf-8")


def write_model(model: Model, path: Path) -> None:
    """Write a model to one safetensors file."""
    tensors = {"parameters": model.parameters, "statistics": model.statistics}
    header = json.dumps(_header(model), ensure_ascii=False)
    metadata = {"format": str(FORMAT), "goodfit": version("goodfit"), "model": header}
    save_file(tensors, path, metadata | {"sha256": _checksum(header, tensors)})


def read_model(path: Path) -> Model:
    """Read a model from its file, or from the run folder that holds it.

    Raises:
        InputError: no such file; not a model; truncated, altered, or written by a newer goodfit.
    """
    file = path / MODEL if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"no model at {file}: give a run folder or the path of a {MODEL}")
    metadata, tensors = _read(file)
    if "format" not in metadata or not metadata["format"].isdigit():
        raise InputError(f"{file} is a safetensors file, but not one of goodfit's: give a run folder that it wrote")
    if int(metadata["format"]) > FORMAT:
        raise InputError(
            f"{file} was written by goodfit {metadata.get('goodfit', '?')} in format {metadata['format']}, "
            f"this is goodfit {version('goodfit')} with format {FORMAT}: upgrade goodfit"
        )
    if metadata.get("sha256") != _checksum(metadata.get("model", ""), tensors):
        raise InputError(f"{file} was altered after it was written (its checksum is wrong): train or copy it again")
    return _model(json.loads(metadata["model"]), tensors)


def read_summary(folder: Path) -> tuple[dict[str, Any], pl.DataFrame | None]:
    """Read what a run folder tells of its run: the summary, and the losses by epoch if they are there.

    Raises:
        InputError: no run there, or its files can't be read.
    """
    file, losses = folder / SUMMARY, folder / HISTORY
    if not file.is_file():
        raise InputError(f"no run in {folder}: it has no {SUMMARY}; give a folder that goodfit wrote")
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
        history = pl.read_parquet(losses) if losses.is_file() else None
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the run in {folder} can't be read ({_line(error)}): make it again") from None
    return summary, history


def _read(file: Path) -> tuple[dict[str, str], dict[str, NDArray[np.float32]]]:
    try:
        with safe_open(file, "np") as opened:
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118  not a dict
            return opened.metadata() or {}, tensors
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file} is truncated or not a model ({_line(error)}): train or copy it again") from None


def _checksum(header: str, tensors: Mapping[str, NDArray[np.float32]]) -> str:
    digest = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        digest.update(name.encode() + repr(tensors[name].shape).encode() + tensors[name].tobytes())
    return digest.hexdigest()


def _header(model: Model) -> dict[str, Any]:
    return {
        "task": model.task,
        "target": model.target,
        "columns": list(model.columns),
        "classes": {"dtype": model.classes.dtype.str, "values": model.classes.tolist()},
        "recipe": str(model.recipe),
        "layout": {"sizes": list(model.layout.sizes), "batch_norm": model.layout.batch_norm},
        "encoders": [encoder.to_dict() for encoder in model.encoders],
        "scales": [[scale.center, scale.scale] for scale in model.scales],
        "members": list(model.members),
    }


def _model(header: Mapping[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> Model:
    classes = header["classes"]
    return Model(
        task=header["task"],
        target=header["target"],
        columns=tuple(header["columns"]),
        classes=np.array(classes["values"], dtype=np.dtype(classes["dtype"])),
        recipe=Recipe.parse(header["recipe"]),
        layout=Layout(tuple(header["layout"]["sizes"]), header["layout"]["batch_norm"]),
        encoders=tuple(Encoder.from_dict(state) for state in header["encoders"]),
        scales=tuple(TargetScale(center, scale) for center, scale in header["scales"]),
        members=tuple(header["members"]),
        parameters=tensors["parameters"],
        statistics=tensors["statistics"],
    )


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
